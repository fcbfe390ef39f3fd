import { z } from 'zod'
import type { EventFrame } from '../../schemas/frames.ts'
import type { SessionId, UserId } from '../../schemas/ids.ts'
import { type Media, type MediaReading, type MediaRefusal, type SeenMessage, UPLOAD_LINK_MS } from '../media/media.ts'
import { MEDIA_ID_PATTERN, MEDIA_PATH } from '../media/media-id.ts'
import type { Identity } from '../ws/asker.ts'
import type { Calls } from '../ws/calls.ts'
import { sessionIdSchema, wholeNumber } from './common-schemas.ts'
import type { CallsNow } from './frame-routes.ts'
import { Problem } from './problem.ts'
import { type Route, route } from './route.ts'

/** Files of messages: links to put them into the store, and to get them (gateway/media). */

export interface MediaRouteParts {
  calls: CallsNow
  /** Throws Problem where this installation has no store of files. */
  media(): Media
}

const MIME = /^[a-z]+\/[a-z0-9][a-z0-9.+-]{0,126}$/
const HASH = /^[0-9a-f]{64}$/

const uploadBody = z.strictObject({
  mime: z.string().regex(MIME).describe('In lower case, without parameters.'),
  size: z.int().min(1).describe('Bytes.'),
  hash: z.string().regex(HASH).describe('SHA-256 of the content, in lower-case hex.'),
})
const uploadSchema = z
  .strictObject({
    mediaId: z.string(),
    path: z.string().describe('Put behind the address of this server, it is the url that a message carries.'),
    upload: z.strictObject({
      method: z.literal('PUT'),
      url: z.string(),
      headers: z.record(z.string(), z.string()).describe('To be sent with it.'),
      expiresAt: z.int(),
    }),
  })
  .meta({ id: 'Upload', description: `Good for ${UPLOAD_LINK_MS / 60_000} minutes, for exactly what was announced.` })
const downloadSchema = z
  .strictObject({ url: z.string(), mime: z.string(), size: z.int(), expiresAt: z.int() })
  .meta({ id: 'Download' })
const params = z.strictObject({ mediaId: z.string().regex(MEDIA_ID_PATTERN) })
const placeQuery = z.strictObject({
  sessionId: sessionIdSchema.optional().describe('Of the message that shows the file; absent: it is one of your own.'),
  seq: wholeNumber(1).optional().describe('Of that message.'),
})

export function mediaRoutes({ calls, media }: MediaRouteParts): Route[] {
  const write = { tag: 'media', scope: 'media:write', actsFor: 'user' } as const
  return [
    route({
      ...write,
      method: 'POST',
      url: '/v1/media',
      id: 'startUpload',
      summary: 'Announce a file and get a link to put it there',
      body: uploadBody,
      status: 201,
      answer: uploadSchema,
      handle: async ({ identity, body }) => {
        const started = grant(await media().upload(identity.userId, body))
        const { mediaId, ...upload } = started
        return { mediaId, path: MEDIA_PATH + mediaId, upload: { method: 'PUT', ...upload } }
      },
    }),
    route({
      method: 'GET',
      url: '/v1/media/:mediaId',
      id: 'getDownloadLink',
      tag: 'media',
      scope: 'media:read',
      actsFor: 'user',
      summary: 'Get a link to a file that a message shows',
      params,
      query: placeQuery,
      answer: downloadSchema,
      handle: async ({ identity, params: { mediaId }, query: { sessionId, seq } }) => {
        if ((sessionId === undefined) !== (seq === undefined)) {
          throw new Problem('PARAM', 'sessionId and seq: both or none')
        }
        const place = sessionId === undefined || seq === undefined ? undefined : { sessionId, seq }
        return grant(await media().download(identity.userId, mediaId, { place, reading: readingOf(calls(), identity) }))
      },
    }),
    route({
      ...write,
      method: 'DELETE',
      url: '/v1/media/:mediaId',
      id: 'deleteMedia',
      summary: 'Take a file of your own away',
      params,
      answer: z.strictObject({ deleted: z.literal(true) }),
      handle: async ({ identity, params: { mediaId } }) => {
        grant((await media().remove(identity.userId, mediaId)) ?? 'DONE')
        return { deleted: true as const }
      },
    }),
  ]
}

const PROBLEMS: Record<MediaRefusal, () => Problem> = {
  TOO_LARGE: () => new Problem('MSG_TOO_LONG', 'the file is too large'),
  BAD_TYPE: () => new Problem('MSG_INVALID_FORMAT', 'files of this type are not taken'),
  OVER_QUOTA: () => new Problem('LIMIT_REACHED', 'more was uploaded today than one user may'),
  NOT_EXIST: () => new Problem('MSG_NOT_EXIST', 'there is no such file'),
  DENIED: () => new Problem('ACCESS_DENIED', 'no message that you may read shows this file'),
}

/** Throws the refusal as a problem. */
function grant<T>(answer: T | MediaRefusal): Exclude<T, MediaRefusal> {
  if (typeof answer === 'string' && Object.hasOwn(PROBLEMS, answer)) throw PROBLEMS[answer as MediaRefusal]()
  return answer as Exclude<T, MediaRefusal>
}

/** What the asker may see, by the same questions that clients ask. */
function readingOf(calls: Calls, identity: Identity): MediaReading {
  return {
    isIn: async (userId, sessionId) => {
      if (!sessionId.startsWith('g:')) return sessionId.split(':').slice(1).includes(userId)
      const { member } = (await calls.ask(identity, { type: 'member', sessionId, userId })) as { member?: unknown }
      return member !== undefined
    },
    message: (_userId, place) => messageAt(calls, identity, place),
  }
}

async function messageAt(
  calls: Calls,
  identity: Identity,
  { sessionId, seq }: { sessionId: SessionId; seq: number },
): Promise<SeenMessage | undefined> {
  const asked = { type: 'history', sessionId, afterSeq: seq - 1, limit: 1 } as const
  const { events } = (await calls.ask(identity, asked)) as { events: EventFrame[] }
  const event = events.find(one => one.seq === seq)
  if (event?.body.kind !== 'MessageAccepted') return undefined
  const { content, extra } = event.body
  return { from: event.from as UserId, content, isForwarded: extra?.forward !== undefined }
}
