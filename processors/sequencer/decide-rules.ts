import type { AcceptedBody, RefusedBody } from '../../schemas/event.ts'
import { type NumberRule, type Pack, RULES_BOUNDS, type Rules } from '../../schemas/pack.ts'
import { refused } from './outcome.ts'

/** A pack in the session `#rules`: only operators and the system, only SetRules, only upwards (SQ18). */
export function decideRules(present: Rules, pack: Pack): AcceptedBody | RefusedBody {
  if (pack.actor.kind !== 'OPERATOR' && pack.actor.kind !== 'SYSTEM') {
    return refused('ACCESS_DENIED', 'only operators set rules')
  }
  if (pack.body.kind !== 'SetRules') return refused('PARAM', 'only rules may be set here')
  const { rules } = pack.body
  for (const name of Object.keys(RULES_BOUNDS) as NumberRule[]) {
    const [min, max] = RULES_BOUNDS[name]
    if (!(rules[name] >= min && rules[name] <= max)) return refused('PARAM', `${name} is not in ${min} to ${max}`)
  }
  if (rules.version <= present.version) return refused('MSG_REPEATED', 'rules of this or a higher version apply')
  return { kind: 'RulesSet', rules }
}
