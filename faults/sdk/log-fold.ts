import { closeContext, openContext } from '../../commands/context.ts'
import { HISTORY_DEFAULTS } from '../../processors/history/history-store.ts'
import type { SessionId } from '../../schemas/ids.ts'
import { describe } from '../../verify/difference.ts'
import { PartitionFold, type SessionFold } from '../../verify/fold.ts'
import { PartitionReader } from '../../verify/read-log.ts'

/** What `verify` makes of the whole log now. Throws where the log itself breaks a rule. */
export async function foldLog(env: Record<string, string>): Promise<ReadonlyMap<SessionId, SessionFold>> {
  const context = await openContext({ ...env, PACKLOG_LOG_LEVEL: 'silent' }, 'sdk-faults')
  try {
    const { log, topics, codecs } = context
    const source = { log, topic: topics.events.name, codec: codecs.events }
    const sessions = new Map<SessionId, SessionFold>()
    for (const [partition, { start, end }] of await log.bounds(topics.events.name)) {
      const largeAbove = HISTORY_DEFAULTS.hotGroupMembersMax
      const fold = new PartitionFold({ partition, isPartial: start > 0, largeAbove, limits: HISTORY_DEFAULTS })
      await new PartitionReader(source, partition, start).readTo(end, (event, offset) => {
        const [wrong] = fold.add(event, offset)
        if (wrong !== undefined) throw new Error(describe(wrong))
        return undefined
      })
      for (const [sessionId, session] of fold.sessions) sessions.set(sessionId, session)
    }
    return sessions
  } finally {
    await closeContext(context)
  }
}
