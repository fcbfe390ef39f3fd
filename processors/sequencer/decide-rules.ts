import type { AcceptedBody, RefusedBody } from '../../schemas/event.ts'
import type { Pack, Rules } from '../../schemas/pack.ts'
import { refused } from './outcome.ts'
import { PACK_ID_AHEAD_MS_LIMIT } from './session.ts'

/** Bounds of what rules may say, inclusive. Within them every other limit of the sequencer keeps its relation. */
export const RULES_BOUNDS: Record<keyof Rules, readonly [min: number, max: number]> = {
  version: [1, 2 ** 31 - 1],
  dedupeWindowMs: [1_000, 7 * 86_400_000],
  packIdAheadMsMax: [0, PACK_ID_AHEAD_MS_LIMIT],
  contentBytesMax: [1, 700_000],
  groupMembersMax: [1, 1_000_000],
  packMembersMax: [1, 10_000],
}

/** A pack in the session `#rules`: only operators and the system, only SetRules, only upwards (SQ18). */
export function decideRules(present: Rules, pack: Pack): AcceptedBody | RefusedBody {
  if (pack.actor.kind !== 'OPERATOR' && pack.actor.kind !== 'SYSTEM') {
    return refused('ACCESS_DENIED', 'only operators set rules')
  }
  if (pack.body.kind !== 'SetRules') return refused('PARAM', 'only rules may be set here')
  const { rules } = pack.body
  for (const name of Object.keys(RULES_BOUNDS) as (keyof Rules)[]) {
    const [min, max] = RULES_BOUNDS[name]
    if (!(rules[name] >= min && rules[name] <= max)) return refused('PARAM', `${name} is not in ${min} to ${max}`)
  }
  if (rules.version <= present.version) return refused('MSG_REPEATED', 'rules of this or a higher version apply')
  return { kind: 'RulesSet', rules }
}
