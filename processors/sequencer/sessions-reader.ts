import type { Random } from '../../infra/clock.ts'
import { type RecordCodec, UnknownSchema } from '../../schemas/codec.ts'
import type { Partition } from '../../schemas/ids.ts'
import type { SessionRecord } from '../../schemas/session.ts'
import type { Log, StoredRecord } from '../../topics/log.ts'
import type { Topic } from '../../topics/topics.ts'
import type { TransactionalWriter } from '../../topics/transactional-log.ts'
import { CLAIM_KEY } from './changelog.ts'
import { TailAborted } from './tail.ts'

/** im.sessions holds something that this build cannot read. */
export class SessionsUnreadable extends Error {
  override readonly name = 'SessionsUnreadable'
  constructor(place: { partition: Partition; offset: number }, cause: unknown) {
    super(`im.sessions/${place.partition}@${place.offset} cannot be decoded`, { cause })
  }
}

export interface SessionsReading {
  log: Log
  topic: Topic
  partition: Partition
  transactional: TransactionalWriter
  codec: RecordCodec<SessionRecord>
  writer: string
  random: Random
  signal: AbortSignal
  /** Gives a promise where it needs time; most records do not. */
  take(record: SessionRecord): Promise<void> | undefined
}

/**
 * Reads im.sessions from its start, committed records only, up to a claim that it writes itself beforehand: whatever
 * lies before it is decided, and nobody else can write behind it. The end offset would not do, for the last offsets
 * are marks of transactions, which no reader is given.
 */
export async function readSessions(reading: SessionsReading): Promise<void> {
  const { log, topic, partition, codec, signal } = reading
  const { start } = (await log.bounds(topic.name)).get(partition)!
  const nonce = await claim(reading)
  let finish: () => void = () => {}
  const finished = new Promise<void>(resolve => {
    finish = resolve
  })
  signal.addEventListener('abort', finish, { once: true })
  const reader = log.read({
    topic: topic.name,
    from: new Map([[partition, start]]),
    isolation: 'committed',
    onBatch: async batch => {
      for (const stored of batch.records) {
        if (stored.value === null) continue
        const record = decode(codec, stored.value) ?? (await learnAndDecode(codec, stored, partition))
        if (record.body.kind === 'OwnerClaim' && record.body.nonce === nonce) return finish()
        // There are millions of them: nothing waits that need not.
        const taken = reading.take(record)
        if (taken !== undefined) await taken
      }
    },
  })
  try {
    await Promise.race([finished, reader.done])
    if (signal.aborted) throw new TailAborted('reading im.sessions was aborted')
  } finally {
    signal.removeEventListener('abort', finish)
    await reader.close()
    await reader.done
  }
}

async function claim({ topic, partition, transactional, codec, writer, random }: SessionsReading): Promise<string> {
  const nonce = random.bytes(16).toString('hex')
  const value = codec.encode({ writer, offset: -1, body: { kind: 'OwnerClaim', nonce } })
  const records = [{ key: Buffer.from(CLAIM_KEY), value, headers: {} }]
  await transactional.append({ topic: topic.name, partition, records })
  return nonce
}

/** Undefined where it takes more than what is known here. */
function decode(codec: RecordCodec<SessionRecord>, value: Buffer): SessionRecord | undefined {
  try {
    return codec.decode(value)
  } catch {
    return undefined
  }
}

/** Throws SessionsUnreadable. */
async function learnAndDecode(
  codec: RecordCodec<SessionRecord>,
  { value, offset }: StoredRecord,
  partition: Partition,
): Promise<SessionRecord> {
  try {
    return codec.decode(value!)
  } catch (error) {
    if (error instanceof UnknownSchema && (await codec.learn(error.schemaId))) return codec.decode(value!)
    throw new SessionsUnreadable({ partition, offset }, error)
  }
}
