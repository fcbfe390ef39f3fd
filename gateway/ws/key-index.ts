import { createHash, timingSafeEqual } from 'node:crypto'
import type { AppsReader, KeyEntry } from '../../processors/membership/apps-store.ts'
import type { AppKey } from '../../schemas/apps.ts'
import type { AcceptedEvent, Event } from '../../schemas/event.ts'
import type { UserId } from '../../schemas/ids.ts'
import { AppRegisters, type AppRegistersOptions } from './app-registers.ts'

/** The keys of apps: one that is revoked is refused by every gateway as soon as it has read so. */
export class KeyIndex {
  private readonly registers: AppRegisters<KeyEntry>

  constructor({ apps, ...parts }: { apps: Pick<AppsReader, 'keys'> } & IndexParts) {
    this.registers = new AppRegisters({
      ...parts,
      read: app => apps.keys(app),
      nameOf: ({ keyId }) => keyId,
      entryOf: keyEntry,
    })
  }

  /** The key of this app and id, whether or not it has expired; undefined: there is none. Rejects with QuestionFailed. */
  async find(app: UserId, keyId: string): Promise<AppKey | undefined> {
    return (await this.registers.entries(app)).get(keyId)?.key
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

/** What is kept of a secret. It has 256 random bits, so that one round is enough. */
export function secretHash(secret: string): string {
  return createHash('sha256').update(secret).digest('hex')
}

/** True where the secret is that of the key; takes the same time wherever they differ. */
export function isSecretOf(key: AppKey, secret: string): boolean {
  const [known, said] = [Buffer.from(key.secretHash, 'hex'), Buffer.from(secretHash(secret), 'hex')]
  return known.length === said.length && timingSafeEqual(known, said)
}
