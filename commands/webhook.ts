import { BadConfig } from '../infra/config.ts'
import { connectRedis, redisReady } from '../infra/redis/redis.ts'
import { hookName } from '../processors/webhooks/plan.ts'
import type { WebhookDesk } from '../processors/webhooks/webhook-desk.ts'
import { isSessionId, type SessionId } from '../schemas/ids.ts'
import { type Webhook, webhookSecret } from '../schemas/webhooks.ts'
import { closeContext, openContext } from './context.ts'
import { configuredWebhooks, webhookDesk } from './webhooks.ts'

export const WEBHOOK_USAGE = `webhook list                        the webhooks, and how many sessions of each were given up
  webhook secret APP/ID               the secret that checks signatures
  webhook test APP/ID                 sends a sample and tells what comes back
  webhook dead APP/ID                 sessions that were given up, as JSON lines
  webhook replay APP/ID SESSION       delivers what was given up of a session again, in order
  webhook discard APP/ID SESSION      drops it`

interface Work {
  desk: WebhookDesk
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
    const { config, logger } = context
    const connection = connectRedis({
      url: config.redisUrl,
      prefix: config.redisPrefix,
      name: 'packlog-webhook',
      logger,
    })
    context.closers.push(() => connection.close())
    await redisReady(connection)
    const configured = await configuredWebhooks(context, connection)
    if (configured === undefined) throw new BadConfig('PACKLOG_WEBHOOK_KEY_FILE is not set: there are no webhooks')
    await configured.source.ready()
    const print = options.print ?? (line => process.stdout.write(`${line}\n`))
    const work = { desk: webhookDesk(configured, context, connection), print }
    const webhooks = configured.source.latest()
    if (verb === 'list') return await list(work, webhooks)
    const webhook = webhooks.find(one => hookName(one) === name)
    if (webhook === undefined) throw new BadConfig(`${name}: there is no such webhook`)
    return await look(work, verb, webhook, sessionId)
  } finally {
    await closeContext(context)
  }
}

async function list({ desk, print }: Work, webhooks: readonly Webhook[]): Promise<number> {
  if (webhooks.length === 0) print('there are no webhooks')
  for (const webhook of webhooks) {
    const dead = (await desk.deadLanes(webhook)).length
    print(JSON.stringify({ name: hookName(webhook), use: webhook.use, url: webhook.url, dead }))
  }
  return 0
}

async function look(
  { desk, print }: Work,
  verb: string,
  webhook: Webhook,
  sessionId: SessionId | undefined,
): Promise<number> {
  switch (verb) {
    case 'secret':
      print(webhookSecret(desk.masterKey, webhook))
      return 0
    case 'test': {
      const sent = await desk.test(webhook)
      print(sent.kind === 'failed' ? `${sent.reason}: ${sent.message}` : `${sent.kind}: ${sent.status}`)
      return sent.kind === 'delivered' ? 0 : 1
    }
    case 'dead':
      for (const { head, ...one } of await desk.deadLanes(webhook)) {
        print(JSON.stringify({ ...one, first: { kind: head.kind, at: head.at } }))
      }
      return 0
    case 'replay': {
      const replayed = await desk.replay(webhook, sessionId!)
      print(replayed ? 'it is delivered again' : 'it was not given up')
      return replayed ? 0 : 1
    }
    default: {
      const dropped = await desk.discard(webhook, sessionId!)
      print(`${dropped} dropped`)
      return dropped > 0 ? 0 : 1
    }
  }
}
