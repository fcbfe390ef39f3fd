import { randomUUID } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { systemClock, systemRandom } from '../../infra/clock.ts'
import { CloseCode } from '../../schemas/close-codes.ts'
import { Code, type CodeName } from '../../schemas/codes.ts'
import type { PackFrame } from '../../schemas/frames.ts'
import {
  type GroupId,
  groupSessionId,
  makePackId,
  type SessionId,
  singleSessionId,
  type UserId,
} from '../../schemas/ids.ts'
import { startProduct, type TestProduct } from '../product.ts'
import { Device } from './device.ts'

/**
 * Every code that a client can provoke is provoked through the public protocol, here or in the story that is named;
 * every kind of pack is sent in a story. The compiler sees to it that none is forgotten.
 */

type Provocation =
  /** Gives the name of the refusal that came. */
  { by: (people: People) => Promise<string> } | { story: string } | { never: string }

interface People {
  ann: Device
  bo: Device
  cy: Device
  id(name: 'ann' | 'bo' | 'cy'): UserId
  /** The single chat of ann and bo. */
  chat: SessionId
  /** A new group of ann's with bo in it. */
  group(settings?: Extract<PackFrame, { type: 'createGroup' }>['settings']): Promise<SessionId>
}

const MINUTE_MS = 60_000
const text = { kind: 'Text', text: 'hello' } as const
const asUser = (name: string) => name as UserId

