import { describe, expect, test } from 'vitest'
import { CloseCode } from '../schemas/close-codes.ts'
import type { EventBody } from '../schemas/event.ts'
import { type Pack, RULES_DEFAULT } from '../schemas/pack.ts'
import { LOGIN_PACK_MS_MAX } from './limits.ts'
import { refused } from './testing/script.ts'
import { World } from './testing/world.ts'

/** Answers logins as the policy `one` does. */
function oneOnly(): (pack: Pack) => EventBody | undefined {
  let present: string[] = []
  return ({ body }) => {
    if (body.kind === 'Login') {
      const kicked = present
      present = [body.connectionId]
      return { kind: 'LoggedIn', connectionId: body.connectionId, kicked }
    }
    if (body.kind !== 'Logout') return undefined
    present = present.filter(id => body.connectionIds.length > 0 && !body.connectionIds.includes(id))
    return { kind: 'LoggedOut', connectionIds: body.connectionIds, code: body.code }
  }
}

async function worldOf(policy: 'all' | 'one', gateways = 1) {
  const world = await World.make()
  world.sequencer.dictate = oneOnly()
  const made = []
  for (let n = 0; n < gateways; n++) made.push(await world.gateway(`gw-${n}`, { loginPolicy: policy }))
  return { world, gateways: made }
}

const welcomed = (client: { of(type: 'welcome'): unknown[] }) => client.of('welcome').length === 1

describe('logins through the log', () => {
  test('[US13] under "all" a login writes nothing and is served at once', async () => {
    const { world, gateways } = await worldOf('all')
    const client = await world.connect(gateways[0]!, 'alice')
    client.drop()
    await world.settle()
    expect(welcomed(client)).toBe(true)
    expect(gateways[0]!.log.appends).toBe(0)
  })

  test('[US13] under another policy a login is served when the log has it', async () => {
    const { world, gateways } = await worldOf('one')
    const client = await world.connect(gateways[0]!, 'alice')
    expect(client.frames).toEqual([])
    await world.flow()
    expect(welcomed(client)).toBe(true)
    const [pack] = world.sequencer.packs
    expect(pack).toMatchObject({ sessionId: 'u:alice', from: 'alice', actor: { kind: 'SYSTEM' }, device: { id: 'd1' } })
  })

  test('[US13] of two logins at two gateways at once the one that is later in the log stays', async () => {
    const { world, gateways } = await worldOf('one', 2)
    const first = await world.connect(gateways[0]!, 'alice', { deviceId: 'phone' })
    const second = await world.connect(gateways[1]!, 'alice', { deviceId: 'laptop' })
    await world.flow()
    expect(welcomed(second)).toBe(true)
    expect(second.closed).toBeUndefined()
    expect(first.closed?.code).toBe(CloseCode.KICKED.code)
    expect(welcomed(first)).toBe(false)
  })

  test('[US13] a connection that is there is closed on its gateway by a login on another one', async () => {
    const { world, gateways } = await worldOf('one', 2)
    const first = await world.connect(gateways[0]!, 'alice', { deviceId: 'phone' })
    await world.flow()
    const second = await world.connect(gateways[1]!, 'alice', { deviceId: 'laptop' })
    await world.flow()
    expect(welcomed(first)).toBe(true)
    expect(first.closed?.code).toBe(CloseCode.KICKED.code)
    expect(second.closed).toBeUndefined()
  })

  test('[US13] a login that does not get its place in time is refused temporarily', async () => {
    const { world, gateways } = await worldOf('one')
    const client = await world.connect(gateways[0]!, 'alice')
    await world.clock.pass(LOGIN_PACK_MS_MAX)
    expect(client.closed?.code).toBe(CloseCode.UNAVAILABLE.code)
    await world.flow()
    expect(client.frames).toEqual([])
  })

  test('[US13] a login that the log refuses is not left waiting', async () => {
    const { world, gateways } = await worldOf('one')
    world.sequencer.dictate = () => refused('PACK_FROM_FUTURE')
    const client = await world.connect(gateways[0]!, 'alice')
    await world.flow()
    expect(client.closed?.code).toBe(CloseCode.UNAVAILABLE.code)
  })

  test('[US13] rules that pass on the log change the policy', async () => {
    const { world, gateways } = await worldOf('all')
    const rules = { ...RULES_DEFAULT, version: 1, loginPolicy: 'one' } as const
    world.sequencer.dictate = pack => (pack.body.kind === 'SendMessage' ? { kind: 'RulesSet', rules } : oneOnly()(pack))
    const client = await world.connect(gateways[0]!, 'bob')
    world.say(client, 's:alice:bob')
    await world.flow()
    const later = await world.connect(gateways[0]!, 'alice')
    expect(later.frames).toEqual([])
    await world.flow()
    expect(welcomed(later)).toBe(true)
  })

  test('[US13] a connection that ends by itself is told to the log, one that was kicked is not', async () => {
    const { world, gateways } = await worldOf('one')
    const first = await world.connect(gateways[0]!, 'alice', { deviceId: 'phone' })
    await world.flow()
    const second = await world.connect(gateways[0]!, 'alice', { deviceId: 'laptop' })
    await world.flow()
    second.drop()
    await world.flow()
    const logouts = world.sequencer.packs.flatMap(({ body }) => (body.kind === 'Logout' ? [body.connectionIds] : []))
    expect(logouts).toEqual([[second.connection.id]])
    expect(first.closed?.code).toBe(CloseCode.KICKED.code)
  })
})

describe('logouts', () => {
  test('[US14] a logout is acked, told to the other devices, and closes those whom it names, on every gateway', async () => {
    const { world, gateways } = await worldOf('all', 2)
    const phone = await world.connect(gateways[0]!, 'alice', { deviceId: 'phone' })
    const laptop = await world.connect(gateways[1]!, 'alice', { deviceId: 'laptop' })
    laptop.send({ type: 'logout', packId: world.packId(), connectionIds: [phone.connection.id] })
    await world.flow()
    expect(laptop.of('ack')).toHaveLength(1)
    expect(laptop.closed).toBeUndefined()
    expect(phone.closed?.code).toBe(CloseCode.LOGGED_OUT.code)
  })

  test('[US14] a logout of all closes all, its own sender after the ack', async () => {
    const { world, gateways } = await worldOf('all', 2)
    const phone = await world.connect(gateways[0]!, 'alice', { deviceId: 'phone' })
    const laptop = await world.connect(gateways[1]!, 'alice', { deviceId: 'laptop' })
    const bob = await world.connect(gateways[1]!, 'bob')
    laptop.send({ type: 'logout', packId: world.packId(), connectionIds: [] })
    await world.flow()
    expect(laptop.of('ack')).toHaveLength(1)
    expect([laptop, phone].map(({ closed }) => closed?.code)).toEqual([4023, 4023])
    expect(bob.closed).toBeUndefined()
  })

  test('[US14] an operator kicks: the close says so', async () => {
    const { world, gateways } = await worldOf('all')
    const phone = await world.connect(gateways[0]!, 'alice', { deviceId: 'phone' })
    world.sequencer.dictate = () => ({ kind: 'LoggedOut', connectionIds: [], code: 22, reason: 'stolen' })
    phone.send({ type: 'logout', packId: world.packId(), connectionIds: [] })
    await world.flow()
    expect(phone.closed?.code).toBe(CloseCode.KICKED.code)
    expect(JSON.parse(phone.closed!.reason)).toMatchObject({ code: 22, reason: 'stolen' })
  })
})
