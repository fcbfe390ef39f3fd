import type { GatewayCoreOptions } from '../../gateway/core.ts'
import type { HistoryPage, HistoryReader, HotSession } from '../../processors/history/history-store.ts'
import type { MembershipReader } from '../../processors/membership/membership-store.ts'
import type { Head } from '../../processors/sequencer/session.ts'
import type { StateStore } from '../../processors/sequencer/state-store.ts'
import { type View, ViewMoved } from '../../processors/view.ts'
import { readCause } from '../../schemas/codec.ts'
import type { EventFrame, ServerFrame } from '../../schemas/frames.ts'
import type { Partition, SessionId } from '../../schemas/ids.ts'
import { Flag } from '../../schemas/pack.ts'
import type { Log, StoredRecord } from '../../topics/log.ts'
import { chainHash, chainHeaders, POSITION_START, type Position } from '../../topics/valid-events.ts'
import type { FaultName } from './faults.ts'
import type { Alterations, World } from './world.ts'

/**
 * Products with one mistake each, made from the outside: a port or a part is wrapped. The auditor has to find every
 * one of them (variants.test.ts), or it would not find the like in the product either.
 */
export interface Variant {
  /** What is wrong, in a few words. */
  name: string
  /** One of these rules is broken by it. */
  rules: readonly string[]
  alterations: Partial<Alterations>
  /** Faults that are left out: those that would mend what the mistake has done. */
  without?: readonly FaultName[]
}

/** A view that is filled again has no hole any more. */
const REFILLS = ['redis emptied', 'view rewound'] as const

/** The same object with some methods in the place of its own. */
function override<T extends object>(object: T, methods: Partial<T>): T {
  return new Proxy(object, {
    get: (target, name) => {
      const own = Reflect.get(methods, name)
      if (own !== undefined) return own
      const value = Reflect.get(target, name)
      return typeof value === 'function' ? value.bind(target) : value
    },
  })
}

function withHistory(change: (history: HistoryReader, world: World) => Partial<HistoryReader>): Partial<Alterations> {
  return {
    gateway: (options, world) => ({ ...options, history: override(options.history, change(options.history, world)) }),
  }
}

function withMembership(
  change: (membership: MembershipReader, world: World, options: GatewayCoreOptions) => Partial<MembershipReader>,
): Partial<Alterations> {
  return {
    gateway: (options, world) => ({
      ...options,
      membership: override(options.membership, change(options.membership, world, options)),
    }),
  }
}

function withView(name: string, change: (view: View) => Partial<View>): Partial<Alterations> {
  return { view: view => (view.name === name ? override(view, change(view)) : view) }
}

