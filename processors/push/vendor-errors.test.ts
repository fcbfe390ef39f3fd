import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { systemClock } from '../../infra/clock.ts'
import type { FakeAnswer } from '../../infra/local/push-fakes/fake.ts'
import { fcmError } from '../../infra/local/push-fakes/fake-fcm.ts'
import { brief, VendorWorld } from './testing/vendor-world.ts'
import type { ErrorTable } from './vendor.ts'
import { APNS_REASONS } from './vendor-apns.ts'
import { FCM_ERRORS } from './vendor-fcm.ts'
import { HONOR_ERRORS } from './vendor-honor.ts'
import { HUAWEI_ERRORS } from './vendor-huawei.ts'
import { MEIZU_ERRORS, MEIZU_TOKEN_ERRORS } from './vendor-meizu.ts'
import { OPPO_ERRORS } from './vendor-oppo.ts'
import { VIVO_ERRORS } from './vendor-vivo.ts'
import { XIAOMI_ERRORS } from './vendor-xiaomi.ts'

/** What is made of every answer that the vendors' documents name. */

let world: VendorWorld
beforeAll(async () => {
  world = await VendorWorld.start()
}, 30_000)
afterAll(() => world.stop())
beforeEach(() => world.clear())

type Meaning = ErrorTable[string]
/** The codes of each meaning, as the documents name them: written down here once more, as nobody else checks the tables. */
type Rows = Partial<Record<Meaning, string>>

interface Contract {
  table: Readonly<Record<string, Meaning>>
  answer(code: string): FakeAnswer
  rows: Rows
}

const json = (body: unknown, status = 200): FakeAnswer => ({ status, body })
const FCM_STATUS: Record<string, number> = {
  ...{ UNREGISTERED: 404, NOT_FOUND: 404, INVALID_ARGUMENT: 400, SENDER_ID_MISMATCH: 403, PERMISSION_DENIED: 403 },
  ...{ QUOTA_EXCEEDED: 429, UNAVAILABLE: 503, INTERNAL: 500, THIRD_PARTY_AUTH_ERROR: 401, UNAUTHENTICATED: 401 },
}

const CONTRACTS: Record<string, Contract> = {
  apns: {
    table: APNS_REASONS,
    answer: reason => json({ reason }, 400),
    rows: {
      invalidToken: 'BadDeviceToken DeviceTokenNotForTopic Unregistered ExpiredToken',
      configError: 'BadTopic TopicDisallowed MissingTopic InvalidProviderToken MissingProviderToken',
      rejected: 'BadExpirationDate BadCollapseId BadPriority InvalidPushType PayloadEmpty PayloadTooLarge',
      renew: 'ExpiredProviderToken',
      retry: 'TooManyRequests',
      retryService: 'TooManyProviderTokenUpdates InternalServerError ServiceUnavailable Shutdown',
    },
  },
  fcm: {
    table: FCM_ERRORS,
    answer: code => fcmError(FCM_STATUS[code]!, code),
    rows: {
      invalidToken: 'UNREGISTERED',
      rejected: 'INVALID_ARGUMENT',
      configError: 'SENDER_ID_MISMATCH THIRD_PARTY_AUTH_ERROR PERMISSION_DENIED NOT_FOUND',
      renew: 'UNAUTHENTICATED',
      retryService: 'QUOTA_EXCEEDED UNAVAILABLE INTERNAL',
    },
  },
  huawei: {
    table: HUAWEI_ERRORS,
    answer: code => json({ code, msg: 'x', requestId: 'r' }),
    rows: {
      accepted: '80000000',
      invalidToken: '80300007',
      renew: '80200001 80200003 80200005',
      rejected: '80100001 80100003 80100004 80100013 80100016 80100017 80300008 80300010',
      configError: '80300002 80300011',
      retryService: '80600003 81000001',
    },
  },
  honor: {
    table: HONOR_ERRORS,
    answer: code => json({ code: Number(code), message: 'x' }),
    rows: {
      accepted: '200 80000000',
      invalidToken: '80300007',
      renew: '80200001 80200003',
      rejected: '80100001 80100003 80100004 80300008 80300010',
      configError: '80300002',
      retryService: '80600003 81000001',
    },
  },
  xiaomi: {
    table: XIAOMI_ERRORS,
    answer: code => json({ result: 'error', code: Number(code), reason: 'x' }),
    rows: {
      accepted: '0',
      invalidToken: '10029 65003',
      rejected: '10031 10008 10016 10017 22102 26004 65009',
      configError: '21301 21303 22000 22006 22007 22022 27001',
      retryService: '10001 10002 10003 10012 10027',
      stopForDay: '10034',
    },
  },
  oppo: {
    table: OPPO_ERRORS,
    answer: code => json({ code: Number(code), message: 'x' }),
    rows: {
      accepted: '0',
      invalidToken: '10000',
      renew: '11',
      rejected: '40 41 51 59 67',
      configError: '12 14 15 16 17 18 19 25 26 27 28 29 30',
      retryService: '-1 -2 13 55',
      stopForDay: '33',
    },
  },
  vivo: {
    table: VIVO_ERRORS,
    answer: code => json({ result: Number(code), desc: 'x' }),
    rows: {
      accepted: '0',
      invalidToken: '10302',
      renew: '10000',
      rejected: '10050 10051 10054 10055 10056 10071 10085 10104',
      configError: '10094 10200 10201 10202 10203 10204 10205 10206 10207',
      retryService: '10040 10072 10250',
      stopForDay: '10070 10073 10252 10254',
    },
  },
  meizu: {
    table: MEIZU_ERRORS,
    answer: code => json({ code, message: 'x', value: {} }),
    rows: {
      accepted: '200',
      rejected: '1005 110004 110053',
      configError: '1006 110000 110001 110009',
      retryService: '500 1001 1003 110010',
    },
  },
}

