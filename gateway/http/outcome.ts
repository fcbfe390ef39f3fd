import type { z } from 'zod'
import type { Answer } from '../ws/calls.ts'
import { recordSchema } from './avro-schemas.ts'
import { Problem } from './problem.ts'

/** What became of a pack that was accepted: what an `ack` says. */
export type OutcomeBody = Omit<Extract<Answer, { type: 'ack' }>, 'type'>

export const outcomeSchema: z.ZodType<OutcomeBody> = recordSchema<OutcomeBody>('Ack').meta({
  id: 'Outcome',
  description: 'The pack was accepted, now or when it came first.',
})

/** Throws the refusal as a problem. */
export function outcomeOf(answer: Answer): OutcomeBody {
  if (answer.type === 'refused') throw Problem.of(answer.code, answer.reason)
  const { type: _, ...outcome } = answer
  return outcome
}
