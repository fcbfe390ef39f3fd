import { isDeepStrictEqual } from 'node:util'
import type { AcceptedEvent } from '../../../schemas/event.ts'
import type { EventFrame, MessageState, ReactionCount } from '../../../schemas/frames.ts'
import type { Seq, UserId } from '../../../schemas/ids.ts'
import { Flag } from '../../../schemas/pack.ts'
import type { SessionTruth } from './truth.ts'

/**
 * An event as somebody is shown it: as the log has it, or, where it is a message that was changed since, as one of the
 * changes has left it (docs/protocol.md). Users see at most so many of those who reacted.
 */
const REACTION_USERS_SHOWN = 20

/** What is wrong with a frame; `isOwn`: an own pack, which may be shown as it was asked for, by its ack. */
export function wrongFrame(session: SessionTruth, frame: EventFrame, isOwn = false): string | undefined {
  const { type: _, body, flags, state, reactions, ...facts } = frame
  const truth = frame.seq === 0 ? session.of(frame.from, frame.packId) : session.at(frame.seq)
  if (truth === undefined) return 'is not on the log'
  const { sessionId, seq, count, at, packId, from } = truth
  if (!isDeepStrictEqual(facts, { sessionId, seq, count, at, packId, from })) return 'is another event'
  if (reactions !== undefined && !wasSo(session, seq, reactions)) return 'never had these reactions'
  if (state !== undefined) return wrongChange(session, frame, state)
  if (isOwn) return undefined
  if (!isDeepStrictEqual(body, plain(truth.body)) && !isEmptied(session, truth, body) && !isWordless(truth, body)) {
    return 'has another content than on the log'
  }
  const isSame = (flags & ~Flag.DUP) === (truth.flags & ~Flag.DUP)
  return isSame ? undefined : 'has other flags than on the log'
}

/** The words of a request to be friends are in the list of friends only: what must not be missed tells of it without. */
function isWordless({ body }: AcceptedEvent, told: EventFrame['body']): boolean {
  return body.kind === 'FriendRequested' && isDeepStrictEqual(told, { kind: 'FriendRequested' })
}

/** Without the classes that a codec gives its records, and without what is undefined. */
function plain(value: unknown): unknown {
  return JSON.parse(JSON.stringify(value))
}

function wrongChange(session: SessionTruth, { seq, body }: EventFrame, state: MessageState): string | undefined {
  const change = session.at(state.seq)
  if (change === undefined || !('target' in change.body) || change.body.target.seq !== seq) {
    return `was not changed by #${state.seq}`
  }
  const { from: by, at } = change
  const due = { by, at, seq: change.seq, ...changeOf(session, seq, change) }
  if (!isDeepStrictEqual(state, due)) return `has the state ${JSON.stringify(state)}, due is ${JSON.stringify(due)}`
  return isDeepStrictEqual(body, plain(bodyAfter(change))) ? undefined : `is not as #${state.seq} has left it`
}

function changeOf(session: SessionTruth, target: Seq, { body, seq }: AcceptedEvent) {
  const edits = changesOf(session, target).filter(it => it.body.kind === 'MessageOverridden' && it.seq <= seq)
  const version = edits.length
  switch (body.kind) {
    case 'MessageRevoked':
      return { change: 'revoked', version }
    case 'MessageDeleted':
      return { change: 'deleted', version }
    default:
      return { change: 'edited', version }
  }
}

function bodyAfter({ body }: AcceptedEvent): object {
  if (body.kind !== 'MessageOverridden') return { kind: 'MessageAccepted', content: { kind: 'Removed' } }
  const { content, extra } = body
  return { kind: 'MessageAccepted', content, ...(extra === undefined ? {} : { extra }) }
}

/** What has changed a message, in the order of the log. */
export function changesOf(session: SessionTruth, target: Seq): AcceptedEvent[] {
  return session.events.filter(
    ({ body }) =>
      (body.kind === 'MessageRevoked' || body.kind === 'MessageDeleted' || body.kind === 'MessageOverridden') &&
      body.target.seq === target,
  )
}

/** An edit whose message was changed again has lost its content. */
function isEmptied(session: SessionTruth, { body, seq }: AcceptedEvent, shown: EventFrame['body']): boolean {
  if (body.kind !== 'MessageOverridden') return false
  const { kind, target, version } = body
  const emptied = plain({ kind, target, content: { kind: 'Removed' }, version })
  const isChanged = changesOf(session, target.seq).some(change => change.seq > seq)
  return isChanged && isDeepStrictEqual(shown, emptied)
}

/** True where the message had exactly these reactions at some time. */
function wasSo({ events }: SessionTruth, target: Seq, reactions: readonly ReactionCount[]): boolean {
  const shown = new Map(reactions.map(({ emoji, count, userIds }) => [emoji, { count, userIds }]))
  const users = new Map<string, UserId[]>()
  const isSo = () => {
    const due = [...users].filter(([, of]) => of.length > 0)
    return (
      due.length === shown.size &&
      due.every(([emoji, of]) =>
        isDeepStrictEqual(shown.get(emoji), { count: of.length, userIds: of.slice(0, REACTION_USERS_SHOWN) }),
      )
    )
  }
  for (const { seq, body, from } of events) {
    if (seq <= target || !('target' in body) || body.target.seq !== target) continue
    if (body.kind === 'ReactionAdded') users.set(body.emoji, [...(users.get(body.emoji) ?? []), from])
    if (body.kind === 'ReactionRemoved')
      users.set(
        body.emoji,
        users.get(body.emoji)!.filter(id => id !== from),
      )
    if (isSo()) return true
  }
  return false
}
