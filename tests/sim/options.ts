import { SeededRandom } from '../../infra/seeded-random.ts'
import type { Rules } from '../../schemas/pack.ts'
import { drawFaults, type FaultName } from './faults.ts'

/** Steps of the first phase of a run: tasks of the clock. */
export const STEPS_MAX = 20_000

/** Lines of a world's log that are shown where something is wrong. */
export const NOTES_MAX = 200

/** What a run is like; all of it follows from the seed. */
export interface SimOptions {
  seed: number
  stepsMax: number
  partitions: number
  users: number
  /** Devices of each user. */
  devices: number
  groups: number
  /** Pause between two operations of a device, on average, in ms. */
  thinkMs: number
  /** Longest way of a message between two processes, in ms. */
  latencyMsMax: number
  /** Pause between two faults that strike at a moment, on average, in ms. */
  strikeMs: number
  /** How likely a process dies at a call to a port. */
  crashProbability: number
  /** Events that history keeps per session. */
  historyEventsMax: number
  /** Larger groups are not written per member in history. */
  hotGroupMembersMax: number
  /** Two instances of every view work on the same partitions. */
  viewsDoubled: boolean
  /** The two sequencers have different rules. */
  rulesDiffer: boolean
  faults: readonly FaultName[]
  /** Which devices of a user may be connected at once. */
  loginPolicy: Rules['loginPolicy']
  loginsMax: number
  /** The role push runs as well. */
  pushes: boolean
  /** Lines of the world's log that are kept. */
  notesMax: number
}

/** The options that a seed means; `changes` overrides some of them. */
export function optionsOf(seed: number, changes: Partial<SimOptions> = {}): SimOptions {
  const random = new SeededRandom(seed)
  const drawn = draw(seed, random)
  // Only where somebody has several devices do they come into each other's way.
  if (drawn.loginPolicy !== 'all') drawn.devices = 2
  return { ...drawn, ...changes }
}

function draw(seed: number, random: SeededRandom): SimOptions {
  const drawn: SimOptions = {
    seed,
    stepsMax: STEPS_MAX,
    partitions: random.between(1, 3),
    users: random.between(3, 5),
    devices: random.chance(0.3) ? 2 : 1,
    groups: random.between(2, 4),
    thinkMs: random.pick([100, 250, 600]),
    latencyMsMax: random.pick([2, 10, 40]),
    strikeMs: random.pick([500, 1_500, 4_000]),
    crashProbability: random.pick([0.0003, 0.001, 0.003]),
    historyEventsMax: random.chance(0.25) ? random.between(3, 20) : 1_000,
    hotGroupMembersMax: random.chance(0.3) ? 2 : 100,
    viewsDoubled: random.chance(0.3),
    rulesDiffer: random.chance(0.3),
    faults: drawFaults(random),
    loginPolicy: random.pick(['all', 'all', 'onePerType', 'one', 'classes'] as const),
    loginsMax: random.pick([64, 64, 1]),
    // The last to be drawn, one after the other: seeds from before them mean what they meant.
    pushes: random.chance(0.25),
    notesMax: NOTES_MAX,
  }
  const isSetBack = drawn.faults.length > 0 && random.chance(0.3)
  return isSetBack ? { ...drawn, faults: [...drawn.faults, 'redis set back'] } : drawn
}
