import { afterAll, beforeAll, expect, test } from 'vitest'
import { systemClock, systemRandom } from '../../infra/clock.ts'
import { makePackId, type SessionId, type UserId } from '../../schemas/ids.ts'
import { startProduct, type TestProduct } from '../product.ts'
import { RawClient } from './gateway-raw-client.ts'

/** Two gateways, the real sequencer, the real views: what foreign clients see when they move and when they err. */

let product: TestProduct
let wsUrls: string[]

beforeAll(async () => {
  product = await startProduct({ together: true })
  const second = await product.add('gateway-2', ['gateway'])
  wsUrls = [product.wsUrl, second.wsUrl]
}, 120_000)

afterAll(() => product?.stop(), 60_000)

async function open(user: string, { at = 0, deviceId = 'd1', subprotocol = 'json' as 'json' | 'avro' } = {}) {
  const client = new RawClient({ wsUrl: wsUrls[at]!, token: await product.token(user), deviceId, subprotocol })
  await client.until(() => client.of('welcome').length === 1)
  return client
}

/** The first page of a session, asked for until the history view, which is behind the log, has the session up to `seq`. */
async function pageUpTo(client: RawClient, sessionId: SessionId, seq: number) {
  for (let requestId = 1; ; requestId++) {
    client.send({ type: 'history', requestId, sessionId, afterSeq: 0 })
    await client.until(() => client.of('page').length === requestId)
    const page = client.of('page').at(-1)!
    if (page.lastSeq >= seq) return page
  }
}

const range = (from: number, to: number) => Array.from({ length: to - from + 1 }, (_, i) => from + i)

test.each(['json', 'avro'] as const)(
  '[RS13] a %s client that moves between gateways misses nothing and gets nothing twice',
  async subprotocol => {
    const [sender, mover] = [`sender-${subprotocol}`, `mover-${subprotocol}`]
    const chat = `s:${mover}:${sender}` as SessionId
    const alice = await open(sender)
    const received: number[] = []
    const MOVES = 12
    const PER_MOVE = 60
    for (let move = 0; move < MOVES; move++) {
      const bob = await open(mover, { at: move % 2, subprotocol })
      bob.send({ type: 'resume', requestId: 1, sessions: [{ sessionId: chat, seq: received.at(-1) ?? 0 }] })
      for (let i = 0; i < PER_MOVE; i++) alice.say(chat, `${move} ${i}`)
      // Leaves in the middle of it, at another place every time.
      const enough = Math.floor((PER_MOVE * (move + 1)) / MOVES)
      await bob.until(() => bob.seqs(chat).length >= enough)
      bob.drop()
      received.push(...bob.seqs(chat))
      expect([...bob.of('gap'), ...bob.of('reset'), ...bob.of('failed')]).toEqual([])
    }
    const last = await open(mover, { at: 1, subprotocol })
    last.send({ type: 'resume', requestId: 1, sessions: [{ sessionId: chat, seq: received.at(-1)! }] })
    const total = MOVES * PER_MOVE
    await last.until(() => last.seqs(chat).at(-1) === total || received.at(-1) === total)
    received.push(...last.seqs(chat))
    expect(received).toEqual(range(1, total))
    await alice.until(() => alice.of('ack').length === total)
    expect(alice.of('ack').map(({ seq }) => seq)).toEqual(range(1, total))
    alice.drop()
    last.drop()
  },
)

test('[GW42] members come and go on two gateways: each gets what lies in their stay, and no more', async () => {
  const [owner, guest] = [await open('owner'), await open('guest', { at: 1 })]
  const fresh = () => makePackId(systemClock.now(), systemRandom.bytes(10))
  const groupId = fresh().replaceAll('-', '')
  const group = `g:${groupId}` as SessionId
  owner.send({ type: 'createGroup', packId: fresh(), groupId, info: { name: 'g' }, members: [] })
  owner.say(group, '2')
  owner.send({ type: 'addMembers', packId: fresh(), sessionId: group, userIds: ['guest' as UserId] })
  owner.say(group, '4')
  await guest.until(() => guest.seqs(group).length === 2)
  guest.say(group, '5')
  await guest.until(() => guest.of('ack').length === 1)
  owner.send({ type: 'removeMembers', packId: fresh(), sessionId: group, userIds: ['guest' as UserId] })
  await guest.until(() => guest.seqs(group).includes(6))
  owner.say(group, '7')
  await owner.until(() => owner.of('ack').some(ack => ack.sessionId === group && ack.seq === 7))
  guest.say(group, 'refused')
  await guest.until(() => guest.of('refused').length === 1)
  expect(guest.of('refused')).toMatchObject([{ sessionId: group, name: 'GROUP_USER_NOT_EXIST' }])
  expect(guest.seqs(group)).toEqual([3, 4, 6])
  const page = await pageUpTo(guest, group, 6)
  expect(page).toMatchObject({ lastSeq: 6, more: false })
  expect(page.events.map(({ seq }) => seq)).toEqual([3, 4, 5, 6])
  const stranger = await open('stranger')
  stranger.send({ type: 'history', requestId: 1, sessionId: group, afterSeq: 0 })
  await stranger.until(() => stranger.of('failed').length === 1)
  expect(stranger.of('failed')).toMatchObject([{ name: 'HISTORY_DENIED' }])
  for (const client of [owner, guest, stranger]) client.drop()
})

test('[GW43] bad input is answered with a code or closes its own connection; everyone else is undisturbed', async () => {
  const witness = await open('witness')
  const peer = await open('peer', { at: 1 })
  const chat = 's:peer:witness' as SessionId
  const bad = await open('bad')
  bad.sendRaw('nonsense')
  bad.sendRaw('{"type":"send"}')
  bad.sendRaw('['.repeat(10_000))
  bad.say(chat, 'not mine')
  bad.say('g:no-such-group' as SessionId, 'nowhere')
  await bad.until(() => bad.of('error').length + bad.of('refused').length === 5)
  expect(bad.of('error').map(({ name }) => name)).toEqual(['PROTOCOL', 'PARAM', 'PROTOCOL'])
  expect(bad.of('refused').map(({ retry }) => retry)).toEqual(['never', 'never'])
  bad.sendRaw('x'.repeat(600_000))
  expect((await bad.closed).code).toBe(1009)
  const long = await open('bad')
  long.say('s:bad:witness' as SessionId, 'x'.repeat(100_000))
  await long.until(() => long.of('refused').length === 1)
  expect(long.of('refused')).toMatchObject([{ name: 'MSG_TOO_LONG' }])
  const forged = new RawClient({ wsUrl: wsUrls[0]!, token: 'a.b.c', deviceId: 'd', subprotocol: 'json' })
  expect((await forged.closed).code).toBe(4021)
  peer.say(chat, 'hello')
  await witness.until(() => witness.seqs(chat).length === 1)
  expect(witness.frames.map(({ type }) => type)).toEqual(['welcome', 'event'])
  for (const client of [witness, peer, long]) client.drop()
})
