import { readFile } from 'node:fs/promises'
import { hookMetrics } from '../gateway/hooks/hook-metrics.ts'
import { Hooks } from '../gateway/hooks/hooks.ts'
import { BadConfig } from '../infra/config.ts'
import { makeOutbound } from '../infra/outbound/outbound.ts'
import { makeSender } from '../processors/webhooks/sender.ts'
import { PolledWebhooks } from '../processors/webhooks/webhook-source.ts'
import { parseWebhooks } from '../processors/webhooks/webhooks-file.ts'
import { MASTER_KEY_BYTES_MIN, type Webhook } from '../schemas/webhooks.ts'
import type { Context } from './context.ts'

/** Where roles get the webhooks from, and the key that their secrets are derived from. */

export interface ConfiguredWebhooks {
  source: PolledWebhooks
  masterKey: Buffer
}

/**
 * The webhooks of the file that PACKLOG_WEBHOOKS_FILE names, read again and again; undefined where none is named. A file
 * that is malformed later leaves them as they were. Throws BadConfig.
 */
export async function configuredWebhooks(context: Context): Promise<ConfiguredWebhooks | undefined> {
  const { config, clock, logger } = context
  const { file, keyFile } = config.webhooks
  if (file === undefined) return undefined
  if (keyFile === undefined) throw new BadConfig('PACKLOG_WEBHOOK_KEY_FILE is missing: PACKLOG_WEBHOOKS_FILE is set')
  const masterKey = await readWebhookKey(keyFile)
  let last = await readWebhooks(file).catch(error => {
    throw new BadConfig(`PACKLOG_WEBHOOKS_FILE cannot be used: ${file}: ${(error as Error).message}`)
  })
  let problem = ''
  const read = async (): Promise<Webhook[]> => {
    try {
      last = await readWebhooks(file)
      problem = ''
    } catch (error) {
      const { message } = error as Error
      if (message !== problem) logger.error({ err: error, file }, 'the webhooks stay as they were')
      problem = message
    }
    return last
  }
  const source = new PolledWebhooks({ read, clock, logger })
  await source.ready()
  const stopping = new AbortController()
  context.closers.push(async () => stopping.abort())
  void source.run(stopping.signal)
  return { source, masterKey }
}

async function readWebhooks(file: string): Promise<Webhook[]> {
  return parseWebhooks(await readFile(file, 'utf8'))
}

/** Throws BadConfig when the file cannot be read or is too short. */
export async function readWebhookKey(file: string): Promise<Buffer> {
  const text = await readFile(file, 'utf8').catch(error => {
    throw new BadConfig(`PACKLOG_WEBHOOK_KEY_FILE cannot be read: ${(error as Error).message}`)
  })
  const key = Buffer.from(text.trim(), 'base64url')
  if (key.length < MASTER_KEY_BYTES_MIN) {
    throw new BadConfig(`PACKLOG_WEBHOOK_KEY_FILE: fewer than ${MASTER_KEY_BYTES_MIN} bytes of base64url`)
  }
  return key
}

/** What a gateway asks before it takes a pack. Throws BadConfig. */
export async function gatewayHooks(context: Context): Promise<{ hooks?: Hooks }> {
  const configured = await configuredWebhooks(context)
  if (configured === undefined) return {}
  const { config, clock, logger, metrics } = context
  const { source, masterKey } = configured
  const outbound = makeOutbound({ clock, allowedNetworks: config.webhooks.networks })
  context.closers.push(async () => outbound.close())
  const sender = makeSender({ outbound, masterKey, clock })
  return { hooks: new Hooks({ source, sender, clock, logger, metrics: hookMetrics(metrics) }) }
}
