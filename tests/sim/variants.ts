import type { Head } from '../../processors/sequencer/session.ts'
import type { ServerFrame } from '../../schemas/frames.ts'
import type { FaultName } from './faults.ts'
import {
  asSent,
  byCauseAlone,
  countedAbove,
  endOf,
  override,
  REFILLS,
  sentText,
  sessionsOf,
  swallow,
  withBody,
  withEvents,
  withHistory,
  withMembership,
  withoutPolicy,
  withPeople,
  withRows,
  withSignals,
  withStateStore,
  withView,
} from './mistakes.ts'
import type { SimOptions } from './options.ts'
import type { Alterations } from './world.ts'

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
  /** How runs have to be for it to show. */
  changes?: Partial<SimOptions>
}

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
    name: 'a login ends nobody',
    rules: ['SIM15'],
    changes: { devices: 2, loginPolicy: 'one' },
    alterations: withEvents(event =>
      event.body.kind === 'LoggedIn' ? { ...event, body: { ...event.body, kicked: [] } } : event,
    ),
  },
  {
    name: 'gateways that do not ask the log let everybody in',
    rules: ['SIM15'],
    changes: { devices: 2, loginPolicy: 'one' },
    alterations: {
      gateway: options => ({
        ...options,
        loginPolicy: 'all',
        codecs: { ...options.codecs, events: withBody(options.codecs.events, withoutPolicy) },
      }),
    },
  },
  {
    name: 'the priority queue leaves out its beginning',
    rules: ['SIM16'],
    alterations: withHistory(history => ({ urgent: async request => (await history.urgent(request)).slice(1) })),
  },
  {
    name: 'the priority queue shows messages as they once were sent',
    rules: ['SIM16'],
    alterations: withHistory((history, world) => ({
      urgentTexts: async events => (await history.urgentTexts(events)).map(text => text && sentText(text, world)),
    })),
  },
  {
    name: 'every member is told what only those who run a group are to know',
    rules: ['SIM17'],
    alterations: withMembership(membership => ({
      groupsOf: async userId => (await membership.groupsOf(userId)).map(group => ({ ...group, role: 'admin' })),
    })),
  },
  {
    name: 'what goes past the log reaches those who block its sender, and who hides is shown',
    rules: ['SIM18'],
    alterations: withPeople(people => ({
      blocks: async pairs => (await people.blocks(pairs)).map(() => false),
      relation: async pair => ({ ...(await people.relation(pair)), blocked: false }),
      settings: async users => (await people.settings(users)).map(settings => ({ ...settings, presenceShown: true })),
    })),
  },
  {
    name: 'gateways hear each other twice',
    rules: ['SIM18'],
    alterations: withSignals(hear => signal => {
      hear(signal)
      hear(signal)
    }),
  },
  {
    name: 'push takes every claim for its own',
    rules: ['SIM8'],
    changes: { pushes: true },
    alterations: {
      push: parts => ({
        ...parts,
        store: override(parts.store, { claim: async (_, wanted) => wanted.map(() => 'claimed') }),
      }),
    },
  },
  {
    name: 'push leaves nobody out',
    rules: ['SIM8'],
    changes: { pushes: true },
    alterations: {
      push: (parts, world) => ({
        ...parts,
        facts: override(parts.facts, {
          audience: async () => ({ users: world.users.map(userId => ({ userId, joinSeq: 0 })) }),
        }),
      }),
    },
  },
  {
    name: 'push does not ask what devices have',
    rules: ['SIM8'],
    changes: { pushes: true },
    // While these are on, nobody can say what push might have known.
    without: ['freeze', 'store slow'],
    alterations: {
      push: parts => ({ ...parts, store: override(parts.store, { delivered: async () => new Map() }) }),
    },
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
