import { Code } from '../../../schemas/codes.ts'
import { type AcceptedEvent, type Event, isAccepted } from '../../../schemas/event.ts'
import { operationOfEvent } from '../operations/index.ts'
import type { World } from '../world.ts'
import type { Say } from './audit.ts'
import type { PartitionTruth } from './truth.ts'

/** SIM1, SIM2 and the half of SIM6 that needs no replay: what lies on im.events, taken by itself. */
export function checkLog({ truth }: World, say: Say): void {
  for (const partition of truth.partitions) {
    checkCauses(partition, say)
    checkPacks(partition, say)
  }
  for (const { sessionId, events, facts } of truth.sessions.values()) {
    checkSeqs(sessionId, events, say)
    for (const { seq, count, body } of facts) {
      if (seq !== 0 || count !== 0) say('SIM1', `${sessionId}: ${body.kind} has seq ${seq} and count ${count}`)
    }
  }
}

/** One outcome per pack, in order, and of that pack. */
function checkCauses({ partition, outcomes, requests }: PartitionTruth, say: Say): void {
  for (const [index, { offset, event }] of outcomes.entries()) {
    const place = `im.events/${partition}@${offset}`
    if (event.cause.offset !== index) say('SIM6', `${place} answers pack ${event.cause.offset}, due is ${index}`)
    const pack = requests[event.cause.offset]?.pack
    if (pack === undefined) continue
    const isOfPack = event.packId === pack.packId && event.from === pack.from && event.sessionId === pack.sessionId
    if (!isOfPack) say('SIM6', `${place} is not the outcome of its pack ${pack.packId} of ${pack.from}`)
  }
}

function checkSeqs(sessionId: string, events: readonly AcceptedEvent[], say: Say): void {
  let count = 0
  let at = 0
  for (const [index, event] of events.entries()) {
    if (event.seq !== index + 1) {
      say('SIM1', `${sessionId}: seq ${event.seq} where ${index + 1} is due`)
      return
    }
    if (operationOfEvent(event.body.kind)?.isCounted?.(event as never)) count++
    const place = `${sessionId} #${event.seq}`
    if (event.count !== count) say('SIM1', `${place}: count ${event.count}, counted are ${count}`)
    if (event.at < at) say('SIM1', `${place}: its time ${event.at} is before ${at}`)
    at = event.at
  }
}

/** Each pack takes effect once; what is said of it later is its first outcome. */
function checkPacks({ partition, outcomes }: PartitionTruth, say: Say): void {
  const first = new Map<string, Event>()
  for (const { offset, event } of outcomes) {
    const key = `${event.sessionId} ${event.from} ${event.packId}`
    const before = first.get(key)
    const place = `im.events/${partition}@${offset}, pack ${key}`
    if (isAccepted(event)) {
      if (before !== undefined && isAccepted(before)) say('SIM2', `${place}: accepted a second time`)
      if (before !== undefined && !isAccepted(before)) say('SIM3', `${place}: accepted after it was refused for good`)
      first.set(key, event)
    } else if (event.body.kind === 'PackRepeated') {
      checkRepeat(place, event, before, say)
    } else if (event.body.kind === 'PackRefused' && isFinal(event.body.code) && before === undefined) {
      first.set(key, event)
    }
  }
}

function checkRepeat(place: string, event: Event, before: Event | undefined, say: Say): void {
  if (event.body.kind !== 'PackRepeated') return
  if (before === undefined) {
    say('SIM2', `${place}: repeats what was never decided`)
    return
  }
  if (!event.digest.equals(before.digest)) say('SIM2', `${place}: repeats other content`)
  const { code, seq, count, at } = event.body
  const told =
    before.body.kind === 'PackRefused'
      ? { code: before.body.code, seq: 0, count: 0 }
      : { code: 0, seq: before.seq, count: before.count }
  const isFirst = code === told.code && seq === told.seq && count === told.count && at === before.at
  if (!isFirst) say('SIM2', `${place}: says ${code} #${seq}, first was ${told.code} #${told.seq}`)
}

/** True for a refusal that is the pack's own outcome for good. */
export function isFinal(code: number): boolean {
  const entry = Object.entries(Code).find(([, { number }]) => number === code)
  if (entry === undefined) return true
  const [name, { retry }] = entry
  return retry === 'never' && !['PACK_CONFLICT', 'MISROUTED', 'UNREADABLE', 'BAD_CLIENT_IDENTITY'].includes(name)
}