function withStateStore(change: (store: StateStore) => Partial<StateStore>): Partial<Alterations> {
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
function withRows(table: string, change: (row: object) => object | undefined): Partial<Alterations> {
  return withStateStore(store => ({
    get: ((of: never, key: never) => {
      const row: object | undefined = store.get(of, key)
      return row === undefined || of !== table ? row : change(row)
    }) as StateStore['get'],
  }))
}

/** A page whose messages are all as they once were sent. */
function asSent({ events, ...page }: HistoryPage, world: World): HistoryPage {
  world.truth.read()
  const sent = events.map(text => {
    const { state, ...frame }: EventFrame = JSON.parse(text)
    const event = state === undefined ? undefined : world.truth.session(frame.sessionId).at(frame.seq)
    return event === undefined ? text : JSON.stringify({ ...frame, body: event.body })
  })
  return { ...page, events: sent }
}

/** Counted messages above what was read, those that were taken back included. */
function countedAbove({ sessionId, readSeq, lastSeq }: HotSession, world: World): number {
  world.truth.read()
  const events = world.truth.session(sessionId).events.slice(readSeq, lastSeq)
  return events.filter(({ body, flags }) => body.kind === 'MessageAccepted' && (flags & Flag.COUNTER) !== 0).length
}

/** Where a view would be that has everything. */
function endOf(world: World, partition: Partition): Position {
  const { length } = world.log.stored(world.topics.events.name, partition)
  return { ...POSITION_START, offset: length - 1 }
}

/** A log on which the first record with the next cause counts, wherever it was meant to stand. */
function byCauseAlone(log: Log, world: World): Log {
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
function believedRecords(world: World, partition: Partition): StoredRecord[] {
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
function swallow(view: View): Partial<View> {
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

const sessionsOf = (frame: { sessionId: string }) => frame.sessionId as SessionId

export const VARIANTS: readonly Variant[] = [
  {
    name: 'a resume begins one seq too late',
    rules: ['SIM4'],
    alterations: withHistory(history => ({
      page: request => history.page('afterSeq' in request ? { ...request, afterSeq: request.afterSeq + 1 } : request),
    })),
  },
  {
    name: 'a resume loses the tail',
    rules: ['SIM4'],
    alterations: withHistory(history => ({
      heads: async sessionIds =>
        (await history.heads(sessionIds)).map(head => head && { ...head, lastSeq: Math.max(0, head.lastSeq - 1) }),
    })),
  },
  {
    name: 'history says that it has everything',
    rules: ['SIM4', 'SIM7'],
    alterations: withHistory((_, world) => ({ position: async partition => endOf(world, partition) })),
  },
  {
    name: 'membership is handed over without tombstones',
    rules: ['SIM4', 'SIM5'],
    alterations: withMembership((membership, world) => ({
      positions: async () => {
        await membership.positions()
        return new Map(world.truth.partitions.map(({ partition }) => [partition, endOf(world, partition)]))
      },
    })),
  },
  {
    name: 'history is shown to everyone who asks',
    rules: ['SIM5'],
    alterations: withMembership(membership => ({
      intervals: async request => {
        await membership.intervals(request)
        return [{ joinSeq: 1 }]
      },
    })),
  },
  {
    name: 'packs are not remembered',
    rules: ['SIM2', 'SIM6'],
    alterations: withStateStore(store => ({
      get: (table, key) => (table === 'recents' ? undefined : store.get(table, key)),
    })),
  },
  {
    name: 'a restart forgets the packs before it',
    rules: ['SIM2', 'SIM6'],
    alterations: withStateStore(store => {
      const written = new Set<string>()
      return {
        get: (table, key) => (table === 'recents' && !written.has(key) ? undefined : store.get(table, key)),
        write: batch => {
          for (const key of batch.rows.recents.keys()) written.add(key)
          return store.write(batch)
        },
      }
    }),
  },
  {
    name: 'the sequencer believes any base offset',
    rules: ['SIM3', 'SIM6', 'SIM10'],
    alterations: {
      sequencer: context => ({
        ...context,
        log: override(context.log, {
          append: async request => {
            const appended = await context.log.append(request)
            const pos = request.records[0]?.headers.pos
            return pos === undefined ? appended : { baseOffset: Number(pos.readBigUInt64BE()) }
          },
        }),
      }),
    },
  },
  {
    name: 'the sequencer takes other content for a resend',
    rules: ['SIM2', 'SIM6'],
    alterations: {
      sequencer: context => ({
        ...context,
        packCodec: override(context.packCodec, {
          decode: bytes => ({ ...context.packCodec.decode(bytes), digest: Buffer.alloc(16) }),
        }),
      }),
    },
  },
  {
    name: 'views read without the rule of which records count',
    rules: ['SIM7', 'SIM10'],
    alterations: { runner: (options, world) => ({ ...options, log: byCauseAlone(options.log, world) }) },
  },
  {
    name: 'the position is stored before the data',
    rules: ['SIM7'],
    without: REFILLS,
    alterations: withView('history', view => ({
      apply: async batch => {
        await view.apply({ ...batch, events: [] })
        await view.apply(batch)
      },
    })),
  },
  {
    name: 'history passes over what its store refuses',
    rules: ['SIM7'],
    without: REFILLS,
    alterations: withView('history', swallow),
  },
  {
    name: 'membership passes over what its store refuses',
    rules: ['SIM7', 'SIM5', 'SIM4'],
    without: REFILLS,
    alterations: withView('membership', swallow),
  },
  {
    name: 'the archive mixes up who sent what',
    rules: ['SIM7'],
    alterations: withView('archive', view => ({
      apply: batch => {
        const from = batch.events[0]?.event.from
        const events = batch.events.map(placed => ({ ...placed, event: { ...placed.event, from: from! } }))
        return view.apply({ ...batch, events })
      },
    })),
  },
  {
    name: 'an outbox drops frames silently',
    rules: ['SIM4', 'SIM10'],
    alterations: { write: (bytes, world) => (world.random.chance(0.03) ? [] : [bytes]) },
  },
  {
    name: 'frames are sent twice',
    rules: ['SIM4'],
    alterations: { write: (bytes, world) => (world.random.chance(0.03) ? [bytes, bytes] : [bytes]) },
  },
  {
    name: 'roles are not looked at',
    rules: ['SIM13'],
    alterations: withRows('members', row => ({ ...row, admin: true })),
  },
  {
    name: 'requests to be friends are forgotten',
    rules: ['SIM13'],
    alterations: withRows('heads', row => {
      const { relation } = row as Head
      return relation === undefined ? row : { ...row, relation: { ...relation, requestedBy: '' } }
    }),
  },
  {
    name: 'what was taken back can be changed again',
    rules: ['SIM13'],
    alterations: withRows('amended', () => undefined),
  },
  {
    name: 'blocks are not looked at',
    rules: ['SIM13'],
    alterations: withRows('heads', row => ({ ...row, relation: undefined })),
  },
  {
    name: 'pages show what was taken back',
    rules: ['SIM14'],
    alterations: withHistory((history, world) => ({
      page: async request => asSent(await history.page(request), world),
    })),
  },
  {
    name: 'messages that were taken back go on counting as unread',
    rules: ['SIM14'],
    alterations: withHistory((history, world) => ({
      hotSessions: async request => {
        const page = await history.hotSessions(request)
        const sessions = page.sessions.map(session => ({ ...session, unread: countedAbove(session, world) }))
        return { ...page, sessions }
      },
    })),
  },
  {
    name: 'a read mark is shown one too far',
    rules: ['SIM14'],
    alterations: withHistory(history => ({
      hotSessions: async request => {
        const page = await history.hotSessions(request)
        return { ...page, sessions: page.sessions.map(session => ({ ...session, readSeq: session.readSeq + 1 })) }
      },
    })),
  },
  {
    name: 'packs are acked before the log has them',
    rules: ['SIM3'],
    alterations: {
      early: (frame, world): ServerFrame | undefined => {
        if (frame.type !== 'send' || !world.random.chance(0.1)) return undefined
        world.truth.read()
        const session = world.truth.session(sessionsOf(frame))
        const { packId, sessionId } = frame
        const count = session.events.at(-1)?.count ?? 0
        return { type: 'ack', packId, sessionId, seq: session.lastSeq + 1, count: count + 1, at: world.clock.now() }
      },
    },
  },
]
