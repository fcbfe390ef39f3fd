import { closeContext, openContext } from '../../commands/context.ts'
import { makeDeadLetters } from '../../processors/dead-letter.ts'

/** More than the campaign discards. */
const LETTERS = 250

/**
 * Writes letters as the history view does about records that it cannot apply, for what is done about them to be called.
 * Only the first records are there; what is tried again of the others fails, and can be tried again for ever.
 */
export async function writeDeadLetters(env: NodeJS.ProcessEnv): Promise<void> {
  const context = await openContext({ ...env, PACKLOG_LOG_LEVEL: 'silent' }, 'contract')
  try {
    const { log, topics } = context
    const letters = makeDeadLetters({ log, dead: topics.dead, topic: topics.events.name, processor: 'history' })
    for (let offset = 0; offset < LETTERS; offset++) {
      const record = { key: Buffer.from('s:alice:bob'), value: null, headers: {}, offset, appendedAt: 0 }
      await letters.write({ partition: 0, record, error: 'made for the contract' })
    }
  } finally {
    await closeContext(context)
  }
}
