import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { Client } from '../../client/network/client.ts'
import type { PackAnswer } from '../../client/network/pending-packs.ts'
import { openWsTransport } from '../../client/network/ws-transport.ts'
import { systemClock, systemRandom } from '../../infra/clock.ts'
import { HISTORY_DEFAULTS } from '../../processors/history/history-store.ts'
import { makePackId, type PackId, singleSessionId, type UserId } from '../../schemas/ids.ts'
import { Flag } from '../../schemas/pack.ts'
import { pause } from '../pause.ts'
import { startProduct, type TestProduct } from '../product.ts'
import { RawClient } from './gateway-raw-client.ts'

/** Packs that are too old for the window, on real parts: what became of them is known for as long as the archive is. */

const session = singleSessionId('ann' as UserId, 'bo' as UserId)
const WINDOW_MS = 2_000
const TWO_HOURS_MS = 7_200_000

let dir: string
let product: TestProduct
const open: RawClient[] = []

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'packlog-outcome-'))
  const rulesFile = join(dir, 'rules.json')
  await writeFile(rulesFile, JSON.stringify({ version: 1, dedupeWindowMs: WINDOW_MS }))
  product = await startProduct({ together: true, env: { PACKLOG_RULES_FILE: rulesFile } })
}, 120_000)

afterAll(async () => {
  for (const client of open) client.drop()
  await product?.stop()
  await rm(dir, { recursive: true, force: true })
}, 60_000)

async function raw(wsUrl = product.wsUrl): Promise<RawClient> {
  const client = new RawClient({ wsUrl, token: await product.token('ann'), deviceId: 'raw', subprotocol: 'json' })
  open.push(client)
  await client.until(() => client.of('welcome').length > 0)
  return client
}

/** Asks until it is known. */
async function outcomeOf(client: RawClient, packId: PackId) {
  for (let requestId = 1; ; requestId++) {
    const answered = client.frames.length
    client.send({ type: 'outcome', requestId, sessionId: session, packId })
    await client.until(() => client.frames.slice(answered).some(({ type }) => type === 'outcome' || type === 'failed'))
    const answer = client.frames.slice(answered).find(({ type }) => type === 'outcome' || type === 'failed')
    if (answer?.type === 'outcome') return answer
    expect(answer).toMatchObject({ name: 'VIEW_BEHIND' })
    await pause()
  }
}

test('[GW34] a pack that history and the window have forgotten is found in the archive', async () => {
  const client = await raw()
  const first = client.say(session, 'the first')
  await client.until(() => client.of('ack').length === 1)
  for (let sent = 1; sent <= HISTORY_DEFAULTS.eventsPerSessionMax; ) {
    const burst = Math.min(100, HISTORY_DEFAULTS.eventsPerSessionMax + 1 - sent)
    for (let i = 0; i < burst; i++) client.say(session, `message ${sent + i}`)
    sent += burst
    await client.until(() => client.of('ack').length + client.of('refused').length === sent)
  }
  expect(client.of('refused')).toEqual([])

  // Log time has to pass the window: whoever sends the old packId again is told EXPIRED from then on.
  const resend = () =>
    client.send({
      type: 'send',
      packId: first,
      sessionId: session,
      flags: 4,
      content: { kind: 'Text', text: 'the first' },
    })
  for (let tries = 1; client.of('refused').length === 0; tries++) {
    resend()
    await client.until(
      () => client.of('refused').length > 0 || client.of('ack').filter(ack => ack.repeated).length === tries,
    )
    await pause()
  }
  expect(client.of('refused')).toMatchObject([{ packId: first, name: 'EXPIRED', retry: 'new' }])

  expect(await outcomeOf(client, first)).toMatchObject({ found: true, code: 0, seq: 1, count: 1 })
  const never = makePackId(systemClock.now() - TWO_HOURS_MS, systemRandom.bytes(10))
  expect(await outcomeOf(client, never)).toMatchObject({ found: false })
}, 120_000)

test('[GW34] while the archive is down nobody is told that a pack never took effect', async () => {
  const { wsUrl } = await product.add('gateway-2', ['gateway'], { CLICKHOUSE_URL: 'http://127.0.0.1:1' })
  const client = await raw(wsUrl)
  const never = makePackId(systemClock.now() - TWO_HOURS_MS, systemRandom.bytes(10))
  client.send({ type: 'outcome', requestId: 1, sessionId: session, packId: never })
  await client.until(() => client.of('failed').length > 0)
  expect(client.of('failed')).toMatchObject([{ name: 'DB_ERROR', retry: 'same' }])
})

test('[CL17] a message that was written two hours ago is sent once, under a new packId', async () => {
  const options = {
    url: product.wsUrl,
    token: () => product.token('ann'),
    deviceType: 'linux',
    deviceId: 'late',
    open: openWsTransport,
    random: systemRandom,
  } as const
  // Written before there was a connection, by a clock that was right two hours ago.
  const client = new Client({ ...options, clock: { ...systemClock, now: () => systemClock.now() - TWO_HOURS_MS } })
  const { packId, answer } = client.submit({
    type: 'send',
    sessionId: session,
    flags: Flag.COUNTER,
    content: { kind: 'Text', text: 'late' },
  })
  client.start()
  const accepted: PackAnswer = await answer
  client.close()
  expect(accepted).toMatchObject({ kind: 'Accepted', sessionId: session })
  expect(accepted.packId).not.toBe(packId)
})
