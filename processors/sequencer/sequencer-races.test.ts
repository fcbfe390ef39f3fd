import { expect, test } from 'vitest'
import type { Event } from '../../schemas/event.ts'
import { AppendFailed, type Log } from '../../topics/log.ts'
import { sessionPartition } from '../../topics/topics.ts'
import { chainHeaders, HEADER_FACTS, HEADER_MEMBERS, LogCorrupt, type Position } from '../../topics/valid-events.ts'
import { TAKE_BACK_MS } from './lost-partition.ts'
import { QUEUED_PACKS_MAX } from './pack-queue.ts'
import { logWith, makeGate, metric, packsOf, start } from './testing/nodes.ts'
import { makePack, T0 } from './testing/packs.ts'
import { World } from './testing/world.ts'

test('[SQ25] foreign records on im.events are junk: counted, and the next outcome stands behind them', async () => {
  const world = await World.make()
  const node = await start(world)
  world.send(makePack())
  await world.untilAnswered()
  const events = world.topics.events.name
  world.log.put(events, 0, [{ key: Buffer.from('s:alice:bob'), value: Buffer.from('foreign'), headers: {} }])
  world.log.put(events, 0, [{ key: null, value: null, headers: chainHeaders(2, '0011223344556677') }])
  world.send(makePack())
  await world.untilAnswered()
  expect((await world.events()).map(event => event.seq)).toEqual([1, 2])
  // The outcome that lost the race against them is junk as well.
  expect(await metric(node, 'junk_total')).toBe(3)
  expect(await metric(node, 'append_retries_total')).toBe(1)
})

test('[SQ25] a foreign record at the very beginning that claims its own place is junk, too', async () => {
  const world = await World.make()
  const foreign = { key: null, value: Buffer.from('foreign'), headers: chainHeaders(0, '0011223344556677') }
  world.log.put(world.topics.events.name, 0, [foreign])
  await start(world)
  world.send(makePack())
  await world.untilAnswered()
  expect((await world.valid()).records.map(({ offset }) => offset)).toEqual([1])
})

test('[SQ25] marks of foreign transactions at the end of im.events stop nothing', async () => {
  const world = await World.make()
  const mark = () => world.log.endTransaction(world.topics.events.name, 0, { state: 'open' }, true)
  mark()
  await start(world)
  world.send(makePack())
  await world.untilAnswered()
  mark()
  mark()
  world.send(makePack(), makePack())
  await world.untilAnswered()
  expect((await world.events()).map(event => event.seq)).toEqual([1, 2, 3])
})

test('[SQ25] a record put well into the chain by somebody else is corruption when it does not fit', async () => {
  const world = await World.make()
  const node = await start(world)
  world.send(makePack())
  await world.untilAnswered()
  const { position, records } = await world.valid()
  const first = world.codecs.event.decode(records[0]!.value!)
  const forge = (position: Position, changes: Partial<Event>) =>
    world.log.put(world.topics.events.name, 0, [
      {
        key: Buffer.from('s:alice:bob'),
        value: world.codecs.event.encode({ ...first, cause: { era: 0, offset: 1 }, ...changes }),
        headers: chainHeaders(1, position.hash!),
      },
    ])
  forge(position, { seq: 7 })
  const failure = node.service.done.then(
    () => undefined,
    error => error,
  )
  world.send(makePack())
  expect(await world.clock.resolve(failure)).toBeInstanceOf(LogCorrupt)
  expect(node.service.ready()).toBe(false)
})

test('[SQ21] while the end of the log cannot be seen, an append counts only when it was read back', async () => {
  const world = await World.make()
  const other = await world.start({ name: 'other' })
  world.send(makePack({ text: 'answered by the other' }))
  await world.untilAnswered()
  await world.stop(other)
  let isStalled = true
  const log: Log = {
    append: request => world.log.append(request),
    bounds: topic => world.log.bounds(topic),
    // A broker that answers no fetch of im.events for a while.
    read: options =>
      world.log.read(
        isStalled && options.topic === world.topics.events.name ? { ...options, from: new Map() } : options,
      ),
    close: () => world.log.close(),
  }
  world.log.createTopic({ ...world.topics.sessions, name: 'im.sessions.empty' })
  await start(world, { log, sessions: { ...world.topics.sessions, name: 'im.sessions.empty' } })
  isStalled = false
  world.send(makePack(), makePack())
  await world.untilAnswered()
  expect((await world.events()).map(event => event.seq)).toEqual([1, 2, 3])
})

test('[SQ21] an append that is stored but not answered is found in the tail, not repeated', async () => {
  const world = await World.make()
  const log = logWith(world, async (attempt, pass) => {
    const appended = await pass({} as never)
    if (attempt % 2 === 0) throw new AppendFailed('no answer', { maybeStored: true })
    return appended
  })
  await start(world, { log })
  for (let round = 0; round < 3; round++) {
    world.send(makePack(), makePack())
    await world.untilAnswered()
  }
  expect((await world.events()).map(event => event.seq)).toEqual([1, 2, 3, 4, 5, 6])
  expect((await world.records(world.topics.events.name)).length).toBe(6)
})

