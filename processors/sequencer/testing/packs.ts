import { codeName } from '../../../schemas/codes.ts'
import { packDigest } from '../../../schemas/digest.ts'
import type { Event } from '../../../schemas/event.ts'
import { makePackId, type PackId, RULES_SESSION, type SessionId, type UserId } from '../../../schemas/ids.ts'
import { Flag, type Pack, type PackBody, type Rules } from '../../../schemas/pack.ts'
import { partitionOf } from '../../../topics/partition.ts'
import { decide } from '../decide.ts'
import { evolve, evolveTime } from '../evolve.ts'
import { LOG_TIME_START, type LogTime, makeRowMaps, type Rows, type StateView, type Table } from '../session.ts'

/** Packs for tests, and a state without log, store or batches. */

export const T0 = 1_700_000_000_000
export const PARTITIONS = 12

const randomOf = (number: number) => {
  const bytes = Buffer.alloc(10)
  bytes.writeUInt32BE(number, 6)
  return bytes
}

/** The packId number `number` with this time; the same arguments give the same id. */
export function packIdAt(timeMs: number, number: number): PackId {
  return makePackId(timeMs, randomOf(number))
}

/** Above the numbers that tests give themselves. */
let lastPackNumber = 1_000_000

export interface PackWords {
  session?: string
  from?: string
  body?: PackBody
  text?: string
  flags?: number
  packId?: string
  /** Time bits of the packId. */
  time?: number
}

export function text(words: string): PackBody {
  return { kind: 'SendMessage', content: { kind: 'Text', text: words } }
}

/** A correct pack but for what `words` and `changes` say. */
export function makePack(words: PackWords = {}, changes: Partial<Pack> = {}): Pack {
  const from = (words.from ?? 'alice') as UserId
  const sessionId = (words.session ?? 's:alice:bob') as SessionId
  const flags = words.flags ?? Flag.COUNTER
  const body = words.body ?? text(words.text ?? 'hello')
  return {
    packId: (words.packId ?? packIdAt(words.time ?? T0, ++lastPackNumber)) as PackId,
    sessionId,
    from,
    actor: { kind: 'USER', id: from },
    device: { type: 6, id: 'laptop' },
    gateway: 'gw-1',
    flags,
    digest: packDigest({ sessionId, from, flags, pushInfo: changes.pushInfo ?? null, body: changes.body ?? body }),
    pushInfo: null,
    stamp: null,
    body,
    ...changes,
  }
}

export function rulesPack(rules: Rules, changes: Partial<Pack> = {}): Pack {
  return makePack(
    { session: RULES_SESSION, from: 'sequencer', body: { kind: 'SetRules', rules }, flags: 0 },
    { actor: { kind: 'SYSTEM', id: 'sequencer' }, ...changes },
  )
}

export function partitionOfSession(sessionId: string): number {
  return partitionOf(Buffer.from(sessionId), PARTITIONS)
}

/** Decides and evolves pack by pack, as the sequencer does, on maps. */
export class TestState implements StateView {
  readonly rows = makeRowMaps()
  time: LogTime = LOG_TIME_START
  offset = 0
  private readonly partitions: number

  constructor({ partitions = PARTITIONS } = {}) {
    this.partitions = partitions
  }

  get<T extends Table>(table: T, key: string): Rows[T] | undefined {
    return this.rows[table].get(key)
  }

  /** The outcome of the pack, appended to im.packs at `at`; the state has taken it. */
  run(pack: Pack, at: number = T0, place: { key?: Buffer | null; partition?: number } = {}): Event {
    const key = place.key === undefined ? Buffer.from(pack.sessionId) : place.key
    const { partitions } = this
    const partition = place.partition ?? partitionOf(Buffer.from(pack.sessionId), partitions)
    const cause = { era: 0, offset: this.offset++ }
    const event = decide(this, this.time, { cause, appendedAt: at, key, pack }, { partition, partitions })
    this.apply(event)
    return event
  }

  apply(event: Event): void {
    for (const { table, key, row } of evolve(this, event)) {
      ;(this.rows[table] as Map<string, typeof row>).set(key, row)
    }
    this.time = evolveTime(this.time, event)
  }
}

/** `seq 3 count 2`, `GROUP_EXISTS` or `repeated`: the outcome in a word. */
export function brief(event: Event): string {
  if (event.body.kind === 'PackRefused') return codeName(event.body.code)!
  if (event.body.kind === 'PackRepeated') return `repeated ${event.body.code} ${event.body.seq} ${event.body.count}`
  return `${event.body.kind} seq ${event.seq} count ${event.count}`
}

const users = (...ids: string[]) => ids as UserId[]

export const create = (members: string[], name = 'Chess'): PackBody => ({
  kind: 'CreateGroup',
  info: { name, avatar: '', notice: '' },
  members: users(...members),
})
export const add = (...ids: string[]): PackBody => ({ kind: 'AddMembers', userIds: users(...ids) })
export const remove = (...ids: string[]): PackBody => ({ kind: 'RemoveMembers', userIds: users(...ids) })
export const JOIN: PackBody = { kind: 'JoinGroup' }
export const QUIT: PackBody = { kind: 'QuitGroup' }
export const DISMISS: PackBody = { kind: 'DismissGroup' }

/** A group `g:chess` of alice (owner), bob and carol. */
export function chess(): TestState {
  const state = new TestState()
  state.run(makePack({ session: 'g:chess', body: create(['bob', 'carol']) }))
  return state
}
export const inChess = (from: string, body: PackBody, changes: Partial<Pack> = {}) =>
  makePack({ session: 'g:chess', from, body, flags: 0 }, changes)
