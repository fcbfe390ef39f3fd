import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { systemClock } from '../../infra/clock.ts'
import type { FakeAnswer } from '../../infra/local/push-fakes/fake.ts'
import { VirtualClock } from '../../infra/testing/virtual-clock.ts'
import { brief, GRANTING, SECRET, VendorWorld } from './testing/vendor-world.ts'

/** How vendors are spoken to: tokens that end, are refused or not given, and clocks that differ from ours. */

const HOUR = 3_600_000
/** How a vendor says that a token is no longer good, and how it gives one; APNs is given one that we have signed. */
const SAYS: Record<string, { refused: FakeAnswer; granted?: FakeAnswer; lifeMs: number; ended: number }> = {
  apns: { refused: json({ reason: 'ExpiredProviderToken' }, 403), lifeMs: (50 / 60) * HOUR, ended: 2 * HOUR },
  fcm: {
    refused: json({ error: { status: 'UNAUTHENTICATED' } }, 401),
    granted: json({ access_token: 'x', expires_in: 60 }),
    lifeMs: HOUR,
    ended: 2 * HOUR,
  },
  huawei: {
    refused: json({ code: '80200003' }),
    granted: json({ access_token: 'x', expires_in: 60 }),
    lifeMs: HOUR,
    ended: 2 * HOUR,
  },
  honor: {
    refused: json({ code: 80_200_003 }),
    granted: json({ access_token: 'x', expires_in: 60 }),
    lifeMs: HOUR,
    ended: 2 * HOUR,
  },
  oppo: {
    refused: json({ code: 11 }),
    granted: json({ code: 0, data: { auth_token: 'x' } }),
    lifeMs: 24 * HOUR,
    ended: 25 * HOUR,
  },
  // It is asked again long before the day is over, as its documents advise.
  vivo: {
    refused: json({ result: 10_000 }),
    granted: json({ result: 0, authToken: 'x' }),
    lifeMs: 2 * HOUR,
    ended: 25 * HOUR,
  },
}

function json(body: unknown, status = 200): FakeAnswer {
  return { status, body }
}

let world: VendorWorld
beforeAll(async () => {
  world = await VendorWorld.start()
}, 30_000)
afterAll(() => world.stop())
beforeEach(() => world.clear())

/** Sends one; gives what is made of it, and how often the vendor was asked for a token and to send. */
async function sendCounting(name: string) {
  world.fakes.requests.length = 0
  const result = await world.send(name)
  const { grants, sends } = world.calls()
  return { kind: brief(result), grants: grants.length, sends: sends.length }
}

describe.each(Object.entries(SAYS))('%s', (name, { refused, granted, lifeMs, ended }) => {
  const grants = granted === undefined ? 0 : 1

  test('[PV2] what was granted has ended by the vendor’s clock: got anew once, and sent once more', async () => {
    await world.send(name)
    world.fakes.aheadMs = ended
    expect(await sendCounting(name)).toEqual({ kind: 'accepted', grants, sends: 2 })
    expect(await sendCounting(name)).toEqual({ kind: 'accepted', grants: 0, sends: 1 })
  })

  test.each([
    ['ahead', 2 * HOUR],
    ['behind', -2 * HOUR],
  ])('[PV2] a vendor whose clock is %s takes what we sign after its first refusal', async (_, aheadMs) => {
    await world.startClients()
    world.fakes.aheadMs = aheadMs
    const first = await sendCounting(name)
    expect(first.kind).toBe('accepted')
    // One refusal at most has told what the time is there.
    expect(first.grants).toBeLessThanOrEqual(2)
    expect(first.sends).toBe(name === 'apns' ? 2 : 1)
    expect(await sendCounting(name)).toEqual({ kind: 'accepted', grants: 0, sends: 1 })
  })

  test('[PV2] a vendor that refuses a fresh token as well is left alone', async () => {
    await world.send(name)
    world.fakes.force(name, refused, ...(granted === undefined ? [] : [granted]), refused)
    expect(await sendCounting(name)).toEqual({ kind: 'retryService', grants, sends: 2 })
    expect(await sendCounting(name)).toEqual({ kind: 'accepted', grants, sends: 1 })
  })

  test('[PV2] a token is kept until shortly before it ends, and none is used that has', async () => {
    const clock = new VirtualClock(systemClock.now())
    await world.startClients(clock)
    const pass = async (ms: number) => {
      await clock.pass(ms)
      world.fakes.aheadMs += ms
    }
    expect(await sendCounting(name)).toMatchObject({ kind: 'accepted', grants, sends: 1 })
    const before = authOf(world)
    await pass(0.85 * lifeMs)
    expect(await sendCounting(name)).toMatchObject({ kind: 'accepted', grants: 0, sends: 1 })
    expect(authOf(world)).toBe(before)
    await pass(0.1 * lifeMs)
    expect(await sendCounting(name)).toMatchObject({ kind: 'accepted', grants, sends: 1 })
    expect(authOf(world)).not.toBe(before)
    await world.startClients()
  })
})

/** By what the last call was believed. */
function authOf({ fakes }: VendorWorld): string {
  const { headers, text } = fakes.requests.at(-1)!
  return String(headers.authorization ?? headers.authtoken ?? new URLSearchParams(text).get('auth_token'))
}

describe.each(GRANTING)('%s', name => {
  test('[PV2] an access that is refused is renewed once, for all who wait', async () => {
    await world.send(name)
    world.spoil(name)
    world.fakes.requests.length = 0
    const results = await Promise.all(Array.from({ length: 3 }, () => world.send(name)))
    expect(results.map(brief)).toEqual(['accepted', 'accepted', 'accepted'])
    expect(world.calls().grants).toHaveLength(1)
  })

  test('[PV2] wrong credentials are the operator’s to mend, a busy grant is not; neither names a secret', async () => {
    await world.send(name)
    const { refused } = SAYS[name]!
    world.fakes.force(name, refused, json({ error: 1101, code: 14, result: 10_206 }, 400))
    const wrong = await world.send(name)
    expect(brief(wrong)).toBe('configError')
    world.fakes.force(name, json({}, 503))
    const busy = await world.send(name)
    expect(brief(busy)).toBe('retryService')
    expect(JSON.stringify([wrong, busy])).not.toContain(SECRET)
    expect(await sendCounting(name)).toEqual({ kind: 'accepted', grants: 1, sends: 1 })
  })
})

test.each([2 * HOUR, -2 * HOUR])(
  '[PV2] https: what is signed by the time there is believed (%i ms apart)',
  async ms => {
    await world.startClients()
    world.fakes.aheadMs = ms
    expect(await sendCounting('https')).toEqual({ kind: 'accepted', grants: 0, sends: 2 })
    expect(await sendCounting('https')).toEqual({ kind: 'accepted', grants: 0, sends: 1 })
  },
)

test('[PV2] https: a wrong secret is the operator’s to mend, and is not tried again', async () => {
  await world.send('https')
  world.fakes.force('https', json({ reason: 'bad signature' }, 401))
  expect(await sendCounting('https')).toEqual({ kind: 'configError', grants: 0, sends: 1 })
})
