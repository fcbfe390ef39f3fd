import type { Millis } from '../../infra/clock.ts'
import type { MessageExtra } from '../../schemas/content.ts'
import type { AcceptedBody, AcceptedEvent } from '../../schemas/event.ts'
import { type EventFrame, eventFrame, type MessageState } from '../../schemas/frames.ts'
import type { Offset, Seq, UserId } from '../../schemas/ids.ts'
import { Flag } from '../../schemas/pack.ts'

/**
 * What events of a session do besides standing in its timeline: they change stored messages, mention users, react, and
 * must not be missed. Each is applied once, in the order of the seqs (amend-sessions.lua). Pure.
 */
export type Amendment =
  /** The message at `target` has another body. `body` is its JSON text. */
  | {
      kind: 'revise'
      seq: Seq
      target: Seq
      /** `version` is absent where the message keeps the one that it has. */
      state: Omit<MessageState, 'version'> & { version?: number }
      body: string
      /** It counted as unread until now. */
      stops: boolean
      /** Whom it mentions from now on, where it counts. */
      mentions: readonly string[]
      /** The text of the event itself without the content: it must not outlive that of the message. */
      stripped?: string
    }
  /** What a user said below `seq` is gone: content, edits, mentions, reactions, and their alias. */
  | { kind: 'erase'; seq: Seq; userId: UserId | typeof EVERYBODY; state: Omit<MessageState, 'version'>; body: string }
  | { kind: 'mention'; seq: Seq; whom: readonly string[] }
  | { kind: 'react'; seq: Seq; target: Seq; adds: boolean; emoji: string; userId: UserId }
  | { kind: 'urgent'; seq: Seq; offset: Offset; at: Millis; json: string }

/** Stands for everybody among those who are mentioned; no user has this id. */
export const EVERYBODY = '*'

const REMOVED = JSON.stringify({ kind: 'MessageAccepted', content: { kind: 'Removed' } })

export function amendmentsOf(event: AcceptedEvent, offset: Offset, json: string): Amendment[] {
  const { seq, body } = event
  const amendments: Amendment[] = isUrgent(event) ? [{ kind: 'urgent', seq, offset, at: event.at, json }] : []
  switch (body.kind) {
    case 'MessageAccepted': {
      const whom = (event.flags & Flag.COUNTER) !== 0 ? mentionsOf(body.extra) : []
      return whom.length > 0 ? [...amendments, { kind: 'mention', seq, whom }] : amendments
    }
    case 'MessageRevoked':
    case 'MessageDeleted':
    case 'MessageOverridden':
      return [...amendments, revisionOf(eventFrame(event), body)]
    case 'ContentErased': {
      // Whatever an app has told a user goes with the user.
      const userId = event.sessionId.startsWith('b:') ? EVERYBODY : body.userId
      return [...amendments, { kind: 'erase', seq, userId, ...erased(event) }]
    }
    case 'UserErased':
      return [...amendments, { kind: 'erase', seq, userId: EVERYBODY, ...erased(event) }]
    case 'ReactionAdded':
    case 'ReactionRemoved': {
      const adds = body.kind === 'ReactionAdded'
      return [{ kind: 'react', seq, target: body.target.seq, adds, emoji: body.emoji, userId: event.from }]
    }
    default:
      return amendments
  }
}

/** What a device that was away must learn, however much else has happened. */
function isUrgent({ body, flags }: AcceptedEvent): boolean {
  switch (body.kind) {
    case 'MessageAccepted':
      return (flags & Flag.HIGH_PRIORITY) !== 0
    case 'MessageRevoked':
    case 'MessageOverridden':
    case 'MessageDeleted':
    case 'MembersRemoved':
    case 'GroupDismissed':
      return true
    default:
      return false
  }
}

export type Revising = Extract<AcceptedBody, { kind: 'MessageRevoked' | 'MessageOverridden' | 'MessageDeleted' }>
export type Revision = Extract<Amendment, { kind: 'revise' }>

/** What the event of `frame`, whose body is `body`, makes of its target. */
export function revisionOf(frame: EventFrame, body: Revising): Revision {
  const { seq, at, from: by } = frame
  const base = { kind: 'revise', seq, target: body.target.seq } as const
  if (body.kind !== 'MessageOverridden') {
    const change = body.kind === 'MessageRevoked' ? 'revoked' : 'deleted'
    return { ...base, state: { change, by, at, seq }, body: REMOVED, stops: body.target.counted, mentions: [] }
  }
  const { target, content, extra, version } = body
  const { kind } = body
  const stripped = { ...frame, body: { kind, target, content: { kind: 'Removed' }, version } }
  return {
    ...base,
    state: { change: 'edited', by, at, seq, version },
    body: JSON.stringify(
      extra === undefined ? { kind: 'MessageAccepted', content } : { kind: 'MessageAccepted', content, extra },
    ),
    stops: false,
    mentions: target.counted ? mentionsOf(extra) : [],
    stripped: JSON.stringify(stripped),
  }
}

function erased({ seq, at, from: by }: AcceptedEvent) {
  return { state: { change: 'deleted', by, at, seq }, body: REMOVED } as const
}

/** What erasing makes of the text of an event of the user that it is about; undefined where it has nothing of them. */
export function erasedJson(json: string, erasing: Extract<Amendment, { kind: 'erase' }>): string | undefined {
  const start = json.indexOf(BODY)
  const body = json.slice(start + BODY.length)
  if (erasing.userId !== EVERYBODY && body.startsWith(aliasOf(erasing.userId))) {
    return `${json.slice(0, start)}${BODY}${aliasOf(erasing.userId)}"}}`
  }
  if (erasing.userId !== EVERYBODY && !json.slice(0, start).includes(`,"from":"${erasing.userId}",`)) return undefined
  if (!body.startsWith(MESSAGE) && erasing.userId !== EVERYBODY) return undefined
  const version = (JSON.parse(json) as { state?: MessageState }).state?.version ?? 0
  return isFinal(json) ? undefined : revisedJson(json, erasing.body, { ...erasing.state, version })
}

const MESSAGE = '{"kind":"MessageAccepted"'

function aliasOf(userId: UserId): string {
  return `{"kind":"AliasSet","userId":"${userId}","alias":"`
}

function mentionsOf(extra: MessageExtra | undefined): string[] {
  const everybody = extra?.mentionsAll === true ? [EVERYBODY] : []
  return [...everybody, ...new Set(extra?.mentions ?? [])]
}

/** The text of a message that was changed: what stands before the body stays as it was. */
export function revisedJson(json: string, body: string, state: MessageState): string {
  return `${json.slice(0, json.indexOf(BODY))}${BODY}${body},"state":${JSON.stringify(state)}}`
}

/** No text of a client stands before the body of a frame, and inside of one its quotes are escaped. */
const BODY = ',"body":'

/** Revoked and deleted messages stay so. */
export function isFinal(json: string): boolean {
  return json.includes(',"state":{"change":"revoked"') || json.includes(',"state":{"change":"deleted"')
}
