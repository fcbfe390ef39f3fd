import { randomUUID } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest'
import { systemClock, systemRandom } from '../../infra/clock.ts'
import { deleteTopics, setupTopics } from '../../infra/kafka/create-topics.ts'
import { KafkaLog } from '../../infra/kafka/kafka-log.ts'
import { kafkaTransactionalWriters } from '../../infra/kafka/kafka-transactional.ts'
import { silentLogger } from '../../infra/logger.ts'
import { Metrics } from '../../infra/metrics.ts'
import type { Service } from '../../infra/service.ts'
import { eventCodec, packCodec } from '../../schemas/codec.ts'
import { codeName } from '../../schemas/codes.ts'
import type { Event } from '../../schemas/event.ts'
import type { UserId } from '../../schemas/ids.ts'
import { type Pack, RULES_DEFAULT } from '../../schemas/pack.ts'
import { sessionCodec } from '../../schemas/session.ts'
import { testStack } from '../../tests/stack.ts'
import type { LogRecord } from '../../topics/log.ts'
import { MemoryRegistry } from '../../topics/memory-registry.ts'
import { fixedOwnership } from '../../topics/ownership.ts'
import { makeTopics, sessionPartition, type Topics, valueSubject } from '../../topics/topics.ts'
import { POSITION_START, type Position, selectValid } from '../../topics/valid-events.ts'
import { LmdbStateStore } from './lmdb-state-store.ts'
import { makeSequencer, transactionalIdPrefix } from './main.ts'
import { makePack } from './testing/packs.ts'

/** The sequencer on a real broker and a real disk. */

const PARTITIONS = 3
const client = () => ({ brokers: testStack().kafkaBrokers.split(','), clientId: 'sequencer-test' })
const dirs: string[] = []
const running: Service[] = []
let log: KafkaLog
let topics: Topics
let codecs: Awaited<ReturnType<typeof makeCodecs>>
let tail: EventTail

async function makeCodecs() {
  const registry = new MemoryRegistry()
  return {
    packCodec: await packCodec(registry, valueSubject(topics.packs)),
    eventCodec: await eventCodec(registry, valueSubject(topics.events)),
    sessionCodec: await sessionCodec(registry, valueSubject(topics.sessions)),
  }
}

/** Follows im.events as every reader does; resolves who waits for outcomes as they come. */
class EventTail {
  readonly events: Event[] = []
  readonly positions = new Map<number, Position>()
  junk = 0
  private waiting: (() => void)[] = []
  private readonly reader = log.read({
    topic: topics.events.name,
    from: new Map(Array.from({ length: PARTITIONS }, (_, partition) => [partition, 0])),
    onBatch: ({ partition, records }) => {
      const batch = selectValid(partition, this.positions.get(partition) ?? POSITION_START, records)
      this.positions.set(partition, batch.position)
      this.junk += batch.junk
      this.events.push(...batch.records.map(({ value }) => codecs.eventCodec.decode(value!)))
      for (const check of this.waiting) check()
    },
  })

  outcomes(): (string | undefined)[] {
    return this.events.map(({ body, seq }) =>
      body.kind === 'PackRefused' ? codeName(body.code) : `${body.kind} ${seq}`,
    )
  }

  until(count: number): Promise<void> {
    return new Promise(resolve => {
      const check = () => {
        if (this.events.length >= count) resolve()
      }
      this.waiting.push(check)
      check()
    })
  }

  close(): Promise<void> {
    return this.reader.close()
  }
}

beforeAll(() => {
  log = new KafkaLog(client())
})
beforeEach(async () => {
  topics = makeTopics({ prefix: `test-${randomUUID()}-`, partitions: PARTITIONS, eventRetentionDays: 1 })
  codecs = await makeCodecs()
  await setupTopics(Object.values(topics), { ...client(), replicationFactor: 1, minInsyncReplicas: 1 })
  tail = new EventTail()
})
afterEach(async () => {
  for (const service of running.splice(0)) await service.drain()
  await tail.close()
  await deleteTopics(
    Object.values(topics).map(({ name }) => name),
    client(),
  )
  for (const dir of dirs.splice(0)) rmSync(dir, { recursive: true, force: true })
})
afterAll(() => log.close())

function newDir(): string {
  const dir = mkdtempSync(join(tmpdir(), 'packlog-sequencer-'))
  dirs.push(dir)
  return dir
}

async function start(stateDir: string, options: { rulesVersion?: number } = {}): Promise<Service> {
  const service = makeSequencer({
    ...{ log, topics, ...codecs },
    transactional: kafkaTransactionalWriters(client()),
    transactionalIdPrefix: transactionalIdPrefix(topics),
    stores: partition =>
      new LmdbStateStore({ stateDir: join(stateDir, 'not', 'there'), partition, random: systemRandom }),
    ownership: fixedOwnership(Array.from({ length: PARTITIONS }, (_, partition) => partition)),
    era: 0,
    instance: 'test',
    ...(options.rulesVersion === undefined ? {} : { rules: { ...RULES_DEFAULT, version: options.rulesVersion } }),
    clock: systemClock,
    random: systemRandom,
    logger: silentLogger,
    metrics: new Metrics(),
  })
  running.push(service)
  await service.start()
  return service
}

async function stop(service: Service): Promise<void> {
  running.splice(running.indexOf(service), 1)
  await service.drain()
}

const now = () => systemClock.now()
const fresh = (words: Parameters<typeof makePack>[0] = {}) => makePack({ time: now(), ...words })

