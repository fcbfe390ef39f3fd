import { dirname, join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { PartnerApi } from '../../client/api/partner-api.ts'
import { BUILT_MAIN } from '../../infra/local/roles.ts'
import { startProduct, type TestProduct } from '../product.ts'
import { runNode } from '../run-command.ts'

const DEMO = join(dirname(BUILT_MAIN), 'bench', 'demo', 'main.js')
const PRODUCT_MS_MAX = 120_000
const POLL = { timeout: 20_000, interval: 500 }

let product: TestProduct

beforeAll(async () => {
  product = await startProduct({ together: true })
}, PRODUCT_MS_MAX)

afterAll(() => product?.stop(), PRODUCT_MS_MAX)

test('[DM3] the demo fills the product and proves that everybody got every message, once and in order', async () => {
  const { code, stdout } = await runNode([DEMO, '--people', '60', '--seconds', '6'], { env: product.env })
  expect(stdout).toContain('proven: everybody got every message, once and in order')
  expect(code).toBe(0)
})

test('[DM4] after the demo people have names and pictures, and the host of the evening has chats with all that a chat can hold', async () => {
  const { stdout } = await runNode([DEMO, '--people', '24', '--seconds', '2', '--seed', '9'], { env: product.env })
  const host = /log in as (\S+)/.exec(stdout)![1]!
  const tag = host.split('.')[1]!
  const api = (key: string) => new PartnerApi({ url: product.httpUrl, key })
  const { users } = await api(product.adminKey).call('listUsers', { query: { limit: 100 } })
  const ours = users.filter(({ userId }) => userId.endsWith(tag))
  expect(ours).toHaveLength(24)
  expect(ours.every(({ profile }) => /\S \S|^\S{2,}/.test(profile!.name) && profile!.avatar.startsWith('data:'))).toBe(
    true,
  )
  const me = api(await product.token(host))
  const chats = async () => (await me.call('listSessions', {})).sessions
  const isHikers = ({ sessionId }: { sessionId: string }) => sessionId === `g:hikers.${tag}`
  // The views may be a moment behind.
  await expect.poll(async () => (await chats()).find(isHikers), POLL).toMatchObject({ unread: 2, mentions: 1 })
  expect((await chats()).filter(({ sessionId }) => sessionId.startsWith('g:')).length).toBeGreaterThanOrEqual(3)
  const { events } = await me.call('listEvents', { params: { sessionId: `g:hikers.${tag}` }, query: { afterSeq: 0 } })
  const contents = events.flatMap(({ body }) => (body.kind === 'MessageAccepted' ? [body] : []))
  expect(contents.map(({ content }) => content.kind)).toEqual(expect.arrayContaining(['Text', 'Removed', 'Location']))
  expect(contents.some(({ extra }) => extra?.quote !== undefined)).toBe(true)
  expect(events.some(({ state }) => state?.change === 'edited')).toBe(true)
  expect(events.some(({ reactions }) => reactions !== undefined)).toBe(true)
  const relations = async () => (await me.call('listFriends', {})).friends.map(({ relation }) => relation).toSorted()
  await expect.poll(relations, POLL).toEqual(['asked', 'friend', 'friend', 'friend'])
})

test('[DM3] one suppressed delivery makes it exit 1, and is named', async () => {
  const run = await runNode([DEMO, '--people', '24', '--seconds', '3', '--suppress-one'], { env: product.env })
  expect(run.stdout).toMatch(/live: missing: \S+ did not get \S+ #\d+ of /)
  expect(run.stdout.match(/missing: /g)).toHaveLength(1)
  expect(run.stdout).toContain('NOT proven')
  expect(run.code).toBe(1)
})

test('[DM3] without a server it says what to do and ends with 2', async () => {
  const run = await runNode([DEMO, '--people', '4', '--url', 'ws://127.0.0.1:1/v1/ws'], { env: product.env })
  expect(run.stderr).toContain('npm start')
  expect(run.code).toBe(2)
})
