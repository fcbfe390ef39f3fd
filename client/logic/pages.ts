import type { AnswerTo, Question } from '../network/questions.ts'
import type { Wire } from './wire.ts'

/** Pages of a list that are asked for at most. */
export const LIST_PAGES_MAX = 200

type Paged = Extract<Question, { cursor?: string }>

/** Asks for a list, page after page; a failure ends it. */
export async function* askPages<Q extends Paged>(wire: Wire, question: Q): AsyncGenerator<AnswerTo<Q['type']>> {
  let cursor: string | undefined
  for (let page = 0; page < LIST_PAGES_MAX; page++) {
    const answer = await wire.ask(cursor === undefined ? question : { ...question, cursor })
    yield answer
    cursor = (answer as { cursor?: string }).cursor
    if (cursor === undefined) return
  }
}