const PROVOKED: Record<Exclude<CodeName, 'SUCCESS'>, Provocation> = {
  PROTOCOL: { by: ({ ann }) => broken(ann, '{"type":"nothing"}') },
  PARAM: { by: ({ ann }) => broken(ann, '{"type":"send"}') },
  UNKNOWN: { never: 'stands for a code of a newer server that a client does not know' },
  DB_ERROR: { never: 'ClickHouse has to be down: tests/flow and gateway/ws/targets.test.ts' },
  SERVICE_UNAVAILABLE: { never: 'a gateway has to be draining: gateway/core-lifecycle.test.ts' },
  SERVER_REFUSED: { never: 'answers a verdict of a gateway that names no code of ours' },
  SERVER_EXCEPTION: { never: 'reserved: a broken invariant ends the process' },
  MEMORY: { never: 'reserved' },
  SENSITIVE_MATCH: { story: 'messages' },
  REDIS_ERROR: { never: 'Redis has to be down: gateway/ws/questions.test.ts' },
  BAD_CLIENT_IDENTITY: { by: ({ id }) => refusedLogin(id('ann'), 'x'.repeat(200)) },
  BAD_CREDENTIALS: { by: ({ id }) => refusedLogin(id('ann'), 'phone', 'a.b.c') },
  KICKED_OUT: { by: people => kicked(people) },
  LEGAL_HOLD: { never: 'only operators and apps erase: tests/flow/erase.flow.test.ts' },
  NOT_EXIST: { never: 'keys and jobs of apps, over HTTP: decide-app.test.ts' },
  ACCESS_DENIED: { never: 'only operators set rules, and no frame says so: decide.test.ts' },
  THIRD_PARTY_REJECT: { never: 'a third party has to be configured: gateway/auth/third-party.test.ts' },
  HOTSESSION_MORE: { never: 'is said by `more` of the frame `sessions`' },
  HOTSESSION_FAILED: { never: 'Redis has to be down: gateway/ws/questions.test.ts' },
  HISTORY_ERROR: { never: 'Redis has to be down: gateway/ws/questions.test.ts' },
  HISTORY_DENIED: { by: ({ cy, chat }) => failed(cy, chat) },
  GROUP_USER_NOT_EXIST: { by: async ({ cy, group }) => cy.outcome({ type: 'quitGroup', sessionId: await group() }) },
  GROUP_ID_EMPTY: { never: 'a frame without a group id is PARAM, and createGroup makes one' },
  GROUP_EMPTY: {
    by: async ({ ann, group }) => ann.outcome({ type: 'addMembers', sessionId: await group(), userIds: [] }),
  },
  GROUP_NO_PRIVILEGE: { by: async ({ bo, group }) => bo.outcome({ type: 'dismissGroup', sessionId: await group() }) },
  MEMBER_LIMIT: {
    by: async ({ ann, id, group }) =>
      ann.outcome({ type: 'addMembers', sessionId: await group({ membersMax: 2 }), userIds: [id('cy')] }),
  },
  GROUP_NOT_EXIST: { by: ({ ann }) => ann.outcome({ type: 'quitGroup', sessionId: 'g:nowhere' as SessionId }) },
  CREATOR_ERROR: { by: async ({ ann, group }) => ann.outcome({ type: 'quitGroup', sessionId: await group() }) },
  MSG_TOO_SHORT: { by: ({ ann, chat }) => say(ann, chat, { kind: 'Text', text: '' }) },
  MSG_TOO_LONG: { by: ({ ann, chat }) => say(ann, chat, { kind: 'Text', text: 'x'.repeat(100_000) }) },
  MSG_INVALID_FORMAT: { by: ({ ann, chat }) => say(ann, chat, { kind: 'Custom', type: 'note', data: '{' }) },
  MSG_FORBIDDEN: { by: ({ cy, chat }) => say(cy, chat, text) },
  MSG_NOT_EXIST: { story: 'messages' },
  MSG_TIMEOUT: { never: 'Kafka has to be away: gateway/core.test.ts' },
  MSG_REPEATED: { story: 'messages' },
  MSG_OP_CMD: { never: 'of packs of partner apps only: decide-undecided.test.ts' },
  USER_RELATION_INVALID: { story: 'users' },
  BLACKLIST: { story: 'users' },
  VERSION: { never: 'a subprotocol that the server does not speak ends the handshake with HTTP 400' },
  USER_ATTRIBUTE: { story: 'users' },
  SESSION_ATTRIBUTE: { story: 'reading' },
  NOT_CONNECTED: { never: 'is what a client says itself: client/network/client.test.ts' },
  TOO_LATE: { story: 'messages' },
  PACK_CONFLICT: {
    by: async ({ ann, chat }) => {
      const packId = ann.newPackId()
      await ann.outcome({ type: 'send', packId, sessionId: chat, flags: 4, content: text })
      return ann.outcome({ type: 'send', packId, sessionId: chat, flags: 4, content: { kind: 'Text', text: 'other' } })
    },
  },
  EXPIRED: { by: ({ ann, chat }) => sayAt(ann, chat, -120 * MINUTE_MS) },
  NO_PRIVILEGE: { story: 'messages' },
  RATE_LIMITED: { story: 'users' },
  SLOW_MODE: {
    by: async ({ bo, group }) => {
      const sessionId = await group({ slowModeMs: 10 * MINUTE_MS })
      expect(await say(bo, sessionId, text)).toBe('ack')
      return once(bo, sessionId)
    },
  },
  MUTED: { by: async ({ bo, group }) => say(bo, await group({ mutedAll: true }), text) },
  OVERLOADED: { never: 'the log has to be behind: gateway/core.test.ts' },
  MISROUTED: { never: 'of records that no gateway wrote: tests/flow/strangers.flow.test.ts' },
  UNREADABLE: { never: 'of records that no gateway wrote: tests/flow/strangers.flow.test.ts' },
  PACK_FROM_FUTURE: { by: ({ ann, chat }) => sayAt(ann, chat, 30 * MINUTE_MS) },
  GROUP_EXISTS: {
    by: async ({ ann, group }) => {
      const groupId = (await group()).slice('g:'.length)
      return ann.outcome({ type: 'createGroup', groupId, info: { name: 'again' }, members: [] })
    },
  },
  ALREADY_MEMBER: {
    by: async ({ ann, id, group }) =>
      ann.outcome({ type: 'addMembers', sessionId: await group(), userIds: [id('bo')] }),
  },
  VIEW_BEHIND: { never: 'a view has to stand still: gateway/ws/outcomes.test.ts' },
  FRAME_TOO_LARGE: {
    by: async ({ ann }) => {
      ann.sendRaw('x'.repeat(600_000))
      return closedBy(await ann.closed)
    },
  },
  INVITE_INVALID: {
    by: async ({ cy, group }) => {
      const sessionId = await group({ joinPolicy: 'inviteOnly' })
      return cy.outcome({ type: 'joinGroup', sessionId, invite: { inviteId: 'none', secret: 'none' } })
    },
  },
  REQUEST_NOT_EXIST: {
    by: async ({ ann, id, group }) =>
      ann.outcome({ type: 'answerJoin', sessionId: await group(), userId: id('cy'), approved: true }),
  },
  LIMIT_REACHED: {
    by: async ({ ann, id, group }) => {
      const sessionId = await group()
      await ann.outcome({ type: 'addMembers', sessionId, userIds: [id('cy')] })
      return ann.outcome({ type: 'setRole', sessionId, userIds: [id('bo'), id('cy')], role: 'admin' })
    },
  },
}

/** Every kind of pack, and the story in which it is accepted. */
const SENT: Record<PackFrame['type'], string> = {
  send: 'messages',
  revoke: 'messages',
  override: 'messages',
  deleteForAll: 'messages',
  addReaction: 'messages',
  removeReaction: 'messages',
  markRead: 'reading',
  markDelivered: 'reading',
  clearSession: 'reading',
  deleteForMe: 'reading',
  setSessionAttributes: 'reading',
  createGroup: 'groups',
  joinGroup: 'groups',
  quitGroup: 'groups',
  dismissGroup: 'groups',
  addMembers: 'groups',
  removeMembers: 'groups',
  updateGroupInfo: 'groups',
  updateGroupSettings: 'groups',
  changeOwner: 'groups',
  setRole: 'groups',
  answerJoin: 'groups',
  createInvite: 'groups',
  revokeInvite: 'groups',
  muteMember: 'groups',
  setAlias: 'groups',
  requestFriend: 'users',
  acceptFriend: 'users',
  refuseFriend: 'users',
  deleteFriend: 'users',
  remarkFriend: 'users',
  blockUser: 'users',
  unblockUser: 'users',
  updateProfile: 'users',
  updateSettings: 'users',
  setUserAttributes: 'users',
  logout: 'users',
  registerDevice: 'push',
  unregisterDevice: 'push',
  reportPushOpened: 'push',
}