test('[SQ21] packs that another writer has answered already do not fill the queue of one that reads late', async () => {
  const world = await World.make()
  const gates = [makeGate(), makeGate()] as const
  let taken = 0
  const late: Log = {
    append: request => world.log.append(request),
    bounds: topic => world.log.bounds(topic),
    read: options =>
      world.log.read({
        ...options,
        onBatch: async batch => {
          if (options.topic !== world.topics.packs.name) return options.onBatch(batch)
          // The first batch waits for the first gate, all others for the second.
          await gates[batch.records[0]!.offset === 0 ? 0 : 1].opened
          await options.onBatch(batch)
          taken += batch.records.length
        },
      }),
    close: () => world.log.close(),
  }
  world.log.createTopic({ ...world.topics.sessions, name: 'im.sessions.late' })
  const node = await start(world, { log: late, sessions: { ...world.topics.sessions, name: 'im.sessions.late' } })
  await start(world)
  const count = 4 * QUEUED_PACKS_MAX
  world.send(...packsOf(count))
  await world.untilAnswered()
  // The late one appends outcomes of its first batch, loses, and learns that everything is answered.
  gates[0].open()
  await world.clock.pass(1_000)
  expect(taken).toBeLessThan(QUEUED_PACKS_MAX)
  gates[1].open()
  await world.clock.pass(1_000)
  expect(taken).toBe(count)
  expect(node.service.ready()).toBe(true)
  expect(await world.events()).toHaveLength(count)
})

test('[SQ21] an append that is refused is decided again and appended', async () => {
  const world = await World.make()
  const log = logWith(world, async (attempt, pass) => {
    if (attempt < 5) throw new AppendFailed('no leader', { maybeStored: false })
    return pass({} as never)
  })
  const node = await start(world, { log })
  world.send(makePack(), makePack())
  await world.untilAnswered()
  expect((await world.events()).map(event => event.seq)).toEqual([1, 2])
  expect(await metric(node, 'append_retries_total')).toBe(5)
})

test('[SQ21] events that change who is a member carry a header, what membership keeps besides another, others none', async () => {
  const world = await World.make()
  await start(world)
  const info = { name: 'Chess', avatar: '', notice: '' }
  world.send(makePack({ session: 'g:chess', body: { kind: 'CreateGroup', info, members: [] } }))
  world.send(
    makePack({ session: 'g:chess' }),
    makePack({ session: 'g:chess', from: 'bob', body: { kind: 'JoinGroup' } }),
    makePack({ session: 'g:chess', body: { kind: 'UpdateGroupInfo', info: { name: 'Go' } } }),
  )
  await world.untilAnswered()
  const { records } = await world.valid()
  const having = (name: string) => records.map(({ headers }) => headers[name]?.toString('hex'))
  expect(having(HEADER_MEMBERS)).toEqual(['01', undefined, '01', undefined])
  expect(having(HEADER_FACTS)).toEqual([undefined, undefined, undefined, '01'])
})

test('[SQ26] an instance whose partition was taken stops, says so, and ends', async () => {
  const world = await World.make()
  const first = await start(world, { name: 'first' })
  const second = await start(world, { name: 'second', seed: 2 })
  const failure = first.service.done.then(
    () => undefined,
    error => error,
  )
  world.send(...packsOf(3))
  await world.untilAnswered()
  expect(String(await world.clock.resolve(failure))).toContain('another instance has taken over')
  expect(first.service.ready()).toBe(false)
  world.send(makePack({ time: T0 }))
  await world.untilAnswered()
  expect((await world.events()).map(event => event.seq)).toEqual([1, 2, 3, 4])
  expect(second.service.ready()).toBe(true)
})

/** A single chat that lives in partition 1 of two. */
function sessionInOne(world: World): string {
  for (let number = 0; ; number++) {
    const session = `s:a${number}:b`
    if (sessionPartition(world.topics.packs, session) === 1) return session
  }
}

async function sendToOne(world: World, count: number): Promise<void> {
  const session = sessionInOne(world)
  const [from = ''] = session.slice('s:'.length).split(':')
  for (let n = 0; n < count; n++) {
    const pack = makePack({ session, from })
    world.sendRaw(world.codecs.pack.encode(pack), Buffer.from(session), 1)
  }
}

test('[SQ27] a partition that was lost is taken back when its new owner answers no more', async () => {
  const world = await World.make({ partitions: 2 })
  const first = await start(world, { name: 'first' })
  const second = await start(world, { name: 'second', partitions: [1], seed: 2 })
  await sendToOne(world, 2)
  await world.untilAnswered(1)
  // The first one learns by its changelog that it has lost the partition.
  await world.clock.pass(3_000)
  expect(first.service.ready()).toBe(false)
  await world.stop(second)
  await sendToOne(world, 2)
  await world.untilAnswered(1)
  expect((await world.events(1)).map(event => event.seq)).toEqual([1, 2, 3, 4])
  await world.clock.pass(1_000)
  expect(first.service.ready()).toBe(true)
})

test('[SQ27] a partition whose new owner answers, or has nothing to answer, is left to it', async () => {
  const world = await World.make({ partitions: 2 })
  const first = await start(world, { name: 'first' })
  const second = await start(world, { name: 'second', partitions: [1], seed: 2 })
  for (let round = 0; round < 5; round++) {
    await sendToOne(world, 1)
    await world.clock.pass(TAKE_BACK_MS)
  }
  await world.clock.pass(3 * TAKE_BACK_MS)
  expect(first.service.ready()).toBe(false)
  expect(second.service.ready()).toBe(true)
  expect((await world.events(1)).map(event => event.seq)).toEqual([1, 2, 3, 4, 5])
})

test('[SQ27] an instance that drains takes nothing back', async () => {
  const world = await World.make({ partitions: 2 })
  const first = await start(world, { name: 'first' })
  const second = await start(world, { name: 'second', partitions: [1], seed: 2 })
  await sendToOne(world, 1)
  await world.clock.pass(3_000)
  await world.stop(second)
  await sendToOne(world, 1)
  await world.clock.pass(TAKE_BACK_MS / 2)
  await world.stop(first)
  await world.clock.pass(3 * TAKE_BACK_MS)
  expect(await world.events(1)).toHaveLength(1)
})
