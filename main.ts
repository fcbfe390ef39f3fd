#!/usr/bin/env node
import { realpathSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { BadConfig } from './infra/config.ts'
import { ROLES } from './infra/roles.ts'

const HELP = `packlog: an event-sourced instant-messaging backend on Kafka

  packlog --role ROLE[,ROLE...]     runs roles: ${ROLES.join(', ')}
  packlog setup                     creates topics, schemas and tables; can be run again
  packlog token USER [--hours H]    prints a development token for a user
  packlog kick USER [--reason TEXT] logs a user out everywhere
  packlog disable|enable USER       keeps a user out, or lets them in again
  packlog erase USER [--reason T]   erases a user for good, and shows how far it is
  packlog export USER               writes what is kept of a user, one JSON object a line
  packlog hold|release USER|SESSION sets or ends a legal hold, which goes before every erasure
  packlog key create|list|quota|revoke APP  makes, lists, limits and ends keys of apps for the HTTP API
  packlog rebuild VIEW [--resume]   builds history, membership or archive anew from the log, and from the archive
                                    where the log has lost its beginning; --discard throws away what one has left,
                                    --threads N says how many threads build history or membership (one per core)
  packlog rebuild VIEW --as-of TIME builds history or membership as it was, beside the live one
  packlog verify --digest           prints one digest for everything that a view shows
  packlog verify [--json] [--repair]  compares every view with a fresh fold of the log; builds anew what differs
  packlog webhook list|secret|test|dead|replay|discard  looks after webhooks
  packlog push urls                 prints where push vendors report, for their consoles
  packlog dead list|inspect|retry|discard  works on records that a processor could not apply

The environment says where Kafka, the registry, Redis and ClickHouse are: docs/operations.md.
`

/**
 * Runs one command line and gives its exit code. Errors of the user are explained; others are thrown. Only what the
 * command needs is loaded: who asks for a token does not wait for an HTTP server.
 */
export async function main(argv: readonly string[], env: NodeJS.ProcessEnv, signal: AbortSignal): Promise<number> {
  const { values, positionals } = parseArgs({
    args: [...argv],
    allowPositionals: true,
    options: {
      role: { type: 'string' },
      hours: { type: 'string' },
      reason: { type: 'string' },
      name: { type: 'string' },
      scopes: { type: 'string' },
      days: { type: 'string' },
      'per-day': { type: 'string' },
      json: { type: 'boolean' },
      all: { type: 'boolean' },
      repair: { type: 'boolean' },
      digest: { type: 'boolean' },
      resume: { type: 'boolean' },
      discard: { type: 'boolean' },
      'as-of': { type: 'string' },
      threads: { type: 'string' },
      help: { type: 'boolean', short: 'h' },
    },
  })
  const [command, subject] = positionals
  if (command === undefined && values.role !== undefined)
    return (await import('./commands/run-roles.ts')).runRoles({ roles: values.role, env, signal })
  switch (command) {
    case 'setup':
      return (await import('./commands/setup.ts')).setupCommand({ env })
    case 'token':
      return (await import('./commands/token.ts')).tokenCommand({ env, userId: subject, hours: values.hours })
    case 'kick':
      return (await import('./commands/kick.ts')).kickCommand({ env, userId: subject, reason: values.reason })
    case 'key': {
      const { name, role, scopes, days, 'per-day': perDay } = values
      return (await import('./commands/key.ts')).keyCommand({
        env,
        words: positionals.slice(1),
        flags: { name, role, scopes, days, perDay },
      })
    }
    case 'rebuild':
      return (await import('./commands/rebuild.ts')).rebuildCommand({
        env,
        view: subject,
        signal,
        resume: values.resume === true,
        discard: values.discard === true,
        asOf: values['as-of'],
        threads: values.threads,
      })
    case 'verify':
      if (values.digest === true) return (await import('./commands/verify.ts')).digestCommand(env)
      return (await import('./commands/verify.ts')).verifyCommand({
        env,
        json: values.json === true,
        repair: values.repair === true,
        signal,
      })
    case 'disable':
    case 'enable':
    case 'erase':
    case 'hold':
    case 'release':
      return (await import('./commands/standing.ts')).standingCommand({
        env,
        verb: command,
        subject,
        reason: values.reason,
        signal,
      })
    case 'push':
      return (await import('./commands/push-receipts.ts')).pushCommand({ env, words: positionals.slice(1) })
    case 'export':
      return (await import('./commands/export.ts')).exportCommand({ env, userId: subject, signal })
    case 'dead':
      return (await import('./commands/dead.ts')).deadCommand({
        env,
        words: positionals.slice(1),
        all: values.all === true,
        json: values.json === true,
        reason: values.reason,
      })
    case 'webhook':
      return (await import('./commands/webhook.ts')).webhookCommand({ env, words: positionals.slice(1) })
    default:
      process.stdout.write(HELP)
      return values.help === true ? 0 : 2
  }
}

/** Aborts at the first SIGINT or SIGTERM: the process then drains. */
function stopSignal(): AbortSignal {
  const controller = new AbortController()
  for (const name of ['SIGINT', 'SIGTERM'] as const) process.once(name, () => controller.abort())
  return controller.signal
}

if (process.argv[1] !== undefined && realpathSync(process.argv[1]) === fileURLToPath(import.meta.url)) {
  try {
    process.exitCode = await main(process.argv.slice(2), process.env, stopSignal())
  } catch (error) {
    const explained =
      error instanceof BadConfig || String((error as { code?: unknown }).code).startsWith('ERR_PARSE_ARGS')
    process.stderr.write(`packlog: ${explained ? (error as Error).message : ((error as Error).stack ?? error)}\n`)
    process.exitCode = explained ? 2 : 1
  }
  // Roles have let everything go by now. Should something be open still, it must not keep the process: whoever watches
  // it starts another one when it has ended, and its work is nobody's until then.
  if (process.argv.some(arg => /^--role(=|$)/.test(arg))) process.exit()
}