const codesOf = (rows: Rows) =>
  Object.entries(rows).flatMap(([meaning, codes]) => codes.split(' ').map(code => [code, meaning as Meaning] as const))

describe.each(Object.entries(CONTRACTS))('%s', (name, { table, answer, rows }) => {
  test.each(codesOf(rows))('[PV1] %s is %s', async (code, meaning) => {
    await world.send(name)
    const result = await world.answered(name, answer(code))
    // What is renewed is sent once more, and taken then.
    if (meaning === 'renew' || meaning === 'accepted') expect(result.kind).toBe('accepted')
    else if (meaning !== 'stopForDay') expect(brief(result)).toBe(meaning)
    else expect(untilTomorrowInChina(result)).toBeLessThan(60_000)
  })

  test('[PV1] its table has these codes and no others', () => {
    expect(Object.keys(table).sort()).toEqual(
      codesOf(rows)
        .map(([code]) => code)
        .sort(),
    )
  })

  test('[PV1] a code that nobody knows is refused for good, and said', async () => {
    await world.send(name)
    const unknown = name === 'fcm' ? fcmError(400, 'NEW_CODE') : answer(name === 'apns' ? 'NewReason' : '7654321')
    const result = await world.answered(name, unknown)
    expect(result).toMatchObject({ kind: 'rejected', reason: expect.stringMatching(/NEW_CODE|NewReason|7654321/) })
  })
})

/** By how much the pause that is asked for misses the end of the day there, in ms. */
function untilTomorrowInChina(result: object): number {
  expect(result).toMatchObject({ kind: 'retry', scope: 'service' })
  const tomorrow = 86_400_000 - ((systemClock.now() + 8 * 3_600_000) % 86_400_000)
  return Math.abs((result as { afterMs: number }).afterMs - tomorrow)
}

describe('of single devices', () => {
  test('[PV1] apns tells since when a token is dead', async () => {
    const answer = json({ reason: 'Unregistered', timestamp: 77 }, 410)
    expect(await world.answered('apns', answer)).toEqual({
      kind: 'invalidToken',
      reason: '410 Unregistered',
      before: 77,
    })
  })

  test('[PV1] xiaomi 20301 is a dead token only where there was one', async () => {
    expect(brief(await world.answered('xiaomi', json({ code: 20_301, reason: 'x' })))).toBe('invalidToken')
    world.fakes.force('xiaomi', json({ code: 20_301, reason: 'x' }))
    const results = await world.vendor('xiaomi').send([world.message(), world.message()])
    expect(results.map(brief)).toEqual(['rejected', 'rejected'])
  })

  const meizu: Rows = { invalidToken: '110002 110003', rejected: '110005 201', retry: '501 513 519 520' }
  test.each(codesOf(meizu))('[PV1] meizu %s is %s', async (code, meaning) => {
    const [one, other] = [world.message(), world.message()]
    world.fakes.force('meizu', json({ code: '200', value: { [code]: [one.token] } }))
    expect((await world.vendor('meizu').send([one, other])).map(brief)).toEqual([meaning, 'accepted'])
    expect(Object.keys(MEIZU_TOKEN_ERRORS)).toContain(code)
  })

  test.each([
    [1, 'invalidToken'],
    [2, 'rejected'],
    [3, 'rejected'],
    [4, 'rejected'],
  ])('[PV1] vivo, a user of status %i, is %s', async (status, meaning) => {
    await world.send('vivo')
    const invalidUser = { userid: 'x', status }
    expect(brief(await world.answered('vivo', json({ result: 0, desc: 'ok', taskId: 'v1', invalidUser })))).toBe(
      meaning,
    )
  })

  test('[PV1] oppo tells of each message of a call', async () => {
    await world.send('oppo')
    const errors = [0, 10_000, 55, 67]
    const data = errors.map(errorCode => ({ messageId: 'm', registrationId: 'x', errorCode, errorMessage: 'x' }))
    world.fakes.force('oppo', json({ code: 0, data }))
    const results = await world.vendor('oppo').send(errors.map(() => world.message()))
    expect(results.map(brief)).toEqual(['accepted', 'invalidToken', 'retryService', 'rejected'])
  })
})
