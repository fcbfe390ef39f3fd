import type { AppsReader } from '../processors/membership/apps-store.ts'
import type { MembershipReader } from '../processors/membership/membership-store.ts'
import type { Offset, Partition } from '../schemas/ids.ts'
import type { Webhook } from '../schemas/webhooks.ts'
import type { Log, PartitionBounds } from '../topics/log.ts'
import { readRecords } from '../topics/read-range.ts'
import type { TopicName } from '../topics/topics.ts'
import { HEADER_FACTS, POSITION_START } from '../topics/valid-events.ts'

/** Events behind which the membership view is simply behind; nearer to the log's end it is looked at what is missing. */
const BEHIND_EVENTS_MAX = 10_000

/** What the membership view has may not be all that apps have set. */
export class WebhooksNotWhole extends Error {
  override readonly name = 'WebhooksNotWhole'
}

export interface LoggedWebhooksOptions {
  apps: Pick<AppsReader, 'allWebhooks'>
  membership: Pick<MembershipReader, 'positions' | 'filling'>
  log: Log
  topic: TopicName
}

/**
 * Reads the webhooks that apps have set, from the membership view. A view that was emptied, or that is still being
 * filled, would have some of them only, and events would be left out for good: then it rejects with WebhooksNotWhole.
 * Once the view was whole it stays so as long as its positions do not go back.
 */
export function loggedWebhooks({ apps, membership, log, topic }: LoggedWebhooksOptions): () => Promise<Webhook[]> {
  let whole: { filling: string | undefined; offsets: ReadonlyMap<Partition, Offset> } | undefined
  const look = async () => {
    const filling = await membership.filling()
    const positions = await membership.positions()
    return { filling, offsets: new Map([...positions].map(([partition, { offset }]) => [partition, offset])) }
  }
  return async () => {
    const seen = await look()
    const goesOn = whole !== undefined && whole.filling === seen.filling && !isBehind(seen.offsets, whole.offsets)
    if (!goesOn) await requireWhole(seen.offsets, { log, topic })
    const webhooks = await apps.allWebhooks()
    const { filling, offsets } = await look()
    if (filling !== seen.filling || isBehind(offsets, seen.offsets)) {
      throw new WebhooksNotWhole('the membership view was emptied')
    }
    whole = seen
    return webhooks
  }
}

function isBehind(now: ReadonlyMap<Partition, Offset>, before: ReadonlyMap<Partition, Offset>): boolean {
  return [...before].some(([partition, offset]) => (now.get(partition) ?? -1) < offset)
}

/** Throws where the log holds something of an app that the view has not taken in. */
async function requireWhole(
  offsets: ReadonlyMap<Partition, Offset>,
  { log, topic }: { log: Log; topic: TopicName },
): Promise<void> {
  const bounds = await log.bounds(topic)
  await Promise.all([...bounds].map(([partition, ends]) => requirePartition(partition, offsets.get(partition), ends)))

  async function requirePartition(
    partition: Partition,
    offset: Offset = POSITION_START.offset,
    { start, end }: PartitionBounds,
  ): Promise<void> {
    const from = offset + 1
    if (from < start || end - from > BEHIND_EVENTS_MAX) throw behind(partition)
    await readRecords({ log, topic }, { partition, from, to: end }, async records => {
      const isMissing = records.some(({ key, headers }) => {
        return headers[HEADER_FACTS] !== undefined && key?.toString().startsWith('a:') === true
      })
      if (isMissing) throw behind(partition)
    })
  }
}

function behind(partition: Partition): WebhooksNotWhole {
  return new WebhooksNotWhole(`the membership view is behind the log in partition ${partition}`)
}
