import type { GatewayCoreOptions } from '../../gateway/core.ts'
import type { Signals } from '../../gateway/presence/presence-store.ts'
import type { HistoryPage, HistoryReader, HotSession } from '../../processors/history/history-store.ts'
import type { MembershipReader } from '../../processors/membership/membership-store.ts'
import type { PeopleReader } from '../../processors/membership/people-store.ts'
import type { StateStore } from '../../processors/sequencer/state-store.ts'
import { type View, ViewMoved } from '../../processors/view.ts'
import { type RecordCodec, readCause } from '../../schemas/codec.ts'
import type { Event } from '../../schemas/event.ts'
import type { EventFrame } from '../../schemas/frames.ts'
import type { Partition, SessionId } from '../../schemas/ids.ts'
import { Flag } from '../../schemas/pack.ts'
import type { Log, StoredRecord } from '../../topics/log.ts'
import { chainHash, chainHeaders, POSITION_START, type Position } from '../../topics/valid-events.ts'
import type { Alterations, World } from './world.ts'
/** How a mistake is put into a product from the outside. */

/** A view that is filled again has no hole any more. */
export const REFILLS = ['redis emptied', 'view rewound', 'redis set back'] as const

/** The same object with some methods in the place of its own. */
export function override<T extends object>(object: T, methods: Partial<T>): T {
  return new Proxy(object, {
    get: (target, name) => {
      const own = Reflect.get(methods, name)
      if (own !== undefined) return own
      const value = Reflect.get(target, name)
      return typeof value === 'function' ? value.bind(target) : value
    },
  })
}

export function withHistory(
  change: (history: HistoryReader, world: World) => Partial<HistoryReader>,
): Partial<Alterations> {
  return {
    gateway: (options, world) => ({ ...options, history: override(options.history, change(options.history, world)) }),
  }
}

export function withMembership(
  change: (membership: MembershipReader, world: World, options: GatewayCoreOptions) => Partial<MembershipReader>,
): Partial<Alterations> {
  return {
    gateway: (options, world) => ({
      ...options,
      membership: override(options.membership, change(options.membership, world, options)),
    }),
  }
}

export function withPeople(change: (people: PeopleReader) => Partial<PeopleReader>): Partial<Alterations> {
  return { gateway: options => ({ ...options, people: override(options.people, change(options.people)) }) }
}

/** Gateways hear otherwise what others say past the log. */
export function withSignals(change: (hear: Hear) => Hear): Partial<Alterations> {
  return {
    gateway: options => {
      const { store, signals } = options.presence!
      const listen = (hear: Hear) => signals.listen(change(hear))
      return { ...options, presence: { store, signals: override(signals, { listen }) } }
    },
  }
}

type Hear = Parameters<Signals['listen']>[0]

export function withView(name: string, change: (view: View) => Partial<View>): Partial<Alterations> {
  return { view: view => (view.name === name ? override(view, change(view)) : view) }
}

export function withStateStore(change: (store: StateStore) => Partial<StateStore>): Partial<Alterations> {
  return {
    sequencer: context => ({
      ...context,
      stores: partition => {
        const store = context.stores(partition)
        return override(store, change(store))
      },
    }),
  }
}

/** Rows of one table are read as the mistake has them. */
export function withRows(table: string, change: (row: object) => object | undefined): Partial<Alterations> {
  return withStateStore(store => ({
    get: ((of: never, key: never) => {
      const row: object | undefined = store.get(of, key)
      return row === undefined || of !== table ? row : change(row)
    }) as StateStore['get'],
  }))
}

/** A page whose messages are all as they once were sent. */
export function asSent({ events, ...page }: HistoryPage, world: World): HistoryPage {
  world.truth.read()
  return { ...page, events: events.map(text => sentText(text, world)) }
}

export function sentText(text: string, world: World): string {
  const { state, ...frame }: EventFrame = JSON.parse(text)
  const event = state === undefined ? undefined : world.truth.session(frame.sessionId).at(frame.seq)
  return event === undefined ? text : JSON.stringify({ ...frame, body: event.body })
}

/** Gateways take events for something else than they are. */
export function withEvents(change: (event: Event) => Event): Partial<Alterations> {
  return {
    gateway: options => ({
      ...options,
      codecs: { ...options.codecs, events: withBody(options.codecs.events, change) },
    }),
  }
}

export function withBody(codec: RecordCodec<Event>, change: (event: Event) => Event): RecordCodec<Event> {
  return override(codec, { decode: bytes => change(codec.decode(bytes)) })
}

export function withoutPolicy(event: Event): Event {
  const { body } = event
  return body.kind === 'RulesSet'
    ? { ...event, body: { ...body, rules: { ...body.rules, loginPolicy: 'all' } } }
    : event
}

/** Counted messages above what was read, those that were taken back included. */
export function countedAbove({ sessionId, readSeq, lastSeq }: HotSession, world: World): number {
  world.truth.read()
  const events = world.truth.session(sessionId).events.slice(readSeq, lastSeq)
  return events.filter(({ body, flags }) => body.kind === 'MessageAccepted' && (flags & Flag.COUNTER) !== 0).length
}

/** Where a view would be that has everything. */
export function endOf(world: World, partition: Partition): Position {
  const { length } = world.log.stored(world.topics.events.name, partition)
  return { ...POSITION_START, offset: length - 1 }
}

/** A log on which the first record with the next cause counts, wherever it was meant to stand. */
export function byCauseAlone(log: Log, world: World): Log {
  const topic = world.topics.events.name
  return override(log, {
    read: options => {
      if (options.topic !== topic) return log.read(options)
      const onBatch: typeof options.onBatch = batch => {
        const believed = believedRecords(world, batch.partition)
        return options.onBatch({ ...batch, records: batch.records.map(record => believed[record.offset]!) })
      }
      return log.read({ ...options, onBatch })
    },
  })
}

const believedByWorld = new WeakMap<World, Map<Partition, Believed>>()

interface Believed {
  records: StoredRecord[]
  hash: string
  nextCause: number
}

/** All records of a partition, those that are believed with headers that make them valid. */
export function believedRecords(world: World, partition: Partition): StoredRecord[] {
  const partitions = believedByWorld.get(world) ?? new Map<Partition, Believed>()
  believedByWorld.set(world, partitions)
  const believed = partitions.get(partition) ?? { records: [], hash: POSITION_START.hash!, nextCause: 0 }
  partitions.set(partition, believed)
  const stored = world.log.stored(world.topics.events.name, partition)
  for (const record of stored.slice(believed.records.length)) {
    const cause = record.value === null ? undefined : readCause(record.value)
    if (cause?.offset !== believed.nextCause) {
      believed.records.push({ ...record, headers: {} })
      continue
    }
    const headers = { ...record.headers, ...chainHeaders(record.offset, believed.hash) }
    const rewritten = { ...record, headers }
    believed.records.push(rewritten)
    believed.hash = chainHash(rewritten)
    believed.nextCause++
  }
  return believed.records
}

/** A view whose store it believes to have taken what it has refused. */
export function swallow(view: View): Partial<View> {
  return {
    apply: async batch => {
      try {
        await view.apply(batch)
      } catch (error) {
        if (error instanceof ViewMoved) throw error
      }
    },
  }
}

export const sessionsOf = (frame: { sessionId: string }) => frame.sessionId as SessionId
