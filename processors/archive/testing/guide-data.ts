import type { MessageRef } from '../../../schemas/content.ts'
import type { Event, EventBody } from '../../../schemas/event.ts'
import { makePackId, type PackId, type SessionId, type UserId } from '../../../schemas/ids.ts'
import { DeviceType, Flag } from '../../../schemas/pack.ts'
import type { PlacedEvent } from '../../view.ts'

/** The two days of three people that the examples of docs/analytics.md are about. Every answer there can be counted here. */

const MONDAY = Date.UTC(2026, 2, 2, 9, 0, 0)
const TUESDAY = MONDAY + 86_400_000
const SECOND = 1_000

const CHAT = 's:alice:bob' as SessionId
const TEAM = 'g:team' as SessionId

const DEVICES: Record<string, { type: number; id: string }> = {
  alice: { type: DeviceType.web, id: 'browser' },
  bob: { type: DeviceType.android, id: 'phone' },
  carol: { type: DeviceType.ios, id: 'phone' },
  dave: { type: DeviceType.ios, id: 'phone' },
}

class Days {
  readonly events: PlacedEvent[] = []
  private readonly heads = new Map<string, { seq: number; count: number }>()
  private at = 0

  /** From here on events happen at this time, and each one second after the one before. */
  begin(at: number): this {
    this.at = at
    return this
  }

  text(sessionId: SessionId, from: string, text: string): PackId {
    return this.accept(sessionId, from, { kind: 'MessageAccepted', content: { kind: 'Text', text } }, Flag.COUNTER)
  }

  custom(sessionId: SessionId, from: string, type: string, data: object): PackId {
    const content = { kind: 'Custom', type, data: JSON.stringify(data) } as const
    return this.accept(sessionId, from, { kind: 'MessageAccepted', content }, Flag.COUNTER)
  }

  accept(sessionId: SessionId, from: string, body: EventBody, flags = 0): PackId {
    const head = this.heads.get(sessionId) ?? { seq: 0, count: 0 }
    this.heads.set(sessionId, head)
    head.seq++
    if (flags === Flag.COUNTER) head.count++
    return this.put(sessionId, from, body, { ...head, flags })
  }

  /** The message of a pack. */
  ref(packId: PackId): MessageRef {
    const { seq, from, at, flags } = this.events.find(({ event }) => event.packId === packId)!.event
    return { seq, packId, from, at, counted: flags === Flag.COUNTER }
  }

  answer(sessionId: SessionId, from: string, body: EventBody, packId?: PackId): PackId {
    return this.put(sessionId, from, body, { seq: 0, count: 0, flags: 0 }, packId)
  }

  private put(
    sessionId: SessionId,
    from: string,
    body: EventBody,
    { seq, count, flags }: { seq: number; count: number; flags: number },
    packId?: PackId,
  ): PackId {
    const offset = this.events.length
    // Every fourth pack took 40 ms to the log by its sender's clock, the others 10 ms.
    const delayMs = offset % 4 === 3 ? 40 : 10
    const event: Event = {
      cause: { era: 0, offset },
      at: this.at,
      sessionId,
      packId: packId ?? makePackId(this.at - delayMs, Buffer.alloc(10, offset)),
      from: from as UserId,
      actor: { kind: 'USER', id: from },
      device: DEVICES[from]!,
      gateway: from === 'alice' ? 'gateway-1' : 'gateway-2',
      flags,
      seq,
      count,
      digest: Buffer.alloc(16, offset),
      pushInfo: null,
      body,
    }
    this.at += SECOND
    this.events.push({ event, position: { offset, cause: event.cause, hash: offset.toString(16).padStart(16, '0') } })
    return event.packId
  }
}

/** All of it in partition 0, at offsets 0, 1, 2, ... */
export function guideEvents(): PlacedEvent[] {
  const days = new Days().begin(MONDAY)
  days.text(CHAT, 'alice', 'Good morning Bob')
  days.text(CHAT, 'bob', 'Morning! Shall we take the train?')
  const lunch = days.text(CHAT, 'alice', 'The fast train leaves at nine')
  days.answer(CHAT, 'alice', { kind: 'PackRepeated', code: 0, seq: 3, count: 3, at: MONDAY + 2 * SECOND }, lunch)
  const members = ['bob', 'carol'] as UserId[]
  days.accept(TEAM, 'alice', { kind: 'GroupCreated', info: { name: 'Team', avatar: '', notice: '' }, members })
  days.text(TEAM, 'carol', '我们坐高铁去上海')
  days.text(TEAM, 'alice', 'See you at the train station')
  days.answer(TEAM, 'dave', { kind: 'PackRefused', code: 30, reason: 'not a member of the group' })
  days.answer(CHAT, 'bob', { kind: 'DeliveredMarked', seq: 3 })
  days.answer(CHAT, 'bob', { kind: 'ReadMarked', seq: 3, count: 3 })
  days.begin(TUESDAY)
  days.accept(TEAM, 'alice', { kind: 'MembersAdded', userIds: ['dave' as UserId] })
  const hello = days.text(TEAM, 'dave', 'Hello everyone')
  days.custom(TEAM, 'carol', 'poll', { question: 'Lunch?', options: ['noodles', 'soup'] })
  days.accept(TEAM, 'bob', { kind: 'MemberQuit' })
  days.answer(TEAM, 'bob', { kind: 'PackRefused', code: 30, reason: 'not a member of the group' })
  days.answer(CHAT, 'bob', { kind: 'PackRefused', code: 41, reason: 'the content is longer than 65536 bytes' })
  const left = days.text(CHAT, 'bob', 'I left the team, write me here')
  const content = { kind: 'Text', text: 'I left the team: write to me here' } as const
  days.accept(CHAT, 'bob', { kind: 'MessageOverridden', target: days.ref(left), content, version: 1 })
  days.accept(CHAT, 'alice', { kind: 'MessageRevoked', target: days.ref(lunch) })
  days.accept(TEAM, 'dave', { kind: 'ReactionAdded', target: days.ref(hello), emoji: '👍' })
  days.answer(CHAT, 'alice', { kind: 'ReadMarked', seq: 3, count: 3 })
  return days.events
}
