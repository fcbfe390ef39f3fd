import { createHash, timingSafeEqual } from 'node:crypto'
import { Generations } from '../../infra/generations.ts'
import { appOf } from '../../processors/membership/apps.ts'
import type { AppsReader, KeyEntry } from '../../processors/membership/apps-store.ts'
import type { AppKey } from '../../schemas/apps.ts'
import type { Event } from '../../schemas/event.ts'
import type { Partition, SessionId, UserId } from '../../schemas/ids.ts'
import { APPS_KEPT_MAX } from '../limits.ts'
import type { Views } from './views.ts'

/**
 * The keys of apps. Asked of the membership view once per app, as soon as it has taken in what this gateway has read, and
 * kept right by the events that pass: of each key the entry of the later event stays. So a key that is revoked is
 * refused by every gateway as soon as it has read so.
 */
export class KeyIndex {
  private readonly options: {
    apps: Pick<AppsReader, 'keys'>
    views: Pick<Views, 'askCaughtUp'>
    partitionOf(sessionId: SessionId): Partition
  }
  private readonly known = new Generations<UserId, Map<string, KeyEntry>>(APPS_KEPT_MAX)
  /** What passes while an app is asked for. */
  private readonly asking = new Map<UserId, { entries: Map<string, KeyEntry>; answer: Promise<Entries> }>()

  constructor(options: KeyIndex['options']) {
    this.options = options
  }

  /** The key of this app and id, whether or not it has expired; undefined: there is none. Rejects with QuestionFailed. */
  async find(app: UserId, keyId: string): Promise<AppKey | undefined> {
    return (await this.entries(app)).get(keyId)?.key
  }

  /** Every key of the app. Rejects with QuestionFailed. */
  async list(app: UserId): Promise<AppKey[]> {
    const keys = [...(await this.entries(app)).values()].flatMap(({ key }) => (key === undefined ? [] : [key]))
    return keys.sort((a, b) => a.at - b.at || (a.keyId < b.keyId ? -1 : 1))
  }

  /** Takes what passes on im.events. */
  passed({ body, sessionId, seq }: Event): void {
    if (body.kind !== 'KeySet' && body.kind !== 'KeyRevoked') return
    const app = appOf(sessionId)
    const entries = this.known.get(app) ?? this.asking.get(app)?.entries
    if (entries === undefined) return
    const entry =
      body.kind === 'KeySet'
        ? { keyId: body.key.keyId, position: seq, key: body.key }
        : { keyId: body.keyId, position: seq, key: undefined }
    setEntry(entries, entry)
  }

  private entries(app: UserId): Entries | Promise<Entries> {
    return this.known.get(app) ?? this.asking.get(app)?.answer ?? this.ask(app)
  }

  private ask(app: UserId): Promise<Entries> {
    const { apps, views, partitionOf } = this.options
    const entries = new Map<string, KeyEntry>()
    const answer = views
      .askCaughtUp([partitionOf(`a:${app}` as SessionId)], () => apps.keys(app))
      .then(stored => {
        for (const entry of stored) setEntry(entries, entry)
        // Nothing is kept of an app that there is not: its name may be anything.
        if (entries.size > 0) this.known.set(app, entries)
        return entries
      })
      .finally(() => this.asking.delete(app))
    this.asking.set(app, { entries, answer })
    return answer
  }
}

type Entries = ReadonlyMap<string, KeyEntry>

function setEntry(entries: Map<string, KeyEntry>, entry: KeyEntry): void {
  if ((entries.get(entry.keyId)?.position ?? -1) < entry.position) entries.set(entry.keyId, entry)
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
