import { BadConfig } from '../infra/config.ts'
import { makeOutbound } from '../infra/outbound/outbound.ts'
import { connectRedis, redisReady } from '../infra/redis/redis.ts'
import { webhookQueue } from '../processors/webhooks/main.ts'
import { hookName } from '../processors/webhooks/plan.ts'
import { DELIVERY_MS_MAX, makeSender } from '../processors/webhooks/sender.ts'
import type { WebhookStore } from '../processors/webhooks/webhook-store.ts'
import { isSessionId } from '../schemas/ids.ts'
import { type Webhook, webhookSecret } from '../schemas/webhooks.ts'
import { sessionPartition } from '../topics/topics.ts'
import { type Context, closeContext, openContext } from './context.ts'
import { type ConfiguredWebhooks, configuredWebhooks } from './webhooks.ts'

export const WEBHOOK_USAGE = `webhook list                        the webhooks, and how many sessions of each were given up
  webhook secret APP/ID               the secret that checks signatures
  webhook test APP/ID                 sends a sample and tells what comes back
  webhook dead APP/ID                 sessions that were given up, as JSON lines
  webhook replay APP/ID SESSION       delivers what was given up of a session again, in order
  webhook discard APP/ID SESSION      drops it`

const LISTED_MAX = 1_000

interface Desk extends ConfiguredWebhooks {
  context: Context
  queue: WebhookStore
  print: (line: string) => void
}

/** Looks after webhooks. 0: done; 1: it could not be done; 2: bad input. */
export async function webhookCommand(options: {
  env: NodeJS.ProcessEnv
  words: readonly string[]
  print?: (line: string) => void
}): Promise<number> {
  const [verb = '', name, sessionId] = options.words
  const wanted = { list: 1, secret: 2, test: 2, dead: 2, replay: 3, discard: 3 }[verb]
  if (wanted !== options.words.length) throw new BadConfig(`usage:\n  ${WEBHOOK_USAGE}`)
  if (sessionId !== undefined && !isSessionId(sessionId)) throw new BadConfig(`${sessionId}: not a session id`)
  const context = await openContext({ PACKLOG_LOG_LEVEL: 'silent', ...options.env }, 'webhook')
  try {
    const configured = await configuredWebhooks(context)
    if (configured === undefined) throw new BadConfig('PACKLOG_WEBHOOKS_FILE is not set: there are no webhooks')
    const { config, logger } = context
    const connection = connectRedis({
      url: config.redisUrl,
      prefix: config.redisPrefix,
      name: 'packlog-webhook',
      logger,
    })
    context.closers.push(() => connection.close())
    await redisReady(connection)
    const print = options.print ?? (line => process.stdout.write(`${line}\n`))
    const desk = { ...configured, context, queue: webhookQueue(connection), print }
    if (verb === 'list') return await list(desk)
    const webhook = configured.source.latest().find(one => hookName(one) === name)
    if (webhook === undefined) throw new BadConfig(`${name}: there is no such webhook`)
    return await work(desk, verb, webhook, sessionId)
  } finally {
    await closeContext(context)
  }
}

async function list(desk: Desk): Promise<number> {
  for (const webhook of desk.source.latest()) {
    const dead = (await deadLanes(desk, webhook)).length
    desk.print(JSON.stringify({ name: hookName(webhook), use: webhook.use, url: webhook.url, dead }))
  }
  return 0
}

async function work(desk: Desk, verb: string, webhook: Webhook, sessionId: string | undefined): Promise<number> {
  const { context, queue, masterKey, print } = desk
  const lane = (id: string) => {
    const partition = sessionPartition(context.topics.events, id)
    return { partition, hook: hookName(webhook), sessionId: id as never }
  }
  switch (verb) {
    case 'secret':
      print(webhookSecret(masterKey, webhook))
      return 0
    case 'test':
      return test(desk, webhook)
    case 'dead':
      for (const { head, ...one } of await deadLanes(desk, webhook)) {
        print(JSON.stringify({ ...one, first: { kind: head.kind, at: head.at } }))
      }
      return 0
    case 'replay': {
      const replayed = await queue.replay(lane(sessionId!), context.clock.now())
      print(replayed ? 'it is delivered again' : 'it was not given up')
      return replayed ? 0 : 1
    }
    default: {
      const dropped = await queue.discard(lane(sessionId!))
      print(`${dropped} dropped`)
      return dropped > 0 ? 0 : 1
    }
  }
}

async function deadLanes({ context, queue }: Desk, webhook: Webhook) {
  const partitions = Array.from({ length: context.topics.events.partitions }, (_, partition) => partition)
  const hook = hookName(webhook)
  const found = await Promise.all(partitions.map(partition => queue.deadLanes({ partition, hook, limit: LISTED_MAX })))
  return found.flat().sort((a, b) => a.at - b.at)
}

async function test({ context, masterKey, print }: Desk, webhook: Webhook): Promise<number> {
  const { clock, config } = context
  const outbound = makeOutbound({ clock, allowedNetworks: config.webhooks.networks })
  const { webhookId, app } = webhook
  const event = {
    type: 'event',
    sessionId: 's:sample-1:sample-2',
    seq: 1,
    count: 0,
    at: clock.now(),
    packId: '00000000-0000-7000-8000-000000000000',
    from: 'sample-1',
    flags: 0,
    body: { kind: 'MessageAccepted', content: { kind: 'Text', text: 'This is a sample.' } },
  }
  const body = JSON.stringify({ id: 'test', webhookId, app, event })
  const headers = { 'packlog-attempt': '1', 'packlog-test': '1' }
  const sent = await makeSender({ outbound, masterKey, clock }).send({
    webhook,
    body,
    headers,
    limitMs: DELIVERY_MS_MAX,
  })
  outbound.close()
  print(sent.kind === 'failed' ? `${sent.reason}: ${sent.message}` : `${sent.kind}: ${sent.status}`)
  return sent.kind === 'delivered' ? 0 : 1
}
