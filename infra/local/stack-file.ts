import { renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { StackInfo } from '../stack-info.ts'
import type { KnownProcess } from './process-identity.ts'

/** The whole file: what commands in other terminals (run.mjs) need besides what tools learn. */
export interface StackFile extends StackInfo {
  starter: KnownProcess
}

/** Replaces `stack.json` in the data directory in one step. */
export function writeStackFile(dataDir: string, contents: StackFile): void {
  const file = join(dataDir, 'stack.json')
  const draft = `${file}.draft`
  writeFileSync(draft, `${JSON.stringify(contents, null, 2)}\n`)
  renameSync(draft, file)
}