/** As few as may be, so that one more is too many. */
const ADMINS_MAX = 1

let folder: string
let product: TestProduct
const devices: Device[] = []

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'packlog-codes-'))
  const rulesFile = join(folder, 'rules.json')
  await writeFile(rulesFile, JSON.stringify({ version: 1, groupAdminsMax: ADMINS_MAX }))
  product = await startProduct({ together: true, env: { PACKLOG_RULES_FILE: rulesFile } })
}, 120_000)

afterEach(() => {
  for (const device of devices.splice(0)) device.drop()
})

afterAll(async () => {
  await product?.stop()
  await rm(folder, { recursive: true, force: true })
}, 60_000)

describe('every code that a client can provoke', () => {
  const here = Object.entries(PROVOKED).flatMap(([name, how]) => ('by' in how ? [{ name, by: how.by }] : []))
  test.each(here)('[E2E7] $name', async ({ name, by }) => {
    expect(await by(await people())).toBe(name)
  })

  const elsewhere = Object.entries(PROVOKED).flatMap(([name, how]) => ('story' in how ? [{ name, ...how }] : []))
  test.each(elsewhere)('[E2E7] $name is in the stories of $story', ({ name, story }) => {
    expect(storyText(story)).toContain(`'${name}'`)
  })

  test.each(Object.entries(SENT))('[E2E7] %s is sent in the stories of %s', (type, story) => {
    expect(storyText(story)).toContain(`'${type}'`)
  })
})

function storyText(story: string): string {
  return readFileSync(new URL(`./${story}.e2e.test.ts`, import.meta.url), 'utf8')
}

/** People whom nobody has met before. */
async function people(): Promise<People> {
  const tag = randomUUID().slice(0, 8)
  const id = (name: 'ann' | 'bo' | 'cy') => asUser(`${name}-${tag}`)
  const [ann, bo, cy] = await Promise.all((['ann', 'bo', 'cy'] as const).map(name => Device.connect(product, id(name))))
  devices.push(ann!, bo!, cy!)
  const group: People['group'] = async settings => {
    const groupId = randomUUID().replaceAll('-', '')
    const members = [id('bo')]
    const create = { type: 'createGroup', groupId, info: { name: 'team' }, members } as const
    expect(await ann!.outcome(settings === undefined ? create : { ...create, settings })).toBe('ack')
    return groupSessionId(groupId as GroupId)
  }
  return { ann: ann!, bo: bo!, cy: cy!, id, chat: singleSessionId(id('ann'), id('bo')), group }
}

function say(device: Device, sessionId: SessionId, content: Extract<PackFrame, { type: 'send' }>['content']) {
  return device.outcome({ type: 'send', sessionId, flags: 4, content })
}

/** A message whose packId was made so long from now. A refusal for the moment is not sent again. */
function sayAt(device: Device, sessionId: SessionId, aheadMs: number): Promise<string> {
  return once(device, sessionId, makePackId(systemClock.now() + aheadMs, systemRandom.bytes(10)))
}

async function once(device: Device, sessionId: SessionId, packId = device.newPackId()): Promise<string> {
  device.send({ type: 'send', packId, sessionId, flags: 4, content: text })
  const refusal = () => device.of('refused').find(frame => frame.packId === packId)
  await device.until(() => refusal() !== undefined)
  return refusal()!.name
}

async function broken(device: Device, frame: string): Promise<string> {
  device.sendRaw(frame)
  await device.until(() => device.of('error').length > 0)
  return device.of('error')[0]!.name
}

async function failed(device: Device, sessionId: SessionId): Promise<string> {
  const answer = await device.ask({ type: 'history', sessionId, afterSeq: 0 })
  return answer.type === 'failed' ? answer.name : answer.type
}

/** The outcome of the code that the server closed with. */
function closedBy({ code }: { code: number }): string {
  return Object.values(CloseCode).find(close => close.code === code)?.outcome ?? String(code)
}

async function refusedLogin(user: string, deviceId: string, token?: string): Promise<string> {
  const device = new Device({
    wsUrl: product.wsUrl,
    token: token ?? (await product.token(user)),
    deviceId,
    subprotocol: 'json',
  })
  devices.push(device)
  return closedBy(await device.closed)
}

/** The same device once more. */
async function kicked({ ann, id }: People): Promise<string> {
  devices.push(await Device.connect(product, id('ann')))
  return closedBy(await ann.closed)
}

test('[E2E7] each code has its own number', () => {
  const numbers = Object.values(Code).map(({ number }) => number)
  expect(new Set(numbers).size).toBe(numbers.length)
})
