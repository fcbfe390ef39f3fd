#!/usr/bin/env node
import { realpathSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { deadCommand } from './commands/dead.ts'
import { exportCommand } from './commands/export.ts'
import { keyCommand } from './commands/key.ts'
import { kickCommand } from './commands/kick.ts'
import { pushCommand } from './commands/push-receipts.ts'
import { rebuildCommand } from './commands/rebuild.ts'
import { runRoles } from './commands/run-roles.ts'
import { setupCommand } from './commands/setup.ts'
import { standingCommand } from './commands/standing.ts'
import { tokenCommand } from './commands/token.ts'
import { digestCommand, verifyCommand } from './commands/verify.ts'
import { webhookCommand } from './commands/webhook.ts'
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
  packlog key create|list|revoke APP makes, lists and ends keys of apps for the HTTP API
  packlog rebuild VIEW [--resume]   builds history, membership or archive anew from the log, and from the archive
                                    where the log has lost its beginning; --discard throws away what one has left
  packlog rebuild VIEW --as-of TIME builds history or membership as it was, beside the live one
  packlog verify --digest           prints one digest for everything that a view shows
  packlog verify [--json] [--repair]  compares every view with a fresh fold of the log; builds anew what differs
  packlog webhook list|secret|test|dead|replay|discard  looks after webhooks
  packlog push urls                 prints where push vendors report, for their consoles
  packlog dead list|inspect|retry|discard  works on records that a processor could not apply

The environment says where Kafka, the registry, Redis and ClickHouse are: docs/operations.md.
`

/** Runs one command line and gives its exit code. Errors of the user are explained; others are thrown. */
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
      json: { type: 'boolean' },
      all: { type: 'boolean' },
      repair: { type: 'boolean' },
      digest: { type: 'boolean' },
      resume: { type: 'boolean' },
      discard: { type: 'boolean' },
      'as-of': { type: 'string' },
      help: { type: 'boolean', short: 'h' },
    },
  })
  const [command, subject] = positionals
  if (command === undefined && values.role !== undefined) return runRoles({ roles: values.role, env, signal })
  switch (command) {
    case 'setup':
      return setupCommand({ env })
    case 'token':
      return tokenCommand({ env, userId: subject, hours: values.hours })
    case 'kick':
      return kickCommand({ env, userId: subject, reason: values.reason })
    case 'key': {
      const { name, role, scopes, days } = values
      return keyCommand({ env, words: positionals.slice(1), flags: { name, role, scopes, days } })
    }
    case 'rebuild':
      return rebuildCommand({
        env,
        view: subject,
        signal,
        resume: values.resume === true,
        discard: values.discard === true,
        asOf: values['as-of'],
      })
    case 'verify':
      if (values.digest === true) return digestCommand(env)
      return verifyCommand({ env, json: values.json === true, repair: values.repair === true, signal })
    case 'disable':
    case 'enable':
    case 'erase':
    case 'hold':
    case 'release':
      return standingCommand({ env, verb: command, subject, reason: values.reason, signal })
    case 'push':
      return pushCommand({ env, words: positionals.slice(1) })
    case 'export':
      return exportCommand({ env, userId: subject, signal })
    case 'dead':
      return deadCommand({
        env,
        words: positionals.slice(1),
        all: values.all === true,
        json: values.json === true,
        reason: values.reason,
      })
    case 'webhook':
      return webhookCommand({ env, words: positionals.slice(1) })
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
}
