import type { World } from '../world.ts'
import { checkAnswers } from './answers.ts'
import { checkAsides } from './asides.ts'
import { checkConnections } from './connections.ts'
import { checkDeliveries } from './deliveries.ts'
import { checkLearnt } from './learnt.ts'
import { checkLog } from './log.ts'
import { checkLogins } from './logins.ts'
import { checkPolicies } from './policies.ts'
import { checkPushes } from './pushes.ts'
import { checkReading } from './reading.ts'
import { checkRecipients } from './recipients.ts'
import { checkReplay } from './replay.ts'
import { checkUrgent } from './urgent.ts'
import { checkViews } from './views.ts'

/**
 * Looks at a world that has become quiet and names what is not as it has to be, by the rules of SPEC.md (SIM1-SIM10).
 * What it goes by: the records of im.packs and im.events (truth.ts reads them in its own way), what each device said,
 * heard and was given (witness.ts), and the rows of the stores.
 */
export async function audit(world: World): Promise<Finding[]> {
  world.truth.read()
  const findings: Finding[] = []
  const say: Say = (rule, message) => {
    if (findings.length < FINDINGS_MAX) findings.push({ rule, message })
  }
  checkLog(world, say)
  checkReplay(world, say)
  checkPolicies(world, say)
  checkLogins(world, say)
  checkRecipients(world, say)
  checkAsides(world, say)
  checkUrgent(world, say)
  checkReading(world, say)
  checkAnswers(world, say)
  checkConnections(world, say)
  checkDeliveries(world, say)
  checkLearnt(world, say)
  checkPushes(world, say)
  await checkViews(world, say)
  return findings
}

export interface Finding {
  rule: string
  message: string
}

export type Say = (rule: string, message: string) => void

/** One broken thing shows in many places: the first few are enough. */
const FINDINGS_MAX = 20
