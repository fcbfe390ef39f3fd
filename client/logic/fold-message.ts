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

/** Applies an event to the message that it is about. Whatever it contains already changes nothing. */
export function amend(row: MessageRow, event: EventFrame): MessageRow {
  if (event.seq <= row.asOf) return row
  const amended = amendedEvent(row.event, event)
  return amended === undefined ? row : { ...row, event: amended, asOf: event.seq }
}

function amendedEvent(message: EventFrame, by: EventFrame): EventFrame | undefined {
  const { body, from, at, seq } = by
  if (message.body.kind !== 'MessageAccepted') return undefined
  const version = message.state?.version ?? 0
  const isGone = message.body.content.kind === 'Removed'
  switch (body.kind) {
    case 'MessageRevoked':
    case 'MessageDeleted': {
      const change = body.kind === 'MessageRevoked' ? 'revoked' : 'deleted'
      const state = { change, by: from, at, seq, version } as const
      return { ...message, body: { kind: 'MessageAccepted', content: { kind: 'Removed' } }, state }
    }
    case 'MessageOverridden': {
      if (isGone) return undefined
      const { content, extra } = body
      const state = { change: 'edited', by: from, at, seq, version: body.version } as const
      return { ...message, body: { kind: 'MessageAccepted', content, ...(extra && { extra }) }, state }
    }
    case 'ReactionAdded':
      return withReactions(message, addReaction(message.reactions ?? [], body.emoji, from))
    case 'ReactionRemoved':
      return withReactions(message, removeReaction(message.reactions ?? [], body.emoji, from))
    default:
      return undefined
  }
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
    if (reaction.emoji !== emoji) return [reaction]
    const userIds = reaction.userIds.filter(other => other !== userId)
    const count = reaction.count - 1
    return count <= 0 ? [] : [{ emoji, count, userIds }]
  })
}
