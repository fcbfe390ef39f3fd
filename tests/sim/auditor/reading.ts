import type { EventFrame, SessionSummary } from '../../../schemas/frames.ts'
import { type Seq, type SessionId, type UserId, userSessionId } from '../../../schemas/ids.ts'
import { Flag } from '../../../schemas/pack.ts'
import type { World } from '../world.ts'
import type { Say } from './audit.ts'
import { changesOf } from './shown.ts'
import type { SessionTruth } from './truth.ts'

/**
 * SIM14: when all is quiet, everybody's list of sessions says of each how far they have read, how many messages are
 * unread, and what they keep of it. Counted message by message, not by counts and marks (DESIGN 5).
 */
export function checkReading(world: World, say: Say): void {
  for (const [user, { sessions, events }] of world.surveyed) {
    for (const frame of events) {
      const wrong = outdated(world.truth.session(frame.sessionId), frame)
      if (wrong !== undefined) say('SIM14', `${user} is shown ${frame.sessionId} #${frame.seq} ${wrong}`)
    }
    const own = keptBy(world, user)
    const listed = new Set(sessions.map(({ sessionId }) => sessionId))
    if (listed.size !== sessions.length) say('SIM14', `${user}: a session is listed twice`)
    for (const summary of sessions) {
      const { sessionId } = summary
      const due = readingOf(world, user, world.truth.session(sessionId), own.get(sessionId))
      for (const [name, value] of Object.entries(due)) {
        const said = summary[name as keyof SessionSummary]
        if (JSON.stringify(said ?? null) === JSON.stringify(value ?? null)) continue
        say('SIM14', `${user} is told ${name} ${JSON.stringify(said)} of ${sessionId}, due is ${JSON.stringify(value)}`)
      }
    }
    for (const [sessionId, session] of world.truth.sessions) {
      if (session.lastVisible(user) === 0 || sessionId.startsWith('u:') || listed.has(sessionId)) continue
      say('SIM14', `${user} has ${sessionId}, which is not listed`)
    }
  }
}

/** A message is shown as the last change has left it, with those who react to it now. */
function outdated(session: SessionTruth, { seq, body, state, reactions = [] }: EventFrame): string | undefined {
  if (body.kind !== 'MessageAccepted') return undefined
  const last = changesOf(session, seq).at(-1)
  if (state?.seq !== last?.seq) return `as #${state?.seq} has left it, the last change is #${last?.seq}`
  const isGone = last !== undefined && last.body.kind !== 'MessageOverridden'
  const due = isGone ? new Set<string>() : reactorsOf(session, seq)
  const shown = reactions.flatMap(({ emoji, userIds }) => userIds.map(userId => `${userId} ${emoji}`))
  const isSame = shown.length === due.size && shown.every(one => due.has(one))
  return isSame ? undefined : `with reactions ${shown.join(', ')}, due are ${[...due].join(', ')}`
}

/** `<user> <emoji>` of those who react to a message. */
function reactorsOf({ events }: SessionTruth, target: Seq): Set<string> {
  const reactors = new Set<string>()
  for (const { from, body } of events) {
    if (!('target' in body) || body.target.seq !== target) continue
    if (body.kind === 'ReactionAdded') reactors.add(`${from} ${body.emoji}`)
    if (body.kind === 'ReactionRemoved') reactors.delete(`${from} ${body.emoji}`)
  }
  return reactors
}

/** What a user keeps of a session, in their own one. */
interface Kept {
  readSeq: Seq
  clearedSeq: Seq
  attributes?: object
}

function keptBy({ truth }: World, user: UserId): Map<SessionId, Kept> {
  const all = new Map<SessionId, Kept>()
  for (const { body } of truth.session(userSessionId(user)).events) {
    if (!('sessionId' in body)) continue
    const kept: Kept = all.get(body.sessionId) ?? { readSeq: 0, clearedSeq: 0 }
    all.set(body.sessionId, kept)
    if (body.kind === 'SessionAttributesSet') kept.attributes = body.attributes
    if (body.kind === 'SessionReadMarked') kept.readSeq = Math.max(kept.readSeq, body.seq)
    if (body.kind === 'SessionCleared') kept.clearedSeq = Math.max(kept.clearedSeq, body.seq)
  }
  return all
}

function readingOf(world: World, user: UserId, session: SessionTruth, kept: Kept | undefined): Partial<SessionSummary> {
  const readSeq = readUpTo(session, user, kept)
  const last = session.lastVisible(user)
  let unread = 0
  for (const event of session.events) {
    const { seq, body, flags } = event
    const counts = body.kind === 'MessageAccepted' && (flags & Flag.COUNTER) !== 0
    if (!counts || seq <= readSeq || seq > last) continue
    const isGone = changesOf(session, seq).some(change => change.body.kind !== 'MessageOverridden')
    if (!isGone) unread++
  }
  const attributes = kept?.attributes as SessionSummary['attributes']
  return {
    lastSeq: last,
    unread,
    readSeq,
    ...(attributes === undefined ? {} : { attributes }),
    ...peerOf(session, user, world),
  }
}

/** The highest of what has moved the mark: coming in, own counted messages, marks, clearings. */
function readUpTo(session: SessionTruth, user: UserId, kept: Kept | undefined): Seq {
  let seq = Math.max(kept?.readSeq ?? 0, kept?.clearedSeq ?? 0)
  if (session.sessionId.startsWith('g:')) seq = Math.max(seq, session.staysOf(user).at(-1)?.joinSeq ?? 0)
  for (const event of session.events) {
    const isOwn = event.from === user && event.body.kind === 'MessageAccepted' && (event.flags & Flag.COUNTER) !== 0
    if (isOwn) seq = Math.max(seq, event.seq)
  }
  for (const { from, body } of session.facts) {
    if (from === user && body.kind === 'ReadMarked') seq = Math.max(seq, body.seq)
  }
  return seq
}

/** Of a single chat: how far the other user has said to have it. */
function peerOf(session: SessionTruth, user: UserId, { users }: World): Partial<SessionSummary> {
  const peer = users.find(other => other !== user && session.sessionId.split(':').includes(other))
  if (!session.sessionId.startsWith('s:') || peer === undefined) return {}
  const delivered = session.facts.flatMap(({ from, body }) =>
    from === peer && body.kind === 'DeliveredMarked' ? [body.seq] : [],
  )
  return delivered.length === 0 ? {} : { peerDeliveredSeq: Math.max(...delivered) }
}
