import { Code } from '../../../schemas/codes.ts'
import { type AcceptedEvent, isAccepted } from '../../../schemas/event.ts'
import { type PackFrame, type ServerFrame, sessionOfFrame } from '../../../schemas/frames.ts'
import type { UserId } from '../../../schemas/ids.ts'
import type { Device } from '../device.ts'
import { operationOfFrame } from '../operations/index.ts'
import type { World } from '../world.ts'
import type { Say } from './audit.ts'

/** SIM3: what was said about a pack is so, for ever; and what stands on the log was asked for. */
export function checkAnswers(world: World, say: Say): void {
  const accepted = acceptedPacks(world)
  for (const device of world.devices) {
    for (const seen of device.witness.seen) {
      if (seen.kind !== 'Received') continue
      // Of what nobody keeps asides.ts judges the answers.
      if (seen.frame.type === 'ack' && !isWhisper(device, seen.frame.packId)) checkAck(world, device, seen.frame, say)
      if (seen.frame.type === 'refused') checkRefused(device, seen.frame, accepted, say)
    }
    for (const [packId, frames] of device.witness.packs) {
      const event = accepted.get(keyOf(sessionOfFrame(frames[0]!, device.user), device.user, packId))
      if (event !== undefined && !frames.some(frame => isAs(frame, event))) {
        say(
          'SIM3',
          `${device.name}: pack ${packId} became ${JSON.stringify(event.body)}, which was never asked for: ${JSON.stringify(frames)}`,
        )
      }
    }
  }
  checkAskedFor(world, accepted, say)
}

function isWhisper({ witness }: Device, packId: string): boolean {
  return witness.whispers.has(packId)
}

function acceptedPacks({ truth }: World): Map<string, AcceptedEvent> {
  const accepted = new Map<string, AcceptedEvent>()
  for (const { outcomes } of truth.partitions) {
    for (const { event } of outcomes) {
      if (isAccepted(event)) accepted.set(keyOf(event.sessionId, event.from, event.packId), event)
    }
  }
  return accepted
}

function keyOf(sessionId: string, from: string, packId: string): string {
  return `${sessionId} ${from} ${packId}`
}

function isAs(frame: PackFrame, event: AcceptedEvent): boolean {
  const operation = operationOfFrame(frame.type)
  if (operation.orElse?.includes(event.body.kind)) return true
  return operation.event === event.body.kind && operation.isAs(frame as never, event as never)
}

function checkAck(world: World, device: Device, frame: Extract<ServerFrame, { type: 'ack' }>, say: Say): void {
  const { sessionId, seq, packId, count, at } = frame
  const mark = device.witness.packs.get(packId)?.find(({ type }) => type === 'markRead' || type === 'markDelivered')
  if (mark !== undefined) {
    if (!isMarked(world, device, frame))
      say('SIM3', `${device.name} was told that mark ${packId} is ${sessionId} #${seq}`)
    return
  }
  const event = world.truth.sessions.get(sessionId)?.of(device.user, packId)
  const isTrue = event?.packId === packId && event.seq === seq && event.count === count && event.at === at
  if (!isTrue)
    say('SIM3', `${device.name} was told that pack ${packId} is ${sessionId} #${seq}; the log has ${event?.packId}`)
  const isOwn = device.witness.packs.has(packId) || sentByOther(world, device.user, packId)
  if (!isOwn) say('SIM3', `${device.name} got the ack of pack ${packId}, which it never sent`)
}

/** A mark has the answer of the higher one that overtook it on its way to the log. */
function isMarked(world: World, { user }: Device, { sessionId, seq, at }: Extract<ServerFrame, { type: 'ack' }>) {
  const { events = [], facts = [] } = world.truth.sessions.get(sessionId) ?? {}
  return [...events, ...facts].some(
    event => MARKS.includes(event.body.kind) && event.from === user && event.seq === seq && event.at === at,
  )
}

const MARKS = ['ReadMarked', 'DeliveredMarked', 'SessionReadMarked']

function sentByOther({ devices }: World, user: UserId, packId: string): boolean {
  return devices.some(device => device.user === user && device.witness.packs.has(packId as never))
}

function checkRefused(
  device: Device,
  frame: Extract<ServerFrame, { type: 'refused' }>,
  accepted: ReadonlyMap<string, AcceptedEvent>,
  say: Say,
): void {
  if (frame.retry !== 'never') return
  const isMark = device.witness.packs.get(frame.packId)?.some(({ type }) => type.startsWith('mark')) ?? false
  if (isMark) return
  const event = accepted.get(keyOf(frame.sessionId, device.user, frame.packId))
  if (event === undefined) return
  const others = device.witness.packs.get(frame.packId)?.filter(pack => !isAs(pack, event)) ?? []
  // Of two contents under one packId one may be refused for good and the other take effect.
  if (others.length > 0 && frame.code === Code.PACK_CONFLICT.number) return
  if (others.length > 0 && frame.code !== Code.PACK_CONFLICT.number && frame.repeated !== true) return
  say('SIM3', `${device.name} was told ${frame.name} of pack ${frame.packId}; it is ${frame.sessionId} #${event.seq}`)
}

/** Nothing stands on the log that nobody sent. */
function checkAskedFor({ devices }: World, accepted: ReadonlyMap<string, AcceptedEvent>, say: Say): void {
  for (const [key, event] of accepted) {
    // Rules come from sequencers, and what gateways say of connections is judged by logins.ts.
    if (event.body.kind === 'RulesSet' || event.actor.kind === 'SYSTEM') continue
    const isSent = devices.some(({ user, witness }) => user === event.from && witness.packs.has(event.packId))
    if (!isSent) say('SIM3', `the log has ${key}, which nobody sent`)
  }
}
