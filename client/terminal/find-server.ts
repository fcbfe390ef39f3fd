import { existsSync, readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import type { StackInfo } from '../../infra/stack-info.ts'

/** Nobody said where the server is, and no local stack was started here. */
export class NoServer extends Error {
  override readonly name = 'NoServer'
}

export const START_HINT = 'start the server with `npm start` in another terminal'

/** The local stack's own account of itself; undefined when none was started here. */
export function readLocalStack(env: NodeJS.ProcessEnv): StackInfo | undefined {
  const file = env.PACKLOG_STACK_FILE || join(resolve(env.PACKLOG_DATA || '.packlog'), 'stack.json')
  return existsSync(file) ? (JSON.parse(readFileSync(file, 'utf8')) as StackInfo) : undefined
}

/** Where to connect: what was asked for, PACKLOG_WS_URL, or the local stack. Throws NoServer. */
export function findServer(asked: string | undefined, env: NodeJS.ProcessEnv): string {
  const url = asked ?? (env.PACKLOG_WS_URL || readLocalStack(env)?.urls.ws)
  if (url === undefined) throw new NoServer(`no server is known: ${START_HINT}, or name one with --url`)
  if (!URL.canParse(url) || !/^wss?:$/.test(new URL(url).protocol)) {
    throw new NoServer(`"${url}" is not a WebSocket URL (ws:// or wss://)`)
  }
  return url
}

/** True where nothing listens at the address at all: waiting will not change that. */
export function isNobodyThere(reason: string): boolean {
  return /ECONNREFUSED|ENOTFOUND|EAI_AGAIN|EHOSTUNREACH/.test(reason)
}
