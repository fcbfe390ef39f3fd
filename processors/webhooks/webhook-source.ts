import type { Clock, Millis } from '../../infra/clock.ts'
import type { Logger } from '../../infra/logger.ts'
import type { Webhook } from '../../schemas/webhooks.ts'

/** Where the webhooks come from: a file and the membership view in the product, memory in tests. */
export interface WebhookSource {
  /** Those in force, as they were read last. Throws while they were never read, or not for WEBHOOKS_STALE_MS. */
  current(): readonly Webhook[]
  /** The same as far as is known, however old; never throws. */
  latest(): readonly Webhook[]
  /** True where somebody wants to be told of events, or where that is not known; never throws. */
  isWanted(): boolean
  /** Resolves once they were read; rejects where that fails. */
  ready(): Promise<void>
}

/** How long a webhook that was set may take to be in force everywhere; twice that in the worst case. */
export const WEBHOOKS_POLL_MS: Millis = 500
/** Webhooks that were read longer ago are not relied upon: events wait. */
export const WEBHOOKS_STALE_MS: Millis = 10_000

/** The webhooks are not known, or not of late. */
export class WebhooksUnknown extends Error {
  override readonly name = 'WebhooksUnknown'
}

/** Webhooks that are read again and again. `read` rejects where what it could give is not whole. */
export class PolledWebhooks implements WebhookSource {
  private readonly options: { read: () => Promise<Webhook[]>; clock: Clock; logger: Logger }
  private webhooks: readonly Webhook[] = []
  private readAt: Millis | undefined
  private reading: Promise<void> | undefined
  private hasFailed = false

  constructor(options: PolledWebhooks['options']) {
    this.options = options
  }

  /** Reads until told to stop. Never rejects. */
  async run(signal: AbortSignal): Promise<void> {
    const { clock, logger } = this.options
    while (!signal.aborted) {
      try {
        await this.look()
        this.hasFailed = false
      } catch (error) {
        if (!this.hasFailed) logger.warn({ err: error }, 'the webhooks cannot be read')
        this.hasFailed = true
      }
      await clock.sleep(WEBHOOKS_POLL_MS, signal)
    }
  }

  current(): readonly Webhook[] {
    if (this.readAt === undefined || this.options.clock.monotonic() - this.readAt > WEBHOOKS_STALE_MS) {
      throw new WebhooksUnknown('the webhooks were not read of late')
    }
    return this.webhooks
  }

  latest(): readonly Webhook[] {
    return this.webhooks
  }

  isWanted(): boolean {
    return this.readAt === undefined || this.webhooks.some(({ use }) => use === 'after')
  }

  async ready(): Promise<void> {
    if (this.readAt === undefined) await this.look()
  }

  private look(): Promise<void> {
    this.reading ??= this.read().finally(() => {
      this.reading = undefined
    })
    return this.reading
  }

  private async read(): Promise<void> {
    const begun = this.options.clock.monotonic()
    this.webhooks = await this.options.read()
    this.readAt = begun
  }
}

/** Webhooks that stand in memory. */
export class MemoryWebhookSource implements WebhookSource {
  webhooks: Webhook[]

  constructor(webhooks: readonly Webhook[] = []) {
    this.webhooks = [...webhooks]
  }

  current(): readonly Webhook[] {
    return this.webhooks
  }

  latest(): readonly Webhook[] {
    return this.webhooks
  }

  isWanted(): boolean {
    return this.webhooks.some(({ use }) => use === 'after')
  }

  async ready(): Promise<void> {}
}
