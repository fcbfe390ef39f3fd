import type { Clock, Millis, Random } from '../../infra/clock.ts'
import type { Content } from '../../schemas/content.ts'
import type { SessionId, UserId } from '../../schemas/ids.ts'
import { formatMediaId, MEDIA_NAME_BYTES, mediaKey, parseMediaId, refersTo } from './media-id.ts'
import type { MediaQuota, MediaStore } from './media-store.ts'

/**
 * Files of messages. They lie in a store of their own; the gateway only signs links: one to put exactly what was
 * announced, one to get it for a few minutes.
 *
 * Whoever asks for a file names the message that shows it. They get a link while they are in the session, may read the
 * message, and it shows the file as it reads now: after leaving, or once it was revoked, deleted or edited to show
 * something else, there is none. The message must be of the file's owner, or one that the server found to be forwarded:
 * otherwise whoever has once seen the id could go on asking by a message of their own.
 */

export interface MediaLimits {
  bytesMax: number
  /** Of one user in a day, UTC. */
  bytesPerDayMax: number
  /** Such as `image/*`. */
  types: readonly string[]
}

export const MEDIA_LIMITS: MediaLimits = {
  bytesMax: 100 * 1024 ** 2,
  bytesPerDayMax: 1024 ** 3,
  types: ['image/*', 'audio/*', 'video/*', 'text/plain', 'text/csv', 'application/*'],
}
/** How long a link may be used. */
export const UPLOAD_LINK_MS: Millis = 600_000
export const DOWNLOAD_LINK_MS: Millis = 300_000
/** Shown by browsers themselves; everything else is only saved, for it could be a page with a script. */
const SHOWN = /^(image\/(png|jpeg|gif|webp|avif)|audio\/[a-z0-9.+-]+|video\/[a-z0-9.+-]+)$/

export type MediaRefusal = 'TOO_LARGE' | 'BAD_TYPE' | 'OVER_QUOTA' | 'NOT_EXIST' | 'DENIED'

/** A message as its reader sees it now. */
export interface SeenMessage {
  from: UserId
  content: Content
  /** The server found it to be forwarded from a message that its sender could read. */
  isForwarded: boolean
}

/** What a link depends on. */
export interface MediaReading {
  /** True where the user is in the session now. */
  isIn(userId: UserId, sessionId: SessionId): Promise<boolean>
  /** Undefined where there is none that the user may read. */
  message(userId: UserId, place: { sessionId: SessionId; seq: number }): Promise<SeenMessage | undefined>
}

export interface MediaOptions {
  store: MediaStore
  quota: MediaQuota
  limits: MediaLimits
  clock: Clock
  random: Random
}

export interface Upload {
  mediaId: string
  url: string
  headers: Record<string, string>
  expiresAt: Millis
}

export interface Download {
  url: string
  mime: string
  size: number
  expiresAt: Millis
}

export class Media {
  private readonly options: MediaOptions

  constructor(options: MediaOptions) {
    this.options = options
  }

  /** A link to put a file there once. `hash` is the SHA-256 of its content in lower-case hex. */
  async upload(
    owner: UserId,
    { mime, size, hash }: { mime: string; size: number; hash: string },
  ): Promise<Upload | MediaRefusal> {
    const { store, quota, limits, clock, random } = this.options
    if (size > limits.bytesMax) return 'TOO_LARGE'
    if (!limits.types.some(type => matches(type, mime))) return 'BAD_TYPE'
    const now = clock.now()
    if (!(await quota.take(owner, size, now))) return 'OVER_QUOTA'
    const id = { owner, name: random.bytes(MEDIA_NAME_BYTES).toString('base64url') }
    const link = await store.uploadLink({ key: mediaKey(id), mime, size, hash, lifeMs: UPLOAD_LINK_MS })
    return { mediaId: formatMediaId(id), ...link, expiresAt: now + UPLOAD_LINK_MS }
  }

  /** A link to get a file that a message shows; the owner needs no message. */
  async download(
    userId: UserId,
    mediaId: string,
    { place, reading }: { place: { sessionId: SessionId; seq: number } | undefined; reading: MediaReading },
  ): Promise<Download | MediaRefusal> {
    const id = parseMediaId(mediaId)
    if (id === undefined) return 'NOT_EXIST'
    if (place === undefined ? id.owner !== userId : !(await shows(mediaId, id.owner, { userId, place, reading }))) {
      return 'DENIED'
    }
    const { store, clock } = this.options
    const facts = await store.facts(mediaKey(id))
    if (facts === undefined) return 'NOT_EXIST'
    const now = clock.now()
    const disposition = SHOWN.test(facts.mime) ? 'inline' : 'attachment'
    const request = { key: mediaKey(id), lifeMs: DOWNLOAD_LINK_MS, disposition, mime: facts.mime }
    return { url: await store.downloadLink(request), ...facts, expiresAt: now + DOWNLOAD_LINK_MS }
  }

  /** Takes a file of the user's own away; messages that show it show nothing. */
  async remove(userId: UserId, mediaId: string): Promise<MediaRefusal | undefined> {
    const id = parseMediaId(mediaId)
    if (id === undefined) return 'NOT_EXIST'
    if (id.owner !== userId) return 'DENIED'
    await this.options.store.remove(mediaKey(id))
    return undefined
  }
}

async function shows(
  mediaId: string,
  owner: UserId,
  { userId, place, reading }: { userId: UserId; place: { sessionId: SessionId; seq: number }; reading: MediaReading },
): Promise<boolean> {
  if (!(await reading.isIn(userId, place.sessionId))) return false
  const message = await reading.message(userId, place)
  if (message === undefined || !refersTo(message.content, mediaId)) return false
  return message.from === owner || message.isForwarded
}

/** `image/*` matches every image. */
export function matches(pattern: string, mime: string): boolean {
  return pattern.endsWith('/*') ? mime.startsWith(pattern.slice(0, -1)) : pattern === mime
}
