import { isDeepStrictEqual } from 'node:util'
import type { ClientFrame, ServerFrame, UserPresence } from '../../../schemas/frames.ts'
import type { SessionId, UserId } from '../../../schemas/ids.ts'
import { Flag } from '../../../schemas/pack.ts'
import { type Hearing, type Moment, typingKey } from '../air.ts'
import type { Device } from '../device.ts'
import type { World } from '../world.ts'
import type { Say } from './audit.ts'
import { blocked, hidden, member, Spans } from './spans.ts'

/**
 * SIM18: what goes past the log is not on it, reaches nobody whom it does not concern, and no connection more often
 * than it was said. That it reaches anybody is promised by nobody.
 *
 * A gateway goes by what it knows, and it may be behind: something is wrong only where it was so from what was known
 * for certain when it was decided up to the end of the log when it was heard.
 */
export function checkAsides(world: World, say: Say): void {
  const said = saidBy(world)
  checkNotKept(world, said, say)
  const spans = new Spans(world)
  const hearings = groupBy(world.hearings, ({ gateway, key }) => `${gateway} ${key}`)
  for (const device of world.devices) {
    const byConnection = groupBy(device.witness.seen.filter(isOnWire), ({ connection }) => connection)
    for (const [connection, seen] of byConnection) {
      const wire = new AsideWire({ device, connection, said, spans, hearings, say })
      for (const one of seen) wire.take(one)
    }
  }
}

function groupBy<T, K>(all: readonly T[], keyOf: (one: T) => K): Map<K, T[]> {
  const groups = new Map<K, T[]>()
  for (const one of all) {
    const group = groups.get(keyOf(one))
    if (group === undefined) groups.set(keyOf(one), [one])
    else group.push(one)
  }
  return groups
}

type OnWire = Extract<Device['witness']['seen'][number], { connection: number }>

function isOnWire(seen: Device['witness']['seen'][number]): seen is OnWire {
  return seen.kind === 'Sent' || seen.kind === 'Received'
}

/** Something that a device has said past the log. */
interface Saying {
  device: Device
  connection: number
  frame: Extract<ClientFrame, { type: 'send' | 'typing' }>
  moment: Moment
}
type Said = ReadonlyMap<string, readonly Saying[]>

function saidBy({ devices }: World): Said {
  const said: Saying[] = []
  for (const device of devices) {
    for (const seen of device.witness.seen) {
      if (seen.kind !== 'Sent' || seen.moment === undefined) continue
      const { frame, connection, moment } = seen
      if (frame.type === 'send' || frame.type === 'typing') said.push({ device, connection, frame, moment })
    }
  }
  return groupBy(said, ({ device, frame }) =>
    frame.type === 'send' ? whisperKey(frame.packId) : typingKey({ ...frame, from: device.user }),
  )
}

function whisperKey(packId: string): string {
  return `online ${packId}`
}

function checkNotKept({ truth, devices }: World, said: Said, say: Say): void {
  for (const { partition, requests } of truth.partitions) {
    for (const { record, pack } of requests) {
      const isKept = pack !== undefined && (said.has(whisperKey(pack.packId)) || (pack.flags & Flag.ONLINE_ONLY) !== 0)
      if (isKept) say('SIM18', `im.packs/${partition}@${record.offset} has a message that nobody keeps`)
    }
  }
  for (const { name, witness } of devices) {
    for (const seen of witness.seen) {
      if (seen.kind === 'Delivered' && said.has(whisperKey(seen.event.packId)))
        say('SIM18', `${name} was given a message that nobody keeps as an event`)
    }
  }
}

interface WireParts {
  device: Device
  connection: number
  said: Said
  spans: Spans
  hearings: ReadonlyMap<string, readonly Hearing[]>
  say: Say
}

/** What passed on one connection, in order. */
class AsideWire {
  private readonly parts: WireParts
  private readonly heard = new Map<string, number>()
  private readonly asked = new Map<number, { frame: Extract<ClientFrame, { type: 'presence' }>; moment: Moment }>()
  private readonly watched = new Set<UserId>()
  private readonly moments: Moment[] = []

  constructor(parts: WireParts) {
    this.parts = parts
  }

  take({ kind, frame, moment }: OnWire): void {
    if (kind === 'Received' && frame.type === 'ack') this.ack(frame)
    if (moment === undefined) return
    if (kind === 'Sent' && frame.type === 'presence') this.asked.set(frame.requestId, { frame, moment })
    if (kind === 'Received') this.received(frame, moment)
    this.moments.push(moment)
  }

  private received(frame: ServerFrame, moment: Moment): void {
    switch (frame.type) {
      case 'online':
        this.online(frame, moment)
        return
      case 'typing':
        this.typing(frame, moment)
        return
      case 'presence':
        this.answered(frame, moment)
        return
      case 'presenceChanged':
        this.changed(frame.user, moment)
    }
  }

  private ack({ packId, seq, count }: Extract<ServerFrame, { type: 'ack' }>): void {
    if (!this.parts.device.witness.whispers.has(packId)) return
    if (seq !== 0 || count !== 0) this.wrong(`the ack of ${packId}, which nobody keeps, names #${seq}`)
  }

  private online(frame: Extract<ServerFrame, { type: 'online' }>, now: Moment): void {
    const { sessionId, packId, from, content } = frame
    const key = whisperKey(packId)
    const first = this.sayings(key)[0]
    const isAsSaid =
      first?.frame.type === 'send' &&
      first.device.user === from &&
      first.frame.sessionId === sessionId &&
      isDeepStrictEqual(first.frame.content, content)
    if (isAsSaid) this.told(frame, { key, first, now })
    else this.wrong(`${packId} was never said so`)
  }

