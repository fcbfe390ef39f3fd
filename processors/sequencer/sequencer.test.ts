import { createHash } from 'node:crypto'
import { expect, test } from 'vitest'
import type { Event } from '../../schemas/event.ts'
import type { UserId } from '../../schemas/ids.ts'
import { type PackBody, RULES_DEFAULT } from '../../schemas/pack.ts'
import { APPEND_BYTES_MAX, APPEND_RECORDS_MAX, type Log } from '../../topics/log.ts'
import { EVENT_BYTES_MAX } from './batch.ts'
import { QUEUED_PACKS_MAX } from './pack-queue.ts'
import { appendsOf, codes, logWith, packsOf, start } from './testing/nodes.ts'
import { makePack, packIdAt, T0, text } from './testing/packs.ts'
import { World } from './testing/world.ts'

test('[SQ2] every pack gets one outcome, in order, in its own partition', async () => {
  const world = await World.make()
  const node = await start(world)
  const packs = packsOf(3)
  world.send(...packs, packs[1]!)
  await world.untilAnswered()
  const events = await world.events()
  expect(events.map(event => event.cause.offset)).toEqual([0, 1, 2, 3])
  expect(codes(events)).toEqual(['MessageAccepted', 'MessageAccepted', 'MessageAccepted', 'PackRepeated'])
  expect(node.service.ready()).toBe(true)
})

/** Packs of many kinds for one session, in a fixed order. */
function variedPacks(count: number) {
  const bodies: ((n: number) => { from: string; body: PackBody })[] = [
    n => ({ from: 'alice', body: text(`hello ${n}`) }),
    n => ({ from: `u${n % 7}`, body: { kind: 'JoinGroup' } }),
    n => ({ from: `u${n % 5}`, body: text('x'.repeat(n % 300)) }),
    n => ({ from: 'alice', body: { kind: 'RemoveMembers', userIds: [`u${n % 6}` as UserId] } }),
    n => ({ from: `u${n % 7}`, body: { kind: 'AddMembers', userIds: [`u${n % 4}` as UserId, 'zoe' as UserId] } }),
    n => ({ from: `u${n % 3}`, body: { kind: 'QuitGroup' } }),
  ]
  const packs = Array.from({ length: count }, (_, n) => {
    const { from, body } = bodies[n % bodies.length]!(n)
    // Some packIds come twice: repeats and conflicts.
    return makePack({ session: 'g:chess', from, body, packId: packIdAt(T0, n % 11 === 10 ? n - 1 : n) })
  })
  const info = { name: 'Chess', avatar: '', notice: '' }
  return [
    makePack({ session: 'g:chess', body: { kind: 'CreateGroup', info, members: [] }, packId: packIdAt(T0, 999_999) }),
    ...packs,
  ]
}

test('[SQ1] batches of 1, 101 and 5,000 packs of one session give the same events, byte for byte', async () => {
  const packs = variedPacks(4_999)
  const digests: string[] = []
  for (const batchSize of [1, 101, 5_000]) {
    const world = await World.make()
    if (batchSize === 5_000) world.send(...packs)
    const node = await start(world)
    for (let first = 0; batchSize < 5_000 && first < packs.length; first += batchSize) {
      world.send(...packs.slice(first, first + batchSize))
      // Answered without a timer: the clock stands still, so that all packs have the same append time.
      await world.clock.pass(0)
    }
    await world.untilAnswered()
    const { records } = await world.valid()
    expect(records).toHaveLength(5_000)
    expect(await appendsOf(node)).toBe(Math.ceil(5_000 / Math.min(batchSize, APPEND_RECORDS_MAX)))
    const hash = createHash('sha256')
    for (const { key, value, headers } of records)
      hash.update(key!).update(value!).update(headers.pos!).update(headers.prev!)
    digests.push(hash.digest('hex'))
  }
  expect(new Set(digests).size).toBe(1)
}, 60_000)

test('[SQ2] packs that cannot be read, gaps and records without a value get UNREADABLE and hold up nobody', async () => {
  const world = await World.make()
  await start(world)
  world.send(makePack())
  world.sendRaw(Buffer.from('poison'), Buffer.from('s:alice:bob'))
  world.sendRaw(null, null)
  world.log.endTransaction(world.topics.packs.name, 0, { state: 'open' }, true)
  world.log.endTransaction(world.topics.packs.name, 0, { state: 'open' }, true)
  world.sendRaw(world.codecs.pack.encode(makePack()).subarray(0, 30), Buffer.alloc(0))
  world.send(makePack())
  await world.untilAnswered()
  const events = await world.events()
  expect(codes(events)).toEqual([
    'MessageAccepted',
    ...Array.from({ length: 5 }, () => 'UNREADABLE'),
    'MessageAccepted',
  ])
  expect(events.map(event => event.cause.offset)).toEqual([0, 1, 2, 3, 4, 5, 6])
  expect(events.at(-1)!.seq).toBe(2)
})

test('[SQ2] the outcome carries the key of its pack, and none where that is longer than any session id', async () => {
  const world = await World.make()
  await start(world)
  world.sendRaw(Buffer.from('poison'), Buffer.from('some key'))
  world.sendRaw(Buffer.from('poison'), Buffer.alloc(850_000, 1))
  world.send(makePack())
  await world.untilAnswered()
  const { records } = await world.valid()
  expect(records.map(({ key }) => key?.toString())).toEqual(['some key', undefined, 's:alice:bob'])
})

