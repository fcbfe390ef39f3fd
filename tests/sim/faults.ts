import type { SeededRandom } from '../../infra/seeded-random.ts'

/** Everything that can go wrong in the simulated world, with how it is counted. docs/simulation.md says what each does. */
export const FAULTS = [
  // Processes.
  'crash',
  'freeze',
  'rebalance',
  'disk lost',
  'drain',
  // Appends to im.packs and im.events, and transactions on im.sessions.
  'produce lost',
  'produce unanswered',
  'produce late',
  'produce repeated',
  'produce slow',
  'changelog failed',
  'changelog unanswered',
  // Reading.
  'fetch held',
  'foreign records',
  // Stores.
  'store failed',
  'store unanswered',
  'store half done',
  'store slow',
  'redis emptied',
  'view rewound',
  // Connections.
  'connection lost',
  'frames lost',
  'reader slow',
  'reader frozen',
  // Time.
  'clock stepped',
  // Stores as well; not among those that are drawn together, so that seeds from before it mean what they meant.
  'redis set back',
] as const

export type FaultName = (typeof FAULTS)[number]
export type FaultCounts = Record<FaultName, number>

export function noFaults(): FaultCounts {
  return Object.fromEntries(FAULTS.map(name => [name, 0])) as FaultCounts
}

/** Faults that strike at a moment, not within a call; with how often, against each other. */
export const STRIKES = [
  { name: 'crash', weight: 3 },
  { name: 'freeze', weight: 3 },
  { name: 'rebalance', weight: 2 },
  { name: 'disk lost', weight: 1 },
  { name: 'drain', weight: 1 },
  { name: 'fetch held', weight: 3 },
  { name: 'foreign records', weight: 2 },
  { name: 'redis emptied', weight: 1 },
  { name: 'view rewound', weight: 2 },
  { name: 'connection lost', weight: 4 },
  { name: 'frames lost', weight: 4 },
  { name: 'reader slow', weight: 3 },
  { name: 'reader frozen', weight: 2 },
  { name: 'clock stepped', weight: 2 },
  { name: 'redis set back', weight: 2 },
] as const satisfies readonly { name: FaultName; weight: number }[]
export type StrikeName = (typeof STRIKES)[number]['name']

/** The faults of one run: a random subset, so that some runs combine few of them for long (swarm testing). */
export class Faults {
  readonly counts: FaultCounts = noFaults()
  readonly enabled: ReadonlySet<FaultName>
  /** Faults happen only while this is true. */
  isOn = true
  private readonly random: SeededRandom
  private readonly strikes: readonly { name: StrikeName; weight: number }[]

  constructor(random: SeededRandom, enabled: readonly FaultName[]) {
    this.random = random
    this.enabled = new Set(enabled)
    this.strikes = STRIKES.filter(({ name }) => this.enabled.has(name))
  }

  /** True when this fault happens now; it then is counted. */
  happens(name: FaultName, probability: number): boolean {
    if (!this.isOn || !this.enabled.has(name) || !this.random.chance(probability)) return false
    this.counts[name]++
    return true
  }

  count(name: FaultName): void {
    this.counts[name]++
  }

  /** What strikes next; undefined where nothing of the kind is enabled. The one whom it strikes counts it. */
  nextStrike(): StrikeName | undefined {
    return this.strikes.length === 0 ? undefined : this.random.weighted(this.strikes).name
  }
}

/** The subset for a run: each fault with one chance in two, now and then all of them or none. */
export function drawFaults(random: SeededRandom): FaultName[] {
  const kind = random.next()
  if (kind < 0.04) return []
  if (kind < 0.12) return [...DRAWN_TOGETHER]
  const share = 0.2 + random.next() * 0.6
  return DRAWN_TOGETHER.filter(() => random.chance(share))
}

const DRAWN_TOGETHER = FAULTS.filter(name => name !== 'redis set back')
