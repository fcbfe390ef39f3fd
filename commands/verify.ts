import { connectClickHouse } from '../infra/clickhouse/clickhouse.ts'
import { connectRedis, redisReady } from '../infra/redis/redis.ts'
import { RedisHealthReports } from '../infra/redis/redis-health-reports.ts'
import { ClickHouseArchiveInspector } from '../processors/archive/inspect.ts'
import { HISTORY_DEFAULTS } from '../processors/history/history-store.ts'
import { historyInspector } from '../processors/history/main.ts'
import { membershipInspector } from '../processors/membership/main.ts'
import { runVerify, type VerifyOptions, type VerifyResult } from '../verify/verify.ts'
import { historyDigest, membershipDigest } from '../verify/view-digest.ts'
import { type Context, clickHouseOptions, closeContext, openContext } from './context.ts'
import { rebuildCommand } from './rebuild.ts'

export interface VerifyCommandOptions {
  env: NodeJS.ProcessEnv
  json: boolean
  /** Builds the views anew in which something differs, and compares again. */
  repair: boolean
  signal: AbortSignal
}

/** Prints one digest for everything that history and membership show; compares nothing. 0: done. */
export async function digestCommand(env: NodeJS.ProcessEnv): Promise<number> {
  const context = await openContext({ ...env, PACKLOG_LOG_LEVEL: 'silent' }, 'digest')
  try {
    const { redisUrl: url, redisPrefix: prefix } = context.config
    const { random, logger } = context
    const connection = connectRedis({ url, prefix, name: 'packlog-digest', logger })
    context.closers.push(() => connection.close())
    await redisReady(connection)
    const on = { connection, random }
    process.stdout.write(`history ${await historyDigest(historyInspector(on))}\n`)
    process.stdout.write(`membership ${await membershipDigest(membershipInspector(on))}\n`)
    return 0
  } finally {
    await closeContext(context)
  }
}

/** How often views are built anew: what is named is bounded, and a repaired view may show another one's damage. */
const REPAIRS_MAX = 3

/** Compares every view with a fresh fold of the log. 0: all is equal, 1: it is not, 2: it could not be compared. */
export async function verifyCommand({ env, json, repair, signal }: VerifyCommandOptions): Promise<number> {
  let compared = await compare(env, json)
  for (let times = 0; repair && compared.code === 1 && times < REPAIRS_MAX && !signal.aborted; times++) {
    const views = REPAIRABLE.filter(view => compared.damaged.has(view))
    // The log itself is the truth: what is wrong there cannot be built from anything.
    if (views.length === 0) return compared.code
    for (const view of views) {
      const print = json ? () => {} : (line: string) => process.stdout.write(`${line}\n`)
      print(`repairing ${view}: it is built anew from the log`)
      await rebuildCommand({ env, view, signal, print })
    }
    compared = await compare(env, json)
  }
  return compared.code
}

const REPAIRABLE = ['history', 'membership', 'archive'] as const

async function compare(env: NodeJS.ProcessEnv, json: boolean): Promise<{ code: number; damaged: ReadonlySet<string> }> {
  const damaged = new Set<string>()
  // Logs go to standard output, where the result is to stand alone.
  const context = await openContext({ ...env, PACKLOG_LOG_LEVEL: 'silent' }, 'verify')
  try {
    const { options, report } = await verification(context)
    let found: VerifyResult | undefined
    const code = await runVerify({
      ...options,
      json,
      print: line => process.stdout.write(`${line}\n`),
      onResult: result => {
        found = result
      },
    })
    for (const { view } of found?.differences ?? []) damaged.add(view)
    if (found !== undefined) await report(found)
    return { code, damaged }
  } finally {
    await closeContext(context)
  }
}

/** Everything that is compared, over connections that the context closes, and how others are told what was found. */
export async function verification(
  context: Context,
): Promise<{ options: VerifyOptions; report(result: VerifyResult): Promise<void> }> {
  const { config, log, topics, codecs, clock, random, logger, closers } = context
  const { redisUrl: url, redisPrefix: prefix } = config
  const connection = connectRedis({ url, prefix, name: 'packlog-verify', logger })
  // Whole tables are compared in one statement.
  const clickhouse = connectClickHouse({ ...clickHouseOptions(config), requestTimeoutMs: COMPARE_MS_MAX })
  closers.push(
    () => connection.close(),
    () => clickhouse.close(),
  )
  await redisReady(connection)
  const options = {
    source: { log, codec: codecs.events },
    topic: topics.events,
    history: historyInspector({ connection, random }),
    membership: membershipInspector({ connection, random }),
    archive: new ClickHouseArchiveInspector(clickhouse),
    limits: { ...HISTORY_DEFAULTS, ...config.history },
    clock,
  }
  return {
    options,
    // For who looks at the console; that it cannot be told changes nothing.
    report: async ({ sessions, events, messages, users, total: differences }) => {
      const report = { at: clock.now(), sessions, events, messages, users, differences }
      await new RedisHealthReports(connection).putVerify(report).catch(() => {})
    },
  }
}

const COMPARE_MS_MAX = 600_000
