import { mkdirSync } from 'node:fs'
import type { PartSpec } from './part.ts'
import { HOST } from './ports.ts'
import { answersPing } from './probes.ts'

interface RedisOptions {
  program: string
  dataDir: string
  port: number
  logFile: string
  env: NodeJS.ProcessEnv
}

/** Redis with an append-only file that is synced every second. */
export function redisPart({ program, dataDir, port, logFile, env }: RedisOptions): PartSpec {
  const settings: Record<string, string> = {
    port: String(port),
    bind: HOST,
    dir: dataDir,
    appendonly: 'yes',
    appendfsync: 'everysec',
    save: '',
    // To write the file anew takes a core, which 2,000 messages a second had once a minute as long as it was small.
    'auto-aof-rewrite-min-size': '256mb',
    'maxmemory-policy': 'noeviction',
    daemonize: 'no',
  }
  return {
    name: 'redis',
    title: 'Redis',
    command: {
      file: program,
      args: Object.entries(settings).flatMap(([name, value]) => [`--${name}`, value]),
      env,
      logFile,
      // Before the views that write to it, behind those that people wait for.
      niceness: 5,
    },
    stop: { signal: 'SIGTERM', graceMs: 10_000 },
    readyMsMax: 30_000,
    prepare: async () => void mkdirSync(dataDir, { recursive: true }),
    lacks: async () => ((await answersPing(HOST, port)) ? undefined : 'no answer to PING'),
  }
}