  /** A message as it was said: whether it was said often enough, might be said, and might be told. */
  private told(
    frame: Extract<ServerFrame, { type: 'online' }>,
    what: { key: string; first: Saying; now: Moment },
  ): void {
    const { spans, device } = this.parts
    const { sessionId, packId, from } = frame
    const { key, first, now } = what
    this.count(key, this.sayings(key))
    if (!this.isIn(from, sessionId, first.moment, now))
      this.wrong(`${from} said ${packId} without being in ${sessionId}`)
    const heard = this.hearings(key).find(({ moment }) => moment.at <= now.at)
    if (heard === undefined) this.wrong(`its gateway never heard ${packId}`)
    else if (!this.isIn(device.user, sessionId, heard.moment, now))
      this.wrong(`got ${packId} without being in ${sessionId}`)
    const peer = peerOf(sessionId, from)
    if (peer === undefined || now.losses !== first.moment.losses) return
    if (spans.throughout(blocked(peer, from), first.moment.view, now))
      this.wrong(`${peer} blocks ${from}, and ${packId} was told`)
  }

  private typing(frame: Extract<ServerFrame, { type: 'typing' }>, now: Moment): void {
    const { device, spans } = this.parts
    const { sessionId, from } = frame
    const key = typingKey(frame)
    const what = `"${from} is typing" in ${sessionId}`
    if (device.user === from) this.wrong(`was told that they are typing themselves`)
    this.count(key, this.sayings(key))
    const wasIn = ({ moment }: Saying) => moment.at <= now.at && this.isIn(from, sessionId, moment, now)
    if (!this.sayings(key).some(wasIn)) this.wrong(`${what}, who was not in it when it was said`)
    const isRight = ({ moment }: Hearing) => {
      const isBlocked =
        !sessionId.startsWith('g:') &&
        now.losses === moment.losses &&
        spans.throughout(blocked(device.user, from), moment.view, now)
      return moment.at <= now.at && !isBlocked && this.isIn(device.user, sessionId, moment, now)
    }
    // One cannot be told from the one before: any of those may be the one.
    if (!this.hearings(key).some(isRight)) this.wrong(`was told ${what}, which is none of their business`)
  }

  private answered({ requestId, users }: Extract<ServerFrame, { type: 'presence' }>, now: Moment): void {
    const asked = this.asked.get(requestId)
    this.asked.delete(requestId)
    if (asked === undefined) return
    for (const user of users) {
      this.shown(user, asked.moment, now)
      if (asked.frame.subscribe === true) this.watched.add(user.userId)
      if (asked.frame.subscribe === false) this.watched.delete(user.userId)
    }
  }

  private changed(user: UserPresence, now: Moment): void {
    const { userId } = user
    const isAsked = [...this.asked.values()].some(
      ({ frame }) => frame.subscribe === true && frame.userIds.includes(userId),
    )
    if (!this.watched.has(userId) && !isAsked) this.wrong(`was told of ${userId}, whom it does not watch`)
    const then = this.moments.findLast(({ at }) => at <= now.at - TOLD_MS_MAX)
    if (then !== undefined) this.shown(user, then, now)
  }

  /** `then`: before it was decided what to say. */
  private shown({ userId, online, lastSeenAt }: UserPresence, then: Moment, now: Moment): void {
    const { device, spans } = this.parts
    const types = device.world.devices.filter(({ user }) => user === userId).map(({ type }) => type)
    if (!online.every(type => types.includes(type))) this.wrong(`${userId} has no device of type ${online.join(' ')}`)
    if (userId === device.user || (online.length === 0 && lastSeenAt === undefined)) return
    if (then.losses !== now.losses) return
    const known = new Map([...then.view].map(([n, offset]) => [n, Math.min(offset, then.gateway.get(n) ?? -1)]))
    if (spans.throughout(hidden(userId), known, now)) this.wrong(`was told of ${userId}, who hides`)
    if (spans.throughout(blocked(userId, device.user), known, now)) this.wrong(`was told of ${userId}, who blocks them`)
  }

  /** True where the user was in at some time from what the gateway then knew to now. */
  private isIn(userId: UserId, sessionId: SessionId, then: Moment, now: Moment): boolean {
    if (!sessionId.startsWith('g:')) return sessionId.split(':').slice(1).includes(userId)
    return this.parts.spans.sometime(member(userId, sessionId), then.gateway, now)
  }

  private sayings(key: string): readonly Saying[] {
    return this.parts.said.get(key) ?? []
  }

  private hearings(key: string): readonly Hearing[] {
    const { device, connection, hearings } = this.parts
    return hearings.get(`${device.witness.hosts.get(connection)!.name} ${key}`) ?? []
  }

  /** Who says it does not hear it on the same connection. */
  private count(key: string, sayings: readonly Saying[]): void {
    const times = (this.heard.get(key) ?? 0) + 1
    this.heard.set(key, times)
    const due = sayings.filter(({ connection }) => connection !== this.parts.connection).length
    if (times > due) this.wrong(`was told ${key} ${times} times; it was said ${due} times`)
  }

  private wrong(what: string): void {
    this.parts.say('SIM18', `${this.parts.device.name}, connection ${this.parts.connection}: ${what}`)
  }
}

/** Longer than a change of presence is on its way, slow stores, frozen gateways and frozen readers included. */
const TOLD_MS_MAX = 60_000

function peerOf(sessionId: SessionId, userId: UserId): UserId | undefined {
  if (!sessionId.startsWith('s:')) return undefined
  return sessionId
    .split(':')
    .slice(1)
    .find(user => user !== userId) as UserId
}
