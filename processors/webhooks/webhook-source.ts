import type { Webhook } from '../../schemas/webhooks.ts'

/** Where the webhooks come from: the membership view in the product, memory in tests. */
export interface WebhookSource {
  /** Those in force, as they were read last. Throws while they were never read, or not for WEBHOOKS_STALE_MS. */
  current(): readonly Webhook[]
  /** True where somebody wants to be told of events, or where that is not known; never throws. */
  isWanted(): boolean
  /** Resolves once they were read; rejects where that fails. */
  ready(): Promise<void>
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

  isWanted(): boolean {
    return this.webhooks.some(({ use }) => use === 'after')
  }

  async ready(): Promise<void> {}
}
