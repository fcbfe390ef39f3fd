import type { MessageRow, SessionRow } from '../../client/logic/rows.ts'
import type { Store } from '../../client/storage/store.ts'
import type { EventFrame } from '../../schemas/frames.ts'
import type { SessionId, UserId } from '../../schemas/ids.ts'
import { Flag } from '../../schemas/pack.ts'
import type { SessionFold } from '../../verify/fold.ts'

/** What the store of one user says of their sessions otherwise than the log; by the digests of `verify`. */
export async function compareStore(
  store: Store,
  userId: UserId,
  folds: readonly SessionFold[],
): Promise<readonly string[]> {
  const sessions = new Map<SessionId, SessionRow>()
  for (const { value } of await store.range('sessions', {})) {
    sessions.set((value as SessionRow).sessionId, value as SessionRow)
  }
  const messages = new Map<SessionId, MessageRow[]>()
  for (const { value } of await store.range('messages', {})) {
    const row = value as MessageRow
    const rows = messages.get(row.event.sessionId) ?? []
    messages.set(row.event.sessionId, rows)
    rows.push(row)
  }
  const waiting = await store.range('outbox', {})
  const differences = waiting.map(({ key }) => `${userId}: ${key} is in the outbox`)
  for (const fold of folds) {
    const say = (what: string) => differences.push(`${userId}: ${fold.sessionId} ${what}`)
    compareSession(fold, sessions.get(fold.sessionId), userId, say)
    compareMessages(fold, messages.get(fold.sessionId) ?? [], say)
  }
  return differences
}

type Say = (what: string) => void

/** What the list of sessions shows. */
function compareSession(fold: SessionFold, row: SessionRow | undefined, userId: UserId, say: Say): void {
  const mark = fold.reading.marks.get(userId) ?? { seq: 0, count: 0 }
  const stopped = [...fold.reading.stopped].filter(seq => seq > mark.seq).length
  const expected = {
    lastSeq: fold.lastSeq,
    count: fold.count,
    readSeq: mark.seq,
    unread: Math.max(0, fold.count - mark.count - stopped),
    spans: [{ from: 1, to: fold.lastSeq }],
  }
  const { lastSeq, count, readSeq, unread, spans } = row ?? {}
  const found = { lastSeq, count, readSeq, unread, spans }
  const [one, other] = [JSON.stringify(expected), JSON.stringify(found)]
  if (one !== other) say(`is ${one} in the log and ${other} here`)
}

/** Every event once, each as it reads now. */
function compareMessages(fold: SessionFold, rows: readonly MessageRow[], say: Say): void {
  if (rows.length !== fold.lastSeq) say(`has ${fold.lastSeq} events in the log and ${rows.length} here`)
  for (const [index, { event }] of rows.entries()) {
    if (event.seq !== index + 1) {
      say(`has seq ${event.seq} where ${index + 1} belongs`)
      return
    }
    const { reactions = [], ...frame } = event
    if (!readings(frame).some(one => fold.reading.isFrame(event.seq, JSON.stringify(one)))) {
      say(`seq ${event.seq} is not as the log says: ${JSON.stringify(frame)}`)
    }
    const [expected, found] = [reactionsText(fold, event), JSON.stringify(reactions.map(textOf).sort())]
    if (expected !== found) say(`seq ${event.seq} has the reactions ${expected} in the log and ${found} here`)
  }
}

/**
 * The frame in the order of the log's, in what it may differ: whether the log has a first or a further send of a pack
 * its sender cannot know; an edit whose message was not kept is not known to be superseded.
 */
function readings({ body, state, ...opening }: EventFrame): object[] {
  const bodies: object[] = [body]
  if (body.kind === 'MessageOverridden') {
    const { kind, target, version } = body
    bodies.push({ kind, target, content: { kind: 'Removed' }, version })
  }
  const all = [opening.flags, opening.flags | Flag.DUP]
  return bodies.flatMap(one => all.map(flags => ({ ...opening, flags, body: one, ...(state && { state }) })))
}

function reactionsText(fold: SessionFold, { seq }: EventFrame): string {
  const reactions = [...(fold.reading.reactions.get(seq) ?? [])]
  return JSON.stringify(reactions.map(([emoji, userIds]) => textOf({ emoji, userIds })).sort())
}

/** Who reacted first is told by no two pages alike. */
function textOf({ emoji, userIds }: { emoji: string; userIds: readonly UserId[] }): string {
  return `${emoji} ${[...userIds].sort().join(' ')}`
}
