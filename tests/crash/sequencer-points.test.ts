import { describe, expect, test } from 'vitest'
import { STORE_DELAY_MS_MAX } from '../../processors/sequencer/session-state.ts'
import { MemoryStateDir } from '../../processors/sequencer/state-store.ts'
import { Mortal } from '../../processors/sequencer/testing/faults.ts'
import { makePack } from '../../processors/sequencer/testing/packs.ts'
import { referenceValues, validValues } from '../../processors/sequencer/testing/reference.ts'
import { World } from '../../processors/sequencer/testing/world.ts'
import type { UserId } from '../../schemas/ids.ts'
import type { Log } from '../../topics/log.ts'

/**
 * A crash between every two steps of decide - append - store - changelog, each as an example of its own, and the start
 * after it on the same disk and on an empty one. Afterwards the log is that of a sequencer that never crashed.
 */

type Point =
  | 'before the append'
  | 'the append is on its way'
  | 'the append is stored, not answered'
  | 'the append is answered, the store has nothing'
  | 'the store has it, im.sessions has not'
  | 'im.sessions is being written'
  | 'im.sessions has it, the store does not know'
  | 'everything is written'

const POINTS: readonly Point[] = [
  'before the append',
  'the append is on its way',
  'the append is stored, not answered',
  'the append is answered, the store has nothing',
  'the store has it, im.sessions has not',
  'im.sessions is being written',
  'im.sessions has it, the store does not know',
  'everything is written',
]

/** Runs a sequencer into the point and kills it there; gives its disk and what was on its way. */
async function crashAt(world: World, point: Point): Promise<{ dirs: MemoryStateDir[]; arrive: () => void }> {
  const mortal = new Mortal()
  const dirs = [new MemoryStateDir()]
  let arrive = () => {}
  let armed = false
  const append: Log['append'] = async request => {
    if (!armed || request.topic !== world.topics.events.name) return world.log.append(request)
    const put = () => world.log.put(request.topic, request.partition, request.records)
    if (point === 'before the append') mortal.kill()
    if (point === 'the append is on its way') {
      arrive = put
      mortal.kill()
    }
    if (point === 'the append is stored, not answered') {
      put()
      mortal.kill()
    }
    return world.log.append(request)
  }
  const onTransaction: Parameters<Mortal['transactional']>[1] = async (writer, request) => {
    if (armed && point === 'im.sessions is being written') mortal.kill()
    else await writer.append(request)
    if (armed && point === 'im.sessions has it, the store does not know') mortal.kill()
  }
  await world.start({
    dirs,
    clock: mortal.clock(world.clock),
    log: mortal.log(world.log, append),
    transactional: mortal.transactional(world.transactional, onTransaction),
  })
  sendSome(world)
  await world.untilAnswered()
  await world.clock.pass(3_000)
  armed = true
  sendSome(world)
  if (point === 'the append is answered, the store has nothing') await world.clock.pass(STORE_DELAY_MS_MAX / 2)
  else if (point === 'the store has it, im.sessions has not') await world.clock.pass(2 * STORE_DELAY_MS_MAX)
  else await world.clock.pass(3_000)
  mortal.kill()
  return { dirs, arrive: () => arrive() }
}

let group = 0
function sendSome(world: World): void {
  const session = `g:${++group}`
  const info = { name: 'n', avatar: '', notice: '' }
  world.send(
    makePack(),
    makePack({ session, body: { kind: 'CreateGroup', info, members: ['bob' as UserId] } }),
    makePack({ session, from: 'carol', body: { kind: 'JoinGroup' } }),
    makePack({ text: '' }),
  )
}

describe.each(POINTS)('killed where %s', point => {
  test.each(['the same disk', 'an empty disk'] as const)('[SQ21, ST14] and started on %s', async disk => {
    const world = await World.make()
    const { dirs, arrive } = await crashAt(world, point)
    const before = await world.records(world.topics.packs.name)
    const options = disk === 'the same disk' ? { dirs } : {}
    const node = await world.start(options)
    arrive()
    // Everything again, as clients do that had no answer, and something new.
    for (const { key, value } of before) world.sendRaw(value, key)
    sendSome(world)
    await world.untilAnswered()
    await world.clock.pass(3_000)
    expect(await validValues(world)).toEqual(await referenceValues(world))
    await world.stop(node)
    // What it left behind on im.sessions is whole as well.
    const last = await world.start()
    for (const { key, value } of before) world.sendRaw(value, key)
    await world.untilAnswered()
    expect(await validValues(world)).toEqual(await referenceValues(world))
    expect(last.service.ready()).toBe(true)
    await world.stop(last)
  })
})
