import { createHash } from 'node:crypto'
import avsc from 'avsc'
import kafkajs from 'kafkajs'
import { Column, fingerprint } from './column.ts'

/**
 * The log as a stranger reads it: kafkajs, the registry over HTTP, avsc, and the rule of which records count, written
 * down once more. Nothing is shared with the product, so that one mistake is not made twice.
 */

/** What the checker keeps of the log. */
export interface LogFacts {
  /** Per session: message number by seq - 1; -1 for what is no message of the load. */
  sessions: Map<string, number[]>
  /** Per message number: how often it was accepted, under which seq last, and who sent what where (`identityOf`). */
  accepted: { times: Column; seqs: Column; identities: Column }
  records: number
  valid: number
  /** Records that lost a race and do not count. */
  junk: number
  refused: Map<number, number>
  repeated: number
  rulesSet: number
  /** Seqs that are not their session's last + 1, causes that do not rise by one, chains that break. */
  problems: string[]
}

interface Decoded {
  cause: { era: number; offset: number }
  sessionId: string
  packId: string
  from: string
  seq: number
  body: Record<string, Record<string, unknown>>
}

const PROBLEMS_MAX = 1_000
/** With kafkajs' growing pauses this is minutes: the broker may just have been killed. */
const RETRIES_MAX = 12
const NOT_COUNTED = '0000000000000000'

/** Reads all of a topic that is there now. */
export async function readLog(options: {
  brokers: readonly string[]
  registryUrl: string
  topic: string
  groupId: string
}): Promise<LogFacts> {
  const { brokers, topic, groupId } = options
  const kafka = new kafkajs.Kafka({
    brokers: [...brokers],
    clientId: groupId,
    logLevel: kafkajs.logLevel.NOTHING,
    retry: { retries: RETRIES_MAX },
  })
  const ends = await endsOf(kafka, topic)
  const log = new LogReading(new Schemas(options.registryUrl))
  if (ends.size === 0) return log.facts
  const consumer = kafka.consumer({ groupId, maxWaitTimeInMs: 200, allowAutoTopicCreation: false })
  await consumer.connect()
  await consumer.subscribe({ topic, fromBeginning: true })
  try {
    await new Promise<void>((resolve, reject) => {
      consumer.on(consumer.events.CRASH, ({ payload }) => payload.restart || reject(payload.error))
      consumer
        .run({
          eachBatch: async ({ batch, heartbeat }) => {
            try {
              for (const message of batch.messages) await log.take(batch.partition, message)
              await heartbeat()
            } catch (error) {
              reject(error)
              return
            }
            if (Number(batch.lastOffset()) + 1 >= (ends.get(batch.partition) ?? 0)) ends.delete(batch.partition)
            if (ends.size === 0) resolve()
          },
        })
        .catch(reject)
    })
  } finally {
    await consumer.disconnect()
  }
  return log.facts
}

/** The ends of partitions that hold anything. */
async function endsOf(kafka: kafkajs.Kafka, topic: string): Promise<Map<number, number>> {
  const admin = kafka.admin()
  await admin.connect()
  const offsets = await admin.fetchTopicOffsets(topic)
  await admin.disconnect()
  const filled = offsets.filter(({ low, high }) => Number(high) > Number(low))
  return new Map(filled.map(({ partition, high }) => [partition, Number(high)]))
}

class LogReading {
  readonly facts: LogFacts = {
    sessions: new Map(),
    accepted: { times: new Column(), seqs: new Column(), identities: new Column() },
    records: 0,
    valid: 0,
    junk: 0,
    refused: new Map(),
    repeated: 0,
    rulesSet: 0,
    problems: [],
  }
  private readonly schemas: Schemas
  private readonly chains = new Map<number, { hash: string; cause: number; offset: number }>()

  constructor(schemas: Schemas) {
    this.schemas = schemas
  }

