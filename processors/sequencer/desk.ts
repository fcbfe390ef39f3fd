import type { Millis } from '../../infra/clock.ts'
import type { Pack, Rules } from '../../schemas/pack.ts'
import type { Head, StateView } from './session.ts'

/** What lies before the rules of a body: a pack of known form in its own session, and what there is to decide it by. */
export interface Desk {
  view: StateView
  rules: Rules
  /** Of the pack's session; undefined before its first accepted event. */
  head: Head | undefined
  pack: Pack
  /** Log time of the outcome. */
  at: Millis
  /** The oldest packId time that is remembered. */
  horizon: Millis
}
