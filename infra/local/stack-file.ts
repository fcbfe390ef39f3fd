import { renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { KnownProcess } from './process-identity.ts'

/** What commands in other terminals (run.mjs) and tools learn about a local stack. */
export interface StackFile {
  starter: KnownProcess
  /** Environment of the roles, without what belongs to one process. */
  env: Record<string, string>
  urls: {
    ws: string
    http: string
    clickhouse: string
    kafka: string
    registry: string
    redis: string
    metrics: Record<string, string>
  }
  /** Everything that runs, with its present pid. */
  processes: { name: string; pid: number }[]
}

/** Replaces `stack.json` in the data directory in one step. */
export function writeStackFile(dataDir: string, contents: StackFile): void {
  const file = join(dataDir, 'stack.json')
  const draft = `${file}.draft`
  writeFileSync(draft, `${JSON.stringify(contents, null, 2)}\n`)
  renameSync(draft, file)
}
