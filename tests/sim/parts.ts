import { StateTaken } from '../../processors/sequencer/state-store.ts'
import { TailAborted } from '../../processors/sequencer/tail.ts'
import type { AppendShares } from '../../processors/sequencer/testing/faults.ts'
import { eventCodec, packCodec, type RecordCodec } from '../../schemas/codec.ts'
import type { Event } from '../../schemas/event.ts'
import { type Pack, RULES_DEFAULT, type Rules } from '../../schemas/pack.ts'
import { type PushRecord, pushCodec } from '../../schemas/push-record.ts'
import { type SessionRecord, sessionCodec } from '../../schemas/session.ts'
import { AppendFailed } from '../../topics/log.ts'
import { MemoryRegistry } from '../../topics/memory-registry.ts'
import { makeTopics, type Topics, valueSubject } from '../../topics/topics.ts'
import { Fenced } from '../../topics/transactional-log.ts'
import type { FaultName, Faults } from './faults.ts'
import type { SimOptions } from './options.ts'

/** Small parts that a world is put together from. */

export function topicsOf(partitions: number): Topics {
  return makeTopics({ prefix: '', partitions, eventRetentionDays: 30 })
}

export interface Codecs {
  pack: RecordCodec<Pack>
  event: RecordCodec<Event>
  session: RecordCodec<SessionRecord>
  push: RecordCodec<PushRecord>
}

let codecs: Promise<Codecs> | undefined

/** The codecs, made once: they hold nothing of a world. */
export function codecsOf(): Promise<Codecs> {
  codecs ??= makeCodecs()
  return codecs
}

async function makeCodecs(): Promise<Codecs> {
  const registry = new MemoryRegistry()
  const topics = topicsOf(1)
  return {
    pack: await packCodec(registry, valueSubject(topics.packs)),
    event: await eventCodec(registry, valueSubject(topics.events)),
    session: await sessionCodec(registry, valueSubject(topics.sessions)),
    push: await pushCodec(registry, valueSubject(topics.pushes)),
  }
}

/** A pack as it lies on the log; undefined where it cannot be read. */
export function decodePack(codec: RecordCodec<Pack>, value: Buffer): Pack | undefined {
  try {
    return codec.decode(value)
  } catch {
    return undefined
  }
}

/** Errors with which a sequencer may end: it has lost its partitions, was drained while it began, or cannot begin. */
const ENDS = [Fenced, StateTaken, TailAborted, AppendFailed]

export function maySequencerEnd(error: unknown): boolean {
  return ENDS.some(kind => error instanceof kind)
}

/** So short that a run sees the end of them. */
const SHORT_WINDOWS = { revokeWindowMs: 2_000, deleteWindowMs: 3_000, overrideWindowMs: 4_000 }

/** What a sequencer is configured with. Of two that differ the higher version wins, whoever brings it. */
export function rulesOf(sequencer: string, { rulesDiffer, loginPolicy, loginsMax }: SimOptions): Rules | undefined {
  // Of logins all are told the same, gateways too: what one of them lets in another would have to know of.
  const logins = { loginPolicy, loginsMax }
  if (!rulesDiffer) return loginPolicy === 'all' ? undefined : { ...RULES_DEFAULT, version: 1, ...logins }
  return sequencer === 'seq-a'
    ? { ...RULES_DEFAULT, version: 1, groupMembersMax: 3, ...logins }
    : { ...RULES_DEFAULT, version: 2, groupMembersMax: 4, contentBytesMax: 2_000, ...SHORT_WINDOWS, ...logins }
}

const APPEND_FAULTS = {
  'produce lost': ['lost', 5],
  'produce unanswered': ['unanswered', 5],
  'produce late': ['late', 5],
  'produce repeated': ['repeated', 5],
  'produce slow': ['slow', 8],
} as const satisfies Partial<Record<FaultName, readonly [string, number]>>

/** How often appends go wrong, in a hundred. */
export function sharesOf(faults: Faults): AppendShares {
  const enabled = Object.entries(APPEND_FAULTS).filter(([name]) => faults.enabled.has(name as FaultName))
  return Object.fromEntries(enabled.map(([, share]) => share))
}

/** Adds the appends that went wrong to the other faults. */
export function countAppends(faults: Faults, counts: Readonly<Record<string, number>>): void {
  for (const [name, [kind]] of Object.entries(APPEND_FAULTS)) faults.counts[name as FaultName] += counts[kind] ?? 0
}