test('[SQ19] an outcome that would be too large becomes MSG_TOO_LONG, which is remembered', async () => {
  const world = await World.make()
  const isHuge = ({ body }: Event) => body.kind === 'MessageAccepted' && JSON.stringify(body).includes('huge')
  // No content that the rules let pass is as large as this: a codec stands in that makes it so.
  const eventCodec = {
    ...world.codecs.event,
    encode: (event: Event) => (isHuge(event) ? Buffer.alloc(EVENT_BYTES_MAX + 1) : world.codecs.event.encode(event)),
    decode: (bytes: Buffer) => world.codecs.event.decode(bytes),
    learn: (schemaId: number) => world.codecs.event.learn(schemaId),
  }
  await start(world, { eventCodec })
  const huge = makePack({ text: 'huge' })
  world.send(makePack(), huge, huge, makePack())
  await world.untilAnswered()
  const events = await world.events()
  expect(codes(events)).toEqual(['MessageAccepted', 'MSG_TOO_LONG', 'PackRepeated', 'MessageAccepted'])
  expect(events.at(-1)!.seq).toBe(2)
})

test('[SQ23] a pack of an unknown schema waits until it is learned; one that nobody knows is UNREADABLE', async () => {
  const world = await World.make()
  await start(world)
  const known = world.codecs.pack.encode(makePack())
  const foreign = Buffer.from(known)
  foreign.writeUInt32BE(await world.registry.register('other', { type: 'record', name: 'Other', fields: [] }), 1)
  const unknown = Buffer.from(known)
  unknown.writeUInt32BE(999, 1)
  const older = Buffer.from(known)
  const olderSchema = { ...(await world.registry.schemaById(1))!, doc: 'an earlier version' }
  older.writeUInt32BE(await world.registry.register('earlier', olderSchema), 1)
  for (const value of [foreign, unknown, older]) world.sendRaw(value, Buffer.from('s:alice:bob'))
  world.send(makePack())
  await world.untilAnswered()
  expect(codes(await world.events())).toEqual(['UNREADABLE', 'UNREADABLE', 'MessageAccepted', 'MessageAccepted'])
})

test('[SQ24] an append holds at most 500 outcomes and 900,000 bytes; what arrives meanwhile goes into the next', async () => {
  const world = await World.make()
  const appends: { records: number; bytes: number }[] = []
  const log: Log = {
    append: request => {
      const bytes = request.records.reduce((sum, { key, value }) => sum + key!.length + value!.length, 0)
      appends.push({ records: request.records.length, bytes })
      return world.log.append(request)
    },
    bounds: topic => world.log.bounds(topic),
    read: options => world.log.read(options),
    close: () => world.log.close(),
  }
  world.send(...packsOf(1_200))
  world.send(...Array.from({ length: 30 }, () => makePack({ text: 'x'.repeat(60_000) })))
  await start(world, { log })
  await world.untilAnswered()
  expect(appends.reduce((sum, { records }) => sum + records, 0)).toBe(1_230)
  expect(Math.max(...appends.map(({ records }) => records))).toBe(APPEND_RECORDS_MAX)
  expect(Math.max(...appends.map(({ bytes }) => bytes))).toBeLessThanOrEqual(APPEND_BYTES_MAX)
  expect(appends.length).toBeLessThan(10)
})

test('[SQ24] a partition that cannot append takes a bounded number of packs', async () => {
  const world = await World.make()
  let release: () => void = () => {}
  const held = new Promise<void>(resolve => {
    release = resolve
  })
  const log = logWith(world, (_attempt, pass) => held.then(() => pass({} as never)))
  world.send(...packsOf(5_000))
  let taken = 0
  const reading: Log = {
    ...log,
    read: options =>
      world.log.read({
        ...options,
        onBatch: batch => {
          if (options.topic === world.topics.packs.name) taken += batch.records.length
          return options.onBatch(batch)
        },
      }),
  }
  await start(world, { log: reading })
  await world.clock.pass(100)
  expect(taken).toBeGreaterThanOrEqual(QUEUED_PACKS_MAX)
  expect(taken).toBeLessThan(QUEUED_PACKS_MAX + 500)
  release()
  await world.untilAnswered()
  expect(await world.events()).toHaveLength(5_000)
})

test('[SQ18] configured rules of a higher version are set once in every partition', async () => {
  const world = await World.make({ partitions: 3 })
  const rules = { ...RULES_DEFAULT, version: 4, contentBytesMax: 10 }
  const node = await start(world, { rules })
  for (const partition of [0, 1, 2]) {
    await world.untilAnswered(partition)
    expect(codes(await world.events(partition))).toEqual(['RulesSet'])
  }
  await world.stop(node)
  await start(world, { rules, dirs: node.dirs })
  await world.clock.pass(100)
  expect(await world.events(0)).toHaveLength(1)
})

test('[SQ2] a partition whose packs have expired unread stops with the place', async () => {
  const world = await World.make()
  const node = await start(world)
  const failure = node.service.done.then(
    () => undefined,
    error => error,
  )
  world.send(...packsOf(3))
  world.log.deleteBefore(world.topics.packs.name, 0, 2)
  expect(String(await world.clock.resolve(failure))).toContain('im.packs/0')
})
