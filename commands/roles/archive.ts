import { connectClickHouse } from '../../infra/clickhouse/clickhouse.ts'
import type { Service } from '../../infra/service.ts'
import { makePushArchive } from '../../processors/archive/archive-pushes.ts'
import {
  makeArchiveRetention,
  makeArchiveStripper,
  makeArchiveView,
  makeEraser,
} from '../../processors/archive/main.ts'
import type { Partition } from '../../schemas/ids.ts'
import { pushCodec } from '../../schemas/push-record.ts'
import { valueSubject } from '../../topics/topics.ts'
import { type Context, clickHouseOptions } from '../context.ts'
import { viewService } from './parts.ts'

/** The view of the archive, and what runs beside it. */
export async function makeServices(context: Context): Promise<Service[]> {
  const { config, log, topics, codecs, clock, logger, metrics } = context
  const { archiveKeepsRevoked: keepsRevoked, nodeName: gateway } = config
  const clickhouse = clickHouseOptions(config)
  const held = metrics.gauge('archive_held_events', 'events that are in memory and not in ClickHouse yet')
  const onHeld = (events: number) => held.set(events)
  const makeView = (partitions: readonly Partition[]) =>
    makeArchiveView({ clickhouse, topic: topics.events.name, clock, partitions, onHeld })
  const parts = { clickhouse, clock, logger }
  const eraser = makeEraser({ ...parts, log, packs: topics.packs, codec: codecs.packs, gateway })
  const retention = makeArchiveRetention({ ...parts, days: config.archiveDays })
  const beside = [makeArchiveStripper({ ...parts, keepsRevoked }), eraser, await pushArchive(context)]
  const view = viewService(context, { role: 'archive', makeView })
  return [view, ...beside, ...(retention === undefined ? [] : [retention])]
}

async function pushArchive({ config, log, topics, registry, clock, logger, closers }: Context): Promise<Service> {
  const clickhouse = connectClickHouse(clickHouseOptions(config))
  closers.push(() => clickhouse.close())
  const codec = await pushCodec(registry, valueSubject(topics.pushes))
  return makePushArchive({ clickhouse, log, topic: topics.pushes, codec, clock, logger })
}
