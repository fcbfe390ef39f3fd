import type { Millis } from '../../../infra/clock.ts'
import type { AcceptedEvent } from '../../../schemas/event.ts'
import type { Seq, SessionId, UserId } from '../../../schemas/ids.ts'
import { Flag } from '../../../schemas/pack.ts'
import { parsePushId } from '../../../schemas/push-record.ts'
import type { FaultName } from '../faults.ts'
import type { Taken } from '../push.ts'
import type { World } from '../world.ts'
import type { Say } from './audit.ts'

/**
 * SIM8: what the vendor's book has. No event goes to a device twice, whatever died in between; every push is of a message
 * of the log that may be pushed, and its token was registered by somebody who may see the message and has not sent it.
 * Devices are told apart by their tokens, as the vendor does it. Nor is a device pushed to that has long told that it has
 * the message.
 */
export function checkPushes(world: World, say: Say): void {
  const registered = registrations(world)
  const book = new Map<string, Taken>()
  for (const taken of world.pushed) {
    const { process, message, at } = taken
    const { pushId, token, data, isWithdrawal } = message
    const place = `${pushId} ${token}${isWithdrawal ? ' withdrawn' : ''}`
    const before = book.get(place)
    if (before !== undefined) say('SIM8', `${pushId} went out twice, by ${before.process} and by ${process}`)
    book.set(place, taken)
    const event = eventOf(world, pushId)
    if (event === undefined) {
      say('SIM8', `${pushId} is of no event of the log`)
      continue
    }
    const sessionId = data.sessionId as SessionId
    if (event.sessionId !== sessionId || event.seq !== Number(data.seq)) say('SIM8', `${pushId} names another event`)
    const fault = isWithdrawal ? wrongWithdrawal(event) : wrongMessage(event)
    if (fault !== undefined) say('SIM8', `${pushId} ${fault}`)
    const target = isWithdrawal ? Number(data.withdraws) : event.seq
    const users = (registered.get(token) ?? []).filter(({ from }) =>
      isMeant(world, from, { event, sessionId, seq: target }),
    )
    if (users.length === 0) say('SIM8', `${pushId} went to ${token}, which nobody has registered who is to see it`)
    if (!isWithdrawal && users.length > 0 && users.every(user => hasAcked(world, user, { event, before: at }))) {
      say('SIM8', `${pushId} went to ${token}, whose device had told that it has the message`)
    }
  }
}

/** From when push knows what a device has, up to which it may still have looked before. */
const LOOKED_BEFORE_WAYS = 20

/**
 * True where push had long been told that the device has the message. What it has asked before it was told is not held
 * against it; how long that may be is known only where nothing stands still meanwhile.
 */
function hasAcked(
  world: World,
  { from, deviceId }: Registration,
  { event, before }: { event: AcceptedEvent; before: Millis },
): boolean {
  const { faults, options, acked } = world
  if (STILL.some(name => faults.enabled.has(name))) return false
  const until = before - LOOKED_BEFORE_WAYS * options.latencyMsMax
  return acked.some(
    mark =>
      mark.sessionId === event.sessionId &&
      mark.userId === from &&
      mark.deviceId === deviceId &&
      mark.seq >= event.seq &&
      mark.at < until,
  )
}

const STILL = ['freeze', 'store slow'] as const satisfies readonly FaultName[]

interface Registration {
  from: UserId
  deviceId: string
}

/** Token -> who has ever registered it. */
function registrations(world: World): Map<string, Registration[]> {
  const found = new Map<string, Registration[]>()
  for (const { events } of world.truth.sessions.values()) {
    for (const { body, from } of events) {
      if (body.kind !== 'PushDevicesSet' || body.added === undefined) continue
      const { token, deviceId } = body.added
      found.set(token, [...(found.get(token) ?? []), { from, deviceId }])
    }
  }
  return found
}

function eventOf(world: World, pushId: string): AcceptedEvent | undefined {
  const place = parsePushId(pushId)
  const outcomes = place && world.truth.partitions[place.partition]?.outcomes
  const event = outcomes?.find(({ offset }) => offset === place!.offset)?.event
  return event?.body.kind === 'PackRefused' || event?.body.kind === 'PackRepeated'
    ? undefined
    : (event as AcceptedEvent)
}

function wrongMessage({ body, flags }: AcceptedEvent): string | undefined {
  if (body.kind !== 'MessageAccepted') return `is of ${body.kind}`
  return (flags & Flag.NO_PUSH) === 0 ? undefined : 'is of a message that is not to be pushed'
}

function wrongWithdrawal({ body }: AcceptedEvent): string | undefined {
  return body.kind === 'MessageRevoked' || body.kind === 'MessageDeleted' ? undefined : `withdraws for ${body.kind}`
}

/** The sender of a message is not pushed to; who takes it back may be shown that. */
function isMeant(
  world: World,
  user: UserId,
  { event, sessionId, seq }: { event: AcceptedEvent; sessionId: SessionId; seq: Seq },
): boolean {
  if (event.body.kind === 'MessageAccepted' && event.from === user) return false
  return world.truth.session(sessionId).isVisible(user, seq)
}