async function send(...packs: Pack[]): Promise<void> {
  for (const pack of packs) {
    await put(topics.packs.name, sessionPartition(topics.packs, pack.sessionId), {
      key: Buffer.from(pack.sessionId),
      value: codecs.packCodec.encode(pack),
      headers: {},
    })
  }
}

async function put(topic: string, partition: number, record: LogRecord): Promise<void> {
  await log.append({ topic, partition, records: [record] })
}

test('[SQ2, SQ6] packs get their outcomes; a restart on the same disk and on an empty one goes on', async () => {
  const stateDir = newDir()
  const first = await start(stateDir)
  const pack = fresh()
  await send(pack, fresh())
  await tail.until(2)
  expect(first.ready()).toBe(true)
  await stop(first)

  const second = await start(stateDir)
  await send(pack, fresh())
  await tail.until(4)
  await stop(second)

  await start(newDir())
  await send(pack, fresh())
  await tail.until(6)
  expect(tail.outcomes()).toEqual([
    'MessageAccepted 1',
    'MessageAccepted 2',
    'PackRepeated 0',
    'MessageAccepted 3',
    'PackRepeated 0',
    'MessageAccepted 4',
  ])
  expect(tail.junk).toBe(0)
})

test('[ST6, ST7] moved to an empty disk it knows sessions, members, rules and every remembered pack', async () => {
  const first = await start(newDir(), { rulesVersion: 3 })
  await tail.until(PARTITIONS)
  const info = { name: 'Chess', avatar: '', notice: '' }
  const created = fresh({ session: 'g:chess', body: { kind: 'CreateGroup', info, members: ['bob' as UserId] } })
  const empty = fresh({ text: '' })
  await send(created, fresh({ session: 'g:chess', from: 'carol', body: { kind: 'JoinGroup' } }), empty)
  await send(fresh({ session: 'g:chess', from: 'bob', body: { kind: 'QuitGroup' } }))
  await tail.until(PARTITIONS + 4)
  await stop(first)
  const before = tail.events.length
  await start(newDir(), { rulesVersion: 3 })
  const other = { ...fresh({ session: 'g:chess', text: 'other content' }), packId: created.packId }
  const inTurn = [created, empty, other, ...['carol', 'bob', 'zoe'].map(from => fresh({ session: 'g:chess', from }))]
  const outcomes: string[] = []
  for (const pack of inTurn) {
    await send(pack)
    await tail.until(before + outcomes.length + 1)
    const { body, seq } = tail.events.at(-1)!
    if (body.kind === 'PackRefused') outcomes.push(codeName(body.code)!)
    else outcomes.push(body.kind === 'PackRepeated' ? `repeated ${body.code} ${body.seq}` : `${body.kind} ${seq}`)
  }
  // The rules were set before: nobody sets them again.
  expect(outcomes).toEqual([
    'repeated 0 1',
    'repeated 40 0',
    'PACK_CONFLICT',
    'MessageAccepted 4',
    'GROUP_USER_NOT_EXIST',
    'GROUP_USER_NOT_EXIST',
  ])
})

test('[SQ2, SQ4, SQ25] misrouted, poisoned and foreign records disturb nobody', async () => {
  await start(newDir())
  const pack = fresh()
  const right = sessionPartition(topics.packs, pack.sessionId)
  const value = codecs.packCodec.encode(pack)
  await send(pack)
  await tail.until(1)
  await put(topics.packs.name, (right + 1) % PARTITIONS, { key: Buffer.from(pack.sessionId), value, headers: {} })
  await tail.until(2)
  await put(topics.packs.name, right, { key: Buffer.from('s:alice:bop'), value, headers: {} })
  await put(topics.packs.name, right, { key: Buffer.from(pack.sessionId), value: Buffer.from('poison'), headers: {} })
  await put(topics.packs.name, right, { key: null, value: null, headers: {} })
  await tail.until(5)
  await put(topics.events.name, right, { key: Buffer.from('x'), value: Buffer.from('foreign'), headers: {} })
  await send(fresh())
  await tail.until(6)
  expect(tail.outcomes()).toEqual([
    'MessageAccepted 1',
    'MISROUTED',
    'MISROUTED',
    'UNREADABLE',
    'UNREADABLE',
    'MessageAccepted 2',
  ])
})

test('[SQ21, SQ26] a second sequencer on the same partitions leaves one log, and the first one stops', async () => {
  const first = await start(newDir())
  const failed = first.done.then(
    () => undefined,
    error => error,
  )
  await send(fresh())
  await tail.until(1)
  const second = await start(newDir())
  // One pack into each partition: the first one notices when it writes what changed there.
  const sessions = ['s:alice:bob', 's:alice:carol', 's:alice:dave', 's:alice:erin', 's:alice:frank', 's:alice:gina']
  for (let round = 0; round < 10; round++) await send(...sessions.map(session => fresh({ session })))
  await tail.until(61)
  expect(new Set(sessions.map(session => sessionPartition(topics.packs, session))).size).toBe(PARTITIONS)
  expect(String(await failed)).toContain('another instance has taken over')
  await send(fresh())
  await tail.until(62)
  expect(second.ready()).toBe(true)
  for (const session of sessions) {
    const seqs = tail.events.filter(({ sessionId }) => sessionId === session).map(({ seq }) => seq)
    expect(seqs).toEqual(seqs.map((_, index) => index + 1))
  }
})

test('[SQ18] rules of the configuration are set in every partition', async () => {
  const service = await start(newDir(), { rulesVersion: 3 })
  await tail.until(PARTITIONS)
  expect(tail.outcomes()).toEqual(['RulesSet 0', 'RulesSet 0', 'RulesSet 0'])
  await stop(service)
})