  async take(partition: number, message: kafkajs.KafkaMessage): Promise<void> {
    const { facts } = this
    const offset = Number(message.offset)
    const chain = this.chains.get(partition) ?? { hash: NOT_COUNTED, cause: -1, offset: -1 }
    // A consumer that was thrown out and came back gets some records again.
    if (offset <= chain.offset) return
    facts.records++
    const counts = isValid(message, offset, chain.hash)
    this.chains.set(partition, { ...chain, offset })
    if (!counts) {
      facts.junk++
      return
    }
    facts.valid++
    const event = await this.schemas.decode(message.value!)
    if (event.cause.offset !== chain.cause + 1) {
      this.problem(`partition ${partition} offset ${offset}: answers pack ${event.cause.offset} after ${chain.cause}`)
    }
    this.chains.set(partition, { hash: hashOf(message), cause: event.cause.offset, offset })
    this.note(event, `partition ${partition} offset ${offset}`)
  }

  private note(event: Decoded, place: string): void {
    const { facts } = this
    const [kind = '', body = {}] = Object.entries(event.body)[0] ?? []
    if (kind.endsWith('PackRepeated')) facts.repeated++
    else if (kind.endsWith('RulesSet')) facts.rulesSet++
    else if (kind.endsWith('PackRefused')) {
      const code = Number(body.code)
      facts.refused.set(code, (facts.refused.get(code) ?? 0) + 1)
    } else if (event.seq > 0) this.accept(event, body, place)
  }

  private accept({ sessionId, seq, packId, from }: Decoded, body: Record<string, unknown>, place: string): void {
    const { facts } = this
    let session = facts.sessions.get(sessionId)
    if (session === undefined) {
      session = []
      facts.sessions.set(sessionId, session)
    }
    if (seq !== session.length + 1) this.problem(`${sessionId}: #${seq} after #${session.length} (${place})`)
    const message = numberIn(body)
    session[seq - 1] = message
    if (message < 0) return
    const { times, seqs, identities } = facts.accepted
    times.set(message, times.get(message) + 1)
    seqs.set(message, seq)
    identities.set(message, identityOf({ packId, from, sessionId }))
  }

  private problem(text: string): void {
    if (this.facts.problems.length < PROBLEMS_MAX) this.facts.problems.push(text)
  }
}

/** What must be the same in the log as in the clients' book. */
export function identityOf({ packId, from, sessionId }: { packId: string; from: string; sessionId: string }): number {
  return fingerprint(`${packId} ${from} ${sessionId}`)
}

/** The number that a text of the load begins with; -1 for everything else. */
function numberIn(body: Record<string, unknown>): number {
  const content = Object.values((body.content ?? {}) as Record<string, { text?: string }>)[0]
  return content?.text === undefined ? -1 : Number(content.text.split(' ')[0])
}

/** A record counts when it lies where its writer meant it to, right after what its writer had seen. */
function isValid({ headers = {}, value }: kafkajs.KafkaMessage, offset: number, hash: string): boolean {
  const { pos, prev } = headers
  if (!Buffer.isBuffer(pos) || !Buffer.isBuffer(prev) || pos.length !== 8 || prev.length !== 8) return false
  return value !== null && pos.readBigUInt64BE() === BigInt(offset) && prev.toString('hex') === hash
}

function hashOf({ headers, key, value }: kafkajs.KafkaMessage): string {
  const length = Buffer.alloc(4)
  length.writeInt32BE(key?.length ?? -1)
  return createHash('sha256')
    .update(headers!.prev as Buffer)
    .update(headers!.pos as Buffer)
    .update(length)
    .update(key ?? '')
    .update(value!)
    .digest('hex')
    .slice(0, 16)
}

class Schemas {
  private readonly types = new Map<number, avsc.Type>()
  private readonly url: string

  constructor(url: string) {
    this.url = url
  }

  async decode(value: Buffer): Promise<Decoded> {
    const id = value.readInt32BE(1)
    const type = this.types.get(id) ?? (await this.fetch(id))
    return type.fromBuffer(value.subarray(5)) as Decoded
  }

  private async fetch(id: number): Promise<avsc.Type> {
    const response = await fetch(`${this.url}/schemas/ids/${id}`)
    if (!response.ok) throw new Error(`the registry answered ${response.status} to schema ${id}`)
    const { schema } = (await response.json()) as { schema: string }
    const type = avsc.Type.forSchema(JSON.parse(schema), { wrapUnions: 'always' })
    this.types.set(id, type)
    return type
  }
}
