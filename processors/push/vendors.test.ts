import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { systemClock } from '../../infra/clock.ts'
import { VirtualClock } from '../../infra/testing/virtual-clock.ts'
import { ALL, brief, VendorWorld } from './testing/vendor-world.ts'
import { BadPushFile, loadVendors } from './vendors.ts'

/** Every vendor against its fake, over TLS: what arrives, what is batched, and what is made of a vendor that is away. */

let world: VendorWorld
beforeAll(async () => {
  world = await VendorWorld.start()
}, 30_000)
afterAll(() => world.stop())
beforeEach(() => world.clear())

describe.each(ALL)('%s', name => {
  test('[PV1] a notification arrives with its texts, badge and place, in terms that the fake knows all of', async () => {
    const one = world.message()
    expect(await world.vendor(name).send([one])).toMatchObject([{ kind: 'accepted' }])
    expect(world.fakes.of(one.token)).toMatchObject([{ vendor: name, title: 'Bob', body: 'hello', badge: 4, count: 1 }])
    await world.vendor(name).send([{ ...one, body: 'hello again', uri: 'app://chat' }])
    expect(world.fakes.of(one.token)).toMatchObject([{ body: 'hello again', count: 2 }])
  })

  test('[PV1] a dead token is told, the others of the call arrive', async () => {
    const [dead, alive] = [world.message(), world.message()]
    world.fakes.kill(dead.token)
    const results = await world.vendor(name).send([dead, alive])
    expect(results.map(brief)).toEqual(['invalidToken', 'accepted'])
    expect(world.fakes.of(alive.token)).toHaveLength(1)
  })

  test('[PV3] one that is down is left alone; a call that broke in the middle is unknown; each was made once', async () => {
    await world.send(name)
    for (const [answer, meaning] of [
      [{ status: 503, body: {} }, 'retryService'],
      ['drop', 'unknown'],
    ] as const) {
      world.fakes.requests.length = 0
      expect(brief(await world.answered(name, answer))).toBe(meaning)
      expect(world.fakes.requests).toHaveLength(1)
    }
    expect(brief(await world.send(name))).toBe('accepted')
  })

  test.each([429, 503])('[PV3] with %i it says how long it wants to be left alone', async status => {
    await world.send(name)
    // As it stands in HTTP: seconds, or a date.
    for (const asked of ['7', '600', new Date(systemClock.now() + 90_000).toUTCString()]) {
      const answer = { status, headers: { 'retry-after': asked }, body: {} }
      const afterMs = /^\d+$/.test(asked) ? Number(asked) * 1_000 : 90_000
      const result = await world.answered(name, answer)
      expect(result).toMatchObject({ kind: 'retry', scope: 'service' })
      expect(Math.abs((result as { afterMs: number }).afterMs - afterMs)).toBeLessThan(5_000)
    }
  })
})

test('[PV3] a vendor that cannot be reached has taken nothing', async () => {
  const away = await VendorWorld.start()
  const nowhere = 'https://127.0.0.1:1'
  const moved = Object.entries(away.credentials).map(([name, { url: _, authUrl: __, host: ___, ...rest }]) => {
    const place = { fcm: { host: '127.0.0.1:1' }, huawei: { url: nowhere, authUrl: nowhere } }[name] ?? { url: nowhere }
    return [name, { ...rest, ...place, ...(name === 'honor' ? { authUrl: nowhere } : {}) }]
  })
  await away.startClients(systemClock, Object.fromEntries(moved))
  for (const name of ALL) expect(brief(await away.send(name)), name).toBe('retryService')
  await away.stop()
})

