import { isDeepStrictEqual } from 'node:util'
import type { MessageRef, Target } from '../../../schemas/content.ts'
import type { SessionId } from '../../../schemas/ids.ts'
import type { Device } from '../device.ts'
import { packOperation } from './operation.ts'

/** What is done to messages, and how far they were read. */

const EMOJIS = ['👍', '❤', '😀']

/** A message that the device was given, its own more often than not; now and then under another's packId. */
function anyTarget(device: Device): { sessionId: SessionId; target: Target } | undefined {
  const { random } = device
  const message = device.anyMessageAnywhere(random.chance(0.6))
  if (message === undefined) return undefined
  const { sessionId, seq, packId, from } = message
  if (random.chance(0.03)) return { sessionId, target: { seq: seq + 1, packId, from } }
  return { sessionId, target: { seq, packId, from } }
}

function isTarget(asked: Target, said: MessageRef): boolean {
  return asked.seq === said.seq && asked.packId === said.packId && (asked.from ?? said.from) === said.from
}

export const revoke = packOperation({
  frame: 'revoke',
  weight: 3,
  request: device => {
    const found = anyTarget(device)
    return found && { type: 'revoke', ...found }
  },
  event: 'MessageRevoked',
  isAs: (frame, { body }) => isTarget(frame.target, body.target),
})

export const deleteForAll = packOperation({
  frame: 'deleteForAll',
  weight: 2,
  request: device => {
    const found = anyTarget(device)
    return found && { type: 'deleteForAll', ...found }
  },
  event: 'MessageDeleted',
  isAs: (frame, { body }) => isTarget(frame.target, body.target),
})

export const override = packOperation({
  frame: 'override',
  weight: 4,
  request: device => {
    const found = anyTarget(device)
    return found && { type: 'override', ...found, content: { kind: 'Text', text: `${device.newText()} edited` } }
  },
  event: 'MessageOverridden',
  isAs: (frame, { body }) =>
    isTarget(frame.target, body.target) && isDeepStrictEqual(body.content, frame.content) && body.extra === undefined,
})

export const addReaction = packOperation({
  frame: 'addReaction',
  weight: 3,
  request: device => {
    const found = anyTarget(device)
    return found && { type: 'addReaction', ...found, emoji: device.random.pick(EMOJIS) }
  },
  event: 'ReactionAdded',
  isAs: (frame, { body }) => isTarget(frame.target, body.target) && frame.emoji === body.emoji,
})

export const removeReaction = packOperation({
  frame: 'removeReaction',
  weight: 2,
  request: device => {
    const found = anyTarget(device)
    return found && { type: 'removeReaction', ...found, emoji: device.random.pick(EMOJIS) }
  },
  event: 'ReactionRemoved',
  isAs: (frame, { body }) => isTarget(frame.target, body.target) && frame.emoji === body.emoji,
})

/** How far a device has come, or somewhat less; now and then more than there is. */
function anySeq(device: Device, sessionId: SessionId): number {
  const last = device.client.seqOf(sessionId) ?? 0
  return Math.max(1, last - device.random.pick([0, 0, 0, 1, 3, -2]))
}

export const markRead = packOperation({
  frame: 'markRead',
  weight: 6,
  request: device => {
    const sessionId = device.anySession()
    return { type: 'markRead', sessionId, seq: anySeq(device, sessionId) }
  },
  event: 'ReadMarked',
  // In large groups the mark is the user's own.
  orElse: ['SessionReadMarked'],
  // What lies beyond the session's end is taken for the end.
  isAs: (frame, { body }) => body.seq <= frame.seq,
})

export const markDelivered = packOperation({
  frame: 'markDelivered',
  weight: 3,
  request: device => {
    const sessionId = device.anySession()
    return { type: 'markDelivered', sessionId, seq: anySeq(device, sessionId) }
  },
  event: 'DeliveredMarked',
  isAs: (frame, { body }) => body.seq <= frame.seq,
})

export const clearSession = packOperation({
  frame: 'clearSession',
  weight: 0.5,
  request: device => {
    const sessionId = device.anySession()
    return { type: 'clearSession', sessionId, seq: anySeq(device, sessionId) }
  },
  event: 'SessionCleared',
  isAs: (frame, { body }) => frame.sessionId === body.sessionId && body.seq <= frame.seq,
})

export const deleteForMe = packOperation({
  frame: 'deleteForMe',
  weight: 1,
  request: device => {
    const found = anyTarget(device)
    return found && { type: 'deleteForMe', sessionId: found.sessionId, targets: [found.target] }
  },
  event: 'DeletedForMe',
  isAs: (frame, { body }) =>
    frame.sessionId === body.sessionId && body.seqs.every(seq => frame.targets.some(target => target.seq === seq)),
})

export const setSessionAttributes = packOperation({
  frame: 'setSessionAttributes',
  weight: 2,
  request: device => {
    const { random } = device
    const attributes = random.pick([
      { pinned: random.chance(0.5) },
      { hidden: random.chance(0.3) },
      { notify: random.pick(['all', 'mentions', 'none'] as const) },
      { draft: random.pick(['', 'to be said']) },
    ])
    return { type: 'setSessionAttributes', sessionId: device.anySession(), attributes }
  },
  event: 'SessionAttributesSet',
  isAs: (frame, { body }) =>
    frame.sessionId === body.sessionId &&
    Object.entries(frame.attributes).every(([name, value]) => ((body.attributes as never)[name] ?? '') === value),
})
