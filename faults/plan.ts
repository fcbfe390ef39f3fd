import type { Millis } from '../infra/clock.ts'
import type { BrokerCount } from '../infra/local/kafka.ts'
import { SeededRandom } from '../infra/seeded-random.ts'

/** What is done when: a pure function of seed, length and kinds. */

/** What is killed (kill -9, then started again) and what is frozen (SIGSTOP, then SIGCONT). */
const TARGETS = [
  'sequencer',
  'gateway-1',
  'gateway-2',
  'history',
  'membership',
  'archive',
  'broker',
  'redis',
  'clickhouse',
  'registry',
] as const
export type Target = (typeof TARGETS)[number]

/**
 * - `empty redis`: FLUSHALL.
 * - `fight sequencer`: a second sequencer is started on the partitions of one that runs, and both are started again
 *   whenever they end.
 * - `zombie sequencer`: the first one is frozen, replaced, and woken while the other works.
 * - `... rules`: the same with other rules configured.
 */
export type FaultKind =
  | `kill ${Target}`
  | `freeze ${Target}`
  | 'empty redis'
  | `${'fight' | 'zombie'} ${'sequencer' | 'rules'}`

export const ALL_KINDS: readonly FaultKind[] = [
  ...TARGETS.flatMap(target => [`kill ${target}`, `freeze ${target}`] as const),
  'empty redis',
  'fight sequencer',
  'fight rules',
  'zombie sequencer',
  'zombie rules',
]

export interface Fault {
  /** 1, 2, 3, ... */
  number: number
  /** When it is due, after people began to chat. It comes later when an earlier one took longer. */
  atMs: Millis
  kind: FaultKind
  /** Which of several alike: sequencer 1 or 2, broker 1 to 3. */
  instance: number
  /** How long it is down, frozen or fought over. */
  holdMs: Millis
}

export interface PlanOptions {
  seed: number
  seconds: number
  everySeconds: number
  brokers: BrokerCount
  kinds: readonly FaultKind[]
}

/** How long people chat before the first fault, and undisturbed after the last. */
const HEAD_MS: Millis = 5_000
/** The share of a slot within which its fault begins. */
const JITTER = 0.3
const SEQUENCERS = 2

/** Rounds of all kinds, each in an order of its own, one fault per slot. */
export function makePlan({ seed, seconds, everySeconds, brokers, kinds }: PlanOptions): Fault[] {
  const random = new SeededRandom(seed)
  const slotMs = everySeconds * 1_000
  const count = Math.max(0, Math.floor((seconds * 1_000 - HEAD_MS) / slotMs))
  const faults: Fault[] = []
  let round: FaultKind[] = []
  for (let number = 1; number <= count; number++) {
    if (round.length === 0) round = random.sample(kinds, kinds.length)
    const kind = round.pop()!
    const atMs = Math.round(HEAD_MS + (number - 1) * slotMs + random.next() * JITTER * slotMs)
    const instance = random.between(1, kind.endsWith('broker') ? brokers : SEQUENCERS)
    const [min, max] = holdRange(kind, brokers)
    faults.push({ number, atMs, kind, instance, holdMs: random.between(min, max) })
  }
  return faults
}

/** How long: ms, from and to. One of three brokers stays away for longer than the others need to go on without it. */
function holdRange(kind: FaultKind, brokers: BrokerCount): [Millis, Millis] {
  if (kind.endsWith('broker') && brokers === 3) return [9_000, 12_000]
  switch (kind.split(' ')[0]) {
    case 'kill':
      return [0, 3_000]
    case 'freeze':
      return [2_000, 8_000]
    case 'empty':
      return [0, 0]
    default:
      return [6_000, 9_000]
  }
}

/** One line of the plan, for people. */
export function describeFault({ number, atMs, kind, instance, holdMs }: Fault, brokers: BrokerCount): string {
  const which = kind.endsWith('broker')
    ? brokers === 3
      ? ` ${instance}`
      : ''
    : isOfSequencer(kind)
      ? ` ${instance}`
      : ''
  const hold = holdMs > 0 ? `, ${(holdMs / 1_000).toFixed(1)} s` : ''
  return `${String(number).padStart(4)}  at ${(atMs / 1_000).toFixed(1).padStart(7)} s  ${kind}${which}${hold}`
}

function isOfSequencer(kind: FaultKind): boolean {
  return kind.endsWith('sequencer') || kind.endsWith('rules')
}