describe('what is sent', () => {
  test('[PV4] huawei: many tokens in one call where nothing else differs', async () => {
    await world.send('huawei')
    world.fakes.requests.length = 0
    await world.vendor('huawei').send([world.message(), world.message(), world.message({ badge: 9 })])
    const { sends } = world.calls()
    expect(sends.map(({ text }) => JSON.parse(text).message.token.length).sort()).toEqual([1, 2])
  })

  test('[PV4] options in the vendor’s own terms come over what the product says', async () => {
    const one = world.message({ options: { android: { notification: { title: 'Special' } } } })
    await world.vendor('huawei').send([one])
    expect(world.fakes.of(one.token)[0]).toMatchObject({ title: 'Special', body: 'hello' })
  })

  test('[PV4] texts are cut to what the vendor takes', async () => {
    const long = { title: '长'.repeat(200), body: '词'.repeat(500) }
    for (const name of ['xiaomi', 'oppo', 'vivo', 'meizu']) {
      expect((await world.vendor(name).send([world.message(long)])).map(brief), name).toEqual(['accepted'])
    }
    const huge = world.message({ body: 'x'.repeat(5_000) })
    expect((await world.vendor('apns').send([huge])).map(brief)).toEqual(['rejected'])
  })

  test('[PV1] https takes a notification back', async () => {
    const one = world.message()
    await world.vendor('https').send([one])
    expect(await world.vendor('https').recall!(one)).toMatchObject({ kind: 'accepted' })
    expect(world.fakes.of(one.token)).toEqual([])
  })
})

describe('the connection of apns', () => {
  test('[PV2] is kept, and comes back after a GOAWAY', async () => {
    const before = world.apns.sessions()
    for (let n = 0; n < 3; n++) await world.send('apns')
    expect(world.apns.sessions() - before).toBeLessThanOrEqual(1)
    world.apns.goAway()
    await expect.poll(async () => brief(await world.send('apns'))).toBe('accepted')
  })

  test('[PV3] is left when no answer comes: what was sent is unknown, and the next one goes over another', async () => {
    const other = await VendorWorld.start()
    const clock = new VirtualClock(systemClock.now())
    await other.startClients(clock)
    other.fakes.force('apns', 'hang')
    const sending = other.send('apns')
    await expect.poll(() => other.fakes.requests.length).toBe(1)
    await clock.pass(10_000)
    expect(await sending).toEqual({ kind: 'unknown', reason: 'no answer in time' })
    expect(brief(await other.send('apns'))).toBe('accepted')
    expect(other.apns.sessions()).toBe(2)
    await other.stop()
  })
})

describe('the file of credentials', () => {
  const load = async (contents: unknown) => {
    const file = join(world.folder, 'bad.json')
    await writeFile(file, typeof contents === 'string' ? contents : JSON.stringify(contents))
    return loadVendors({ file, env: {}, clock: systemClock })
  }
  const bad: [string, unknown, string][] = [
    ['no JSON', '{', 'is not JSON'],
    ['an unknown vendor', { apps: { a: { nokia: {} } } }, 'nokia'],
    ['a field too many', { apps: { a: { xiaomi: { appSecret: 'hush', apSecret: 'hush' } } } }, 'apSecret'],
    ['a missing secret', { apps: { a: { xiaomi: {} } } }, 'appSecret'],
    ['a secret that is too short', { apps: { a: { https: { url: 'https://x.org', secret: 'hush' } } } }, 'secret'],
    [
      'a file that is not there',
      { apps: { a: { xiaomi: { appSecret: { file: 'nowhere' } } } } },
      'appSecret cannot be read',
    ],
    ['an environment that is not there', { apps: { a: { xiaomi: { appSecret: { env: 'NOWHERE' } } } } }, 'NOWHERE'],
  ]
  test.each(bad)('[PV5] %s is named, and no secret with it', async (_name, contents, said) => {
    const error = await load(contents).catch(reason => reason as Error)
    expect(error).toBeInstanceOf(BadPushFile)
    expect((error as Error).message).toContain(said)
    expect((error as Error).message).not.toContain('hush')
  })

  test('[PV5] an app and a vendor that it does not name have none', () => {
    expect(world.vendor('nokia')).toBeUndefined()
  })
})
