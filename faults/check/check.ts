import { spawn } from 'node:child_process'
import { createReadStream } from 'node:fs'
import { createInterface } from 'node:readline'
import { BUILT_MAIN } from '../../infra/local/roles.ts'
import { type Audit, BookAudit } from './audit.ts'
import { readLog } from './read-log.ts'
import { compareClickHouse, compareRedis } from './stores.ts'

/** What `npm run verify -- --json` said. */
export interface Verified {
  code: number | null
  output: string
}

export interface Checked extends Audit {
  verify: Verified
}

const STORE_PROBLEMS_MAX = 50

/** Everything from outside: the clients' book, the log, Redis, ClickHouse, and `verify` as one more witness. */
export async function check(options: {
  bookFile: string
  /** Environment of the product's processes. */
  env: Record<string, string>
  log(line: string): void
}): Promise<Checked> {
  const { bookFile, env, log } = options
  log('checking: verify')
  // It waits for the views, too.
  const verify = await runVerify(env)
  log('checking: the log')
  const facts = await readLog({
    brokers: env.KAFKA_BROKERS!.split(','),
    registryUrl: env.SCHEMA_REGISTRY_URL!,
    topic: `${env.PACKLOG_TOPIC_PREFIX ?? ''}im.events`,
    groupId: `faults-check-${process.pid}`,
  })
  log("checking: the clients' book")
  const audit = new BookAudit(facts)
  for await (const line of createInterface({ input: createReadStream(bookFile) })) audit.take(line)
  const { figures, violations } = audit.finish()
  log('checking: Redis and ClickHouse')
  const stores = [
    ...(await compareRedis({ url: env.REDIS_URL!, prefix: env.PACKLOG_REDIS_PREFIX ?? '' }, facts)),
    ...(await compareClickHouse(
      {
        url: env.CLICKHOUSE_URL!,
        database: env.PACKLOG_CLICKHOUSE_DATABASE ?? 'packlog',
        topicPartitions: Number(env.PACKLOG_PARTITION_COUNT),
      },
      facts,
    )),
  ]
  violations.push(...stores.slice(0, STORE_PROBLEMS_MAX))
  if (verify.code !== 0) violations.push(`verify ended with ${verify.code}: ${verify.output.slice(0, 2_000)}`)
  return { figures, violations, verify }
}

function runVerify(env: Record<string, string>): Promise<Verified> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [BUILT_MAIN, 'verify', '--json'], {
      env: { ...process.env, ...env },
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    let output = ''
    child.stdout.setEncoding('utf8').on('data', text => {
      output += text
    })
    child.once('error', reject)
    child.once('close', code => resolve({ code, output: output.trim() }))
  })
}
