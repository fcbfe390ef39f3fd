import type { Millis } from '../../infra/clock.ts'
import type { SeededRandom } from '../../infra/seeded-random.ts'
import { packDigest } from '../../schemas/digest.ts'
import { makePackId, type SessionId, type UserId } from '../../schemas/ids.ts'
import { Flag, type Pack, type PackBody } from '../../schemas/pack.ts'

/**
 * Packs as gateways write them, for sessions that are known by a number: every GROUP_EVERYth is a group of
 * GROUP_MEMBERS users, the others are single chats. The same seed gives the same packs.
 */

const GROUP_EVERY = 20
const GROUP_MEMBERS = 5
const PACK_ID_RANDOM_BYTES = 10
/** Packs that a client may send once more. */
const RESENDABLE_MAX = 1_000

/** What happens in a hundred packs of a busy partition; the rest are messages in sessions that exist. */
const SHARES = { newSession: 20, join: 1, resend: 1, stranger: 1, empty: 1 } as const

export class StatePacks {
  private readonly random: SeededRandom
  private readonly text: string
  private readonly sent: Pack[] = []
  /** Sessions that were begun: 0 up to here. */
  private sessions = 0

  constructor(random: SeededRandom, { bytes }: { bytes: number }) {
    this.random = random
    this.text = 'x'.repeat(bytes)
  }

  get sessionCount(): number {
    return this.sessions
  }

  /** Begins the next session. */
  begin(time: Millis): Pack {
    const index = this.sessions++
    if (!isGroup(index)) return this.message(index, time)
    const members = Array.from({ length: GROUP_MEMBERS - 1 }, (_, n) => member(index, n + 1))
    const info = { name: `group ${index}`, avatar: '', notice: '' }
    return this.make(sessionId(index), member(index, 0), time, { kind: 'CreateGroup', info, members })
  }

  /** A message in some session that was begun. */
  messageSomewhere(time: Millis): Pack {
    return this.message(this.random.between(0, this.sessions - 1), time)
  }

  /** Whatever comes next on a busy partition. */
  next(time: Millis): Pack {
    const pack = this.draw(time)
    this.sent[this.random.between(0, RESENDABLE_MAX - 1)] = pack
    return pack
  }

  private draw(time: Millis): Pack {
    let drawn = this.random.next() * 100
    const isIn = (share: number) => {
      drawn -= share
      return drawn < 0
    }
    if (isIn(SHARES.newSession)) return this.begin(time)
    if (isIn(SHARES.join)) return this.make(this.someGroup(), this.guest(), time, { kind: 'JoinGroup' })
    if (isIn(SHARES.resend)) return this.sent.find(pack => pack !== undefined) ?? this.messageSomewhere(time)
    if (isIn(SHARES.stranger)) return this.make(this.someGroup(), this.guest(), time, textOf(this.text))
    if (isIn(SHARES.empty)) return this.make(sessionId(0), member(0, 0), time, textOf(''))
    return this.messageSomewhere(time)
  }

  private message(index: number, time: Millis): Pack {
    const from = member(index, this.random.between(0, isGroup(index) ? GROUP_MEMBERS - 1 : 1))
    return this.make(sessionId(index), from, time, textOf(this.text))
  }

  private someGroup(): SessionId {
    const index = this.random.between(0, this.sessions - 1)
    return sessionId(index - (index % GROUP_EVERY) + GROUP_EVERY - 1)
  }

  private guest(): UserId {
    return `guest-${this.random.between(0, 1_000_000)}` as UserId
  }

  private make(session: SessionId, from: UserId, time: Millis, body: PackBody): Pack {
    const flags = body.kind === 'SendMessage' ? Flag.COUNTER | Flag.ACK : Flag.ACK
    const words = { sessionId: session, from, flags, pushInfo: null, body }
    return {
      ...words,
      packId: makePackId(time, this.packIdBytes()),
      actor: { kind: 'USER', id: from },
      device: { type: 6, id: 'bench-device' },
      gateway: 'gateway-1',
      digest: packDigest(words),
      stamp: null,
    }
  }

  private packIdBytes(): Buffer {
    const bytes = Buffer.allocUnsafe(PACK_ID_RANDOM_BYTES)
    for (let at = 0; at < bytes.length; at++) bytes[at] = this.random.between(0, 255)
    return bytes
  }
}

function isGroup(index: number): boolean {
  return index % GROUP_EVERY === GROUP_EVERY - 1
}

function sessionId(index: number): SessionId {
  return (isGroup(index) ? `g:bench-${index}` : `s:${member(index, 0)}:${member(index, 1)}`) as SessionId
}

/** Byte order of the ids is that of `place`. */
function member(index: number, place: number): UserId {
  return `bench-${index}.${place}` as UserId
}

function textOf(text: string): PackBody {
  return { kind: 'SendMessage', content: { kind: 'Text', text } }
}
