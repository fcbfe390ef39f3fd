import type { Millis } from '../../infra/clock.ts'
import type { Content } from '../../schemas/content.ts'
import type { AcceptedEvent } from '../../schemas/event.ts'
import type { Offset, PackId, Seq, SessionId, UserId } from '../../schemas/ids.ts'
import { Flag, type PushInfo } from '../../schemas/pack.ts'
import type { PushRequest } from '../../schemas/push-devices.ts'

/** What there is to do after an event, as it is kept until it is done. Pure. */

/** What a push needs to know of its event. */
export interface PushedEvent {
  offset: Offset
  sessionId: SessionId
  seq: Seq
  at: Millis
  from: UserId
  packId: PackId
  isUrgent: boolean
}

export type Job =
  /** Plans a message for whom it is meant, a page of them at a time; stage 2 looks only at who was online at first. */
  | { kind: 'message'; event: MessageEvent; stage: 1 | 2; cursor?: string }
  /** What an app pushes. */
  | { kind: 'request'; event: PushedEvent; request: PushRequest }
  /** One device once more, which could not be sent to before. */
  | {
      kind: 'again'
      event: MessageEvent | PushedEvent
      request?: PushRequest
      userId: UserId
      device: string
      attempt: number
    }
  /** A message is gone: whoever was pushed it is to see it no more. */
  | { kind: 'withdraw'; event: PushedEvent; seq: Seq; attempt?: number }
  /** A token was registered: other users who have it lose it. */
  | { kind: 'token'; event: PushedEvent; serviceType: number; token: string }

export interface MessageEvent extends PushedEvent {
  content: ContentBrief
  mentions: UserId[]
  mentionsAll: boolean
  pushInfo: PushInfo | null
}

/** What a notification shows of a content. */
export interface ContentBrief {
  kind: Content['kind']
  /** Of what has words; cut to BRIEF_CHARS_MAX. */
  text: string
}

/** More than any vendor shows. */
export const BRIEF_CHARS_MAX = 240

export interface Timed {
  /** The same event gives the same ids. */
  id: string
  dueAt: Millis
  job: Job
}

export interface Delays {
  /** Before those who are not there are pushed to: whoever reads at once on another device is not disturbed. */
  offlineMs: Millis
}

/** What there is to do after an event. */
export function jobsOf(event: AcceptedEvent, offset: Offset, { offlineMs }: Delays): Timed[] {
  const { body, flags, at } = event
  const pushed = pushedEvent(event, offset)
  switch (body.kind) {
    case 'MessageAccepted': {
      if ((flags & Flag.NO_PUSH) !== 0) return []
      const { mentions = [], mentionsAll = false } = body.extra ?? {}
      const message = { ...pushed, content: briefOf(body.content), mentions, mentionsAll, pushInfo: event.pushInfo }
      return [{ id: `m${offset}`, dueAt: at + offlineMs, job: { kind: 'message', event: message, stage: 1 } }]
    }
    case 'PushRequested': {
      const { kind: _, ...request } = body
      return [{ id: `r${offset}`, dueAt: at, job: { kind: 'request', event: pushed, request } }]
    }
    case 'MessageRevoked':
    case 'MessageDeleted':
      return [{ id: `w${offset}`, dueAt: at, job: { kind: 'withdraw', event: pushed, seq: body.target.seq } }]
    case 'PushDevicesSet': {
      if (body.added === undefined) return []
      const { serviceType, token } = body.added
      return [{ id: `t${offset}`, dueAt: at, job: { kind: 'token', event: pushed, serviceType, token } }]
    }
    default:
      return []
  }
}

function pushedEvent({ sessionId, seq, at, from, packId, flags }: AcceptedEvent, offset: Offset): PushedEvent {
  return { offset, sessionId, seq, at, from, packId, isUrgent: (flags & Flag.HIGH_PRIORITY) !== 0 }
}

/** What a notification says of a content. */
export function briefOf(content: Content): ContentBrief {
  const brief = (text: string): ContentBrief => ({ kind: content.kind, text: cut(text) })
  switch (content.kind) {
    case 'Text':
    case 'Markdown':
      return brief(content.text)
    case 'Image':
    case 'Video':
      return brief(content.caption ?? '')
    case 'File':
      return brief(content.file.name ?? '')
    case 'Location':
    case 'MergedForward':
      return brief(content.title)
    case 'Card':
      return brief(content.name ?? '')
    default:
      return brief('')
  }
}

function cut(text: string): string {
  if (text.length <= BRIEF_CHARS_MAX) return text
  const chars = [...text.slice(0, 2 * BRIEF_CHARS_MAX)]
  return chars.length > BRIEF_CHARS_MAX ? `${chars.slice(0, BRIEF_CHARS_MAX - 1).join('')}…` : chars.join('')
}
