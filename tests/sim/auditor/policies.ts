import { type CodeName, codeName } from '../../../schemas/codes.ts'
import { type AcceptedEvent, isAccepted } from '../../../schemas/event.ts'
import { type Pack, RULES_DEFAULT, type Rules } from '../../../schemas/pack.ts'
import type { World } from '../world.ts'
import type { Say } from './audit.ts'
import { GroupPolicy } from './policy-group.ts'
import { RelationPolicy } from './policy-relation.ts'

/**
 * SIM13: nothing is accepted that the rules of groups, relations and messages forbid, and nothing is refused for a
 * reason that is not there. A policy is told what became of each pack of its session, in the order of the log, and
 * names what speaks against the next one. It has no order of checks: every objection that holds is a good reason.
 */
export interface Policy {
  /** What speaks against the pack; `must` is a fact that an accepted one has to say. */
  judge(pack: Pack, at: number, rules: Rules): Judgement
  took(event: AcceptedEvent): void
}

export interface Judgement {
  objections: Set<CodeName>
  /** Undefined, or what is wrong with the event that the pack has become. */
  fault?: (event: AcceptedEvent) => string | undefined
}

/** Refusals that the policies know all reasons of. */
const KNOWN: readonly CodeName[] = [
  ...(['GROUP_EXISTS', 'GROUP_NOT_EXIST', 'GROUP_USER_NOT_EXIST', 'GROUP_NO_PRIVILEGE', 'MEMBER_LIMIT'] as const),
  ...(['ALREADY_MEMBER', 'CREATOR_ERROR', 'INVITE_INVALID', 'REQUEST_NOT_EXIST', 'LIMIT_REACHED'] as const),
  ...(['MUTED', 'SLOW_MODE', 'MSG_REPEATED', 'BLACKLIST', 'USER_RELATION_INVALID'] as const),
  ...(['MSG_NOT_EXIST', 'NO_PRIVILEGE', 'TOO_LATE'] as const),
]

export function checkPolicies({ truth }: World, say: Say): void {
  for (const { partition, outcomes, requests } of truth.partitions) {
    const policies = new Map<string, Policy>()
    let rules: Rules = RULES_DEFAULT
    for (const { offset, event } of outcomes) {
      const { body, sessionId, at } = event
      if (body.kind === 'RulesSet') rules = body.rules
      const pack = requests[event.cause.offset]?.pack
      const policy = policies.get(sessionId) ?? policyOf(sessionId)
      if (pack === undefined || policy === undefined || body.kind === 'PackRepeated') continue
      policies.set(sessionId, policy)
      const place = `im.events/${partition}@${offset}, ${sessionId}, ${pack.body.kind} of ${pack.from}`
      const { objections, fault } = policy.judge(pack, at, rules)
      if (isAccepted(event)) {
        const wrong = fault?.(event)
        if (objections.size > 0) say('SIM13', `${place} was accepted: ${[...objections].join(', ')}`)
        else if (wrong !== undefined) say('SIM13', `${place} became ${JSON.stringify(body)}: ${wrong}`)
        policy.took(event)
      } else if (body.kind === 'PackRefused') {
        const code = codeName(body.code)!
        const isUnfounded = KNOWN.includes(code) && pack.stamp?.verdict?.code !== body.code && !objections.has(code)
        if (isUnfounded)
          say('SIM13', `${place} was refused with ${code}, against it was: ${[...objections].join(', ')}`)
      }
    }
  }
}

function policyOf(sessionId: string): Policy | undefined {
  if (sessionId.startsWith('g:')) return new GroupPolicy()
  if (sessionId.startsWith('s:')) return new RelationPolicy(sessionId)
  return undefined
}
