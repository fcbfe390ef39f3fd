import { createHash, timingSafeEqual } from 'node:crypto'
import type { AppsReader, KeyEntry, QuotaEntry } from '../../processors/membership/apps-store.ts'
import { type AppKey, keyQuota } from '../../schemas/apps.ts'
import type { AcceptedEvent, Event } from '../../schemas/event.ts'
import type { UserId } from '../../schemas/ids.ts'
import { AppRegisters, type AppRegistersOptions } from './app-registers.ts'

/** The keys of apps: one that is revoked is refused by every gateway as soon as it has read so. */
export class KeyIndex {
  private readonly registers: AppRegisters<KeyEntry>
  private readonly quotas: AppRegisters<QuotaEntry>

  constructor({ apps, ...parts }: { apps: Pick<AppsReader, 'keys' | 'quotas'> } & IndexParts) {
    this.registers = new AppRegisters({
      ...parts,
      read: app => apps.keys(app),
      nameOf: ({ keyId }) => keyId,
      entryOf: keyEntry,
    })
    this.quotas = new AppRegisters({
      ...parts,
      read: app => apps.quotas(app),
      nameOf: ({ keyId }) => keyId,
      entryOf: quotaEntry,
      keepsEmpty: true,
    })
  }

  /** The key of this app and id, whether or not it has expired; undefined: there is none. Rejects with QuestionFailed. */
  async find(app: UserId, keyId: string): Promise<AppKey | undefined> {
    return (await this.registers.entries(app)).get(keyId)?.key
  }

  /** Of a key that there is: requests that it may make in a day; undefined: no limit. Rejects with QuestionFailed. */
  async perDay(app: UserId, keyId: string): Promise<number | undefined> {
    return (await this.quotas.entries(app)).get(keyId)?.perDay
  }

  /** Every key of the app. Rejects with QuestionFailed. */
  async list(app: UserId): Promise<AppKey[]> {
    const entries = await this.registers.entries(app)
    const keys = [...entries.values()].flatMap(({ key }) => (key === undefined ? [] : [key]))
    return keys.sort((a, b) => a.at - b.at || (a.keyId < b.keyId ? -1 : 1))
  }

  /** Takes what passes on im.events. */
  passed(event: Event): void {
    this.registers.passed(event)
    this.quotas.passed(event)
  }
}

export type IndexParts = Pick<AppRegistersOptions<KeyEntry>, 'views' | 'partitionOf'>

function keyEntry({ body, seq: position }: AcceptedEvent): KeyEntry | undefined {
  switch (body.kind) {
    case 'KeySet':
      return { keyId: body.key.keyId, position, key: body.key }
    case 'KeyRevoked':
      return { keyId: body.keyId, position, key: undefined }
    default:
      return undefined
  }
}

function quotaEntry({ body, seq: position }: AcceptedEvent): QuotaEntry | undefined {
  const quota = keyQuota(body)
  return quota === undefined ? undefined : { ...quota, position }
}

/** What is kept of a secret. It has 256 random bits, so that one round is enough. */
export function secretHash(secret: string): string {
  return createHash('sha256').update(secret).digest('hex')
}

/** True where the secret is that of the key; takes the same time wherever they differ. */
export function isSecretOf(key: AppKey, secret: string): boolean {
  const [known, said] = [Buffer.from(key.secretHash, 'hex'), Buffer.from(secretHash(secret), 'hex')]
  return known.length === said.length && timingSafeEqual(known, said)
}
