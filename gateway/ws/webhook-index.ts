import type { AppsReader, StoredWebhook } from '../../processors/membership/apps-store.ts'
import type { AcceptedEvent, Event } from '../../schemas/event.ts'
import type { UserId } from '../../schemas/ids.ts'
import { webhookEntry } from '../../schemas/webhook-acts.ts'
import { type AppEntries, AppRegisters } from './app-registers.ts'
import type { IndexParts } from './key-index.ts'

/** The webhooks that apps have set, for whoever looks after them. */
export class WebhookIndex {
  private readonly registers: AppRegisters<StoredWebhook>

  constructor({ apps, ...parts }: { apps: Pick<AppsReader, 'webhooks'> } & IndexParts) {
    this.registers = new AppRegisters({
      ...parts,
      read: app => apps.webhooks(app),
      nameOf: ({ webhookId }) => webhookId,
      entryOf: storedWebhook,
    })
  }

  /** Those of an app, the deleted ones, too, by id. Rejects with QuestionFailed. */
  async entries(app: UserId): Promise<AppEntries<StoredWebhook>> {
    return this.registers.entries(app)
  }

  /** Takes what passes on im.events. */
  passed(event: Event): void {
    this.registers.passed(event)
  }
}

function storedWebhook(event: AcceptedEvent): StoredWebhook | undefined {
  const entry = webhookEntry(event)
  return entry === undefined ? undefined : { ...entry, position: event.seq }
}
