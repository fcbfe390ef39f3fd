import type { EventFrame, ReactionCount } from '../../schemas/frames.ts'
import type { Seq, UserId } from '../../schemas/ids.ts'
import type { MessageRow } from './rows.ts'

/** What later events do to a message that is kept; pure. */

/** The event as it is kept first: what it carries of its later life says how far it is. */
export function messageRow(event: EventFrame, asOf: Seq = event.seq): MessageRow {
  return { event, asOf: Math.max(asOf, event.seq, event.state?.seq ?? 0) }
}

/** Seq of the message that an event is about; undefined where it is about none. */
export function targetSeq({ body }: EventFrame): Seq | undefined {
  return 'target' in body ? body.target.seq : undefined
}

/**
 * Applies an event to the message that it is about. Whatever it contains already changes nothing, and events may come
 * in any order: taking back is final, of two edits and of two reactions of one user the later one holds.
 */
export function amend(row: MessageRow, event: EventFrame): MessageRow {
  const { body } = event
  if (event.seq <= row.asOf || row.event.body.kind !== 'MessageAccepted') return row
  switch (body.kind) {
    case 'MessageRevoked':
    case 'MessageDeleted':
    case 'MessageOverridden':
      return changeContent(row, event)
    case 'ReactionAdded':
    case 'ReactionRemoved':
      return react(row, event.seq, { emoji: body.emoji, userId: event.from, on: body.kind === 'ReactionAdded' })
    default:
      return row
  }
}

/** A page's row in place of the one that is kept, with what has happened to that since the page was read. */
export function mergePage(known: MessageRow | undefined, page: MessageRow): MessageRow {
  if (known === undefined) return page
  if (known.asOf > page.asOf) return known
  let merged: MessageRow = known.isHidden ? { ...page, isHidden: true } : page
  const { state, body } = known.event
  if (state !== undefined && state.seq > page.asOf) merged = { ...merged, event: { ...merged.event, body, state } }
  for (const [key, seq] of Object.entries(known.reacted ?? {})) {
    const [emoji, userId] = key.split(' ') as [string, UserId]
    const on = known.event.reactions?.some(reaction => reaction.emoji === emoji && reaction.userIds.includes(userId))
    if (seq > page.asOf) merged = react(merged, seq, { emoji, userId, on: on === true })
  }
  return merged
}

function changeContent(row: MessageRow, { body, from: by, at, seq }: EventFrame): MessageRow {
  const message = row.event
  if (isGone(message)) return row
  const version = message.state?.version ?? 0
  if (body.kind === 'MessageOverridden') {
    if ((message.state?.seq ?? 0) >= seq) return row
    const { content, extra } = body
    const state = { change: 'edited', by, at, seq, version: body.version } as const
    return { ...row, event: { ...message, body: { kind: 'MessageAccepted', content, ...(extra && { extra }) }, state } }
  }
  const change = body.kind === 'MessageRevoked' ? 'revoked' : 'deleted'
  const gone = { kind: 'MessageAccepted', content: { kind: 'Removed' } } as const
  return { ...row, event: withReactions({ ...message, body: gone, state: { change, by, at, seq, version } }, []) }
}

/** True where the message is taken back or deleted: nothing changes it any more. */
function isGone({ state }: EventFrame): boolean {
  return state !== undefined && state.change !== 'edited'
}

/** The edit without what it said, where the message says something else now; undefined where it may stay. */
export function emptiedEdit(edit: MessageRow, { state }: EventFrame): MessageRow | undefined {
  const { seq, body } = edit.event
  if (body.kind !== 'MessageOverridden' || body.content.kind === 'Removed') return undefined
  if (state === undefined || (state.change === 'edited' && state.seq <= seq)) return undefined
  const { kind, target, version } = body
  return { ...edit, event: { ...edit.event, body: { kind, target, content: { kind: 'Removed' }, version } } }
}

function react(row: MessageRow, seq: Seq, said: { emoji: string; userId: UserId; on: boolean }): MessageRow {
  const { emoji, userId, on } = said
  const key = `${emoji} ${userId}`
  if ((row.reacted?.[key] ?? 0) >= seq || isGone(row.event)) return row
  const change = on ? addReaction : removeReaction
  const event = withReactions(row.event, change(row.event.reactions ?? [], emoji, userId))
  return { ...row, event, reacted: { ...row.reacted, [key]: seq } }
}

function withReactions(message: EventFrame, reactions: ReactionCount[]): EventFrame {
  const { reactions: _, ...rest } = message
  return reactions.length === 0 ? rest : { ...rest, reactions }
}

function addReaction(reactions: readonly ReactionCount[], emoji: string, userId: UserId): ReactionCount[] {
  const known = reactions.find(reaction => reaction.emoji === emoji)
  if (known === undefined) return [...reactions, { emoji, count: 1, userIds: [userId] }]
  if (known.userIds.includes(userId)) return [...reactions]
  const more = { emoji, count: known.count + 1, userIds: [...known.userIds, userId] }
  return reactions.map(reaction => (reaction === known ? more : reaction))
}

function removeReaction(reactions: readonly ReactionCount[], emoji: string, userId: UserId): ReactionCount[] {
  return reactions.flatMap(reaction => {
    // Of many only the first users are named: somebody else may be among the others.
    const isAmong = reaction.userIds.includes(userId) || reaction.count > reaction.userIds.length
    if (reaction.emoji !== emoji || !isAmong) return [reaction]
    const userIds = reaction.userIds.filter(other => other !== userId)
    const count = reaction.count - 1
    return count <= 0 ? [] : [{ emoji, count, userIds }]
  })
}
