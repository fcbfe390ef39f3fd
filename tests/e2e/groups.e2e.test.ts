import { createHash, randomUUID } from 'node:crypto'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { systemClock, systemRandom } from '../../infra/clock.ts'
import type { ClientFrame, EventFrame, PackFrame, QuestionFrame, ServerFrame } from '../../schemas/frames.ts'
import {
  type GroupId,
  groupSessionId,
  makePackId,
  type PackId,
  type SessionId,
  type UserId,
} from '../../schemas/ids.ts'
import type { GroupSettings } from '../../schemas/settings.ts'
import { RawClient } from '../flow/gateway-raw-client.ts'
import { pause } from '../pause.ts'
import { startProduct, type TestProduct } from '../product.ts'
import { runCommand } from '../run-command.ts'

/** Stories about groups, through the public protocol only: half of the people speak JSON, half Avro, on two gateways. */

type Without<Frame, Key extends string> = Frame extends unknown ? Omit<Frame, Key> : never
type Said = Without<PackFrame, 'packId'>
type Asked = Without<Exclude<QuestionFrame, { type: 'resume' }>, 'requestId'>
type Answer = Extract<ServerFrame, { type: 'ack' | 'refused' }>

const PRODUCT_MS_MAX = 120_000
/** Members that one pack adds, and as many as the rules of this product let a group have besides a few. */
const MANY = 5_000

let product: TestProduct
let secondUrl: string
let rulesDir: string
const people: Person[] = []

beforeAll(async () => {
  rulesDir = await mkdtemp(join(tmpdir(), 'packlog-rules-'))
  const rulesFile = join(rulesDir, 'rules.json')
  await writeFile(rulesFile, JSON.stringify({ version: 1, groupMembersMax: 100_000, groupAdminsMax: 2 }))
  product = await startProduct({ together: true, env: { PACKLOG_RULES_FILE: rulesFile } })
  secondUrl = (await product.add('gateway-2', ['gateway'])).wsUrl
}, PRODUCT_MS_MAX)

afterEach(() => {
  for (const { client } of people.splice(0)) client.drop()
})

afterAll(async () => {
  await product?.stop()
  await rm(rulesDir, { recursive: true, force: true })
}, PRODUCT_MS_MAX)

/** Somebody with one device. */
class Person {
  readonly me: UserId
  readonly client: RawClient
  private requests = 0

  constructor(me: UserId, client: RawClient) {
    this.me = me
    this.client = client
    people.push(this)
  }

  /** Sends a pack and gives its answer. */
  async run(said: Said | object, packId: PackId = newPackId()): Promise<Answer> {
    const answers = () =>
      this.client.frames.filter((frame): frame is Answer => {
        return (frame.type === 'ack' || frame.type === 'refused') && frame.packId === packId
      })
    const before = answers().length
    this.client.send({ ...said, packId } as ClientFrame)
    await this.client.until(() => answers().length > before)
    return answers().at(-1)!
  }

  /** `ok`, or the name of the code. */
  async does(said: Said | object): Promise<string> {
    const answer = await this.run(said)
    return answer.type === 'ack' ? 'ok' : answer.name
  }

  async ask<Type extends ServerFrame['type']>(asked: Asked | object): Promise<Extract<ServerFrame, { type: Type }>> {
    const requestId = ++this.requests
    this.client.send({ ...asked, requestId } as ClientFrame)
    const find = () => this.client.frames.find(frame => 'requestId' in frame && frame.requestId === requestId)
    await this.client.until(() => find() !== undefined)
    return find() as Extract<ServerFrame, { type: Type }>
  }

  /** The name of the code that a question fails with. */
  async fails(asked: Asked | object): Promise<string> {
    const answer = await this.ask<'failed'>(asked)
    return answer.type === 'failed' ? answer.name : `answered ${(answer as ServerFrame).type}`
  }

  events(sessionId: SessionId): EventFrame[] {
    return this.client.of('event').filter(event => event.sessionId === sessionId)
  }

  /** Resolves with the first event of a kind that the session has brought live. */
  async sees(sessionId: SessionId, kind: EventFrame['body']['kind']): Promise<EventFrame> {
    const find = () => this.events(sessionId).find(({ body }) => body.kind === kind)
    await this.client.until(() => find() !== undefined)
    return find()!
  }

  /** Seqs that history shows of the session, asked for again until they are as many as that. */
  async readsUpTo(sessionId: SessionId, seq: number): Promise<number[]> {
    for (;;) {
      const page = await this.ask<'page'>({ type: 'history', sessionId, afterSeq: 0, limit: 200 })
      const seqs = page.type === 'page' ? page.events.map(event => event.seq) : []
      if ((seqs.at(-1) ?? 0) >= seq) return seqs
      await pause()
    }
  }
}

function newPackId(): PackId {
  return makePackId(systemClock.now(), systemRandom.bytes(10))
}

/** People with these names, each by themselves: odd ones speak JSON to one gateway, even ones Avro to the other. */
async function meet<Name extends string>(...names: Name[]): Promise<Record<Name, Person>> {
  const unique = randomUUID().slice(0, 8)
  const met = names.map(async (name, index): Promise<[Name, Person]> => {
    const me = `${name}-${unique}` as UserId
    const client = new RawClient({
      wsUrl: index % 2 === 0 ? product.wsUrl : secondUrl,
      token: await product.token(me),
      deviceId: 'phone',
      subprotocol: index % 2 === 0 ? 'json' : 'avro',
    })
    await client.until(() => client.of('welcome').length > 0)
    return [name, new Person(me, client)]
  })
  return Object.fromEntries(await Promise.all(met)) as Record<Name, Person>
}

/** A group of Ann's with these members. */
async function group(ann: Person, members: Person[], settings?: Partial<GroupSettings>): Promise<SessionId> {
  const groupId = `g-${randomUUID().slice(0, 8)}` as GroupId
  const made = { type: 'createGroup', groupId, info: { name: 'Climbers' }, members: members.map(({ me }) => me) }
  expect(await ann.does(settings === undefined ? made : { ...made, settings })).toBe('ok')
  const sessionId = groupSessionId(groupId)
  for (const member of members) await member.sees(sessionId, 'GroupCreated')
  return sessionId
}

const text = (sessionId: SessionId, words = 'hello') =>
  ({ type: 'send', sessionId, flags: 4, content: { kind: 'Text', text: words } }) as const

describe('C1: a group lives', () => {
  test('Ann makes a group, shows it otherwise, hands it to Bo and it ends', async () => {
    const { ann, bo, cy } = await meet('ann', 'bo', 'cy')
    const sessionId = await group(ann, [bo, cy], { joinPolicy: 'inviteOnly' })
    const attributes = [{ name: 'colour', value: 'red' }]
    expect(await ann.does({ type: 'updateGroupInfo', sessionId, info: { notice: 'Sunday', attributes } })).toBe('ok')
    const info = { name: 'Climbers', avatar: '', notice: 'Sunday', attributes }
    expect((await cy.sees(sessionId, 'GroupInfoUpdated')).body).toEqual({ kind: 'GroupInfoUpdated', info })
    expect(await bo.does({ type: 'updateGroupInfo', sessionId, info: { name: 'Mine' } })).toBe('GROUP_NO_PRIVILEGE')
    expect(await ann.does({ type: 'updateGroupInfo', sessionId, info: { name: ' ' } })).toBe('PARAM')
    expect(await ann.does({ type: 'quitGroup', sessionId })).toBe('CREATOR_ERROR')
    expect(await ann.does({ type: 'changeOwner', sessionId, userId: ann.me })).toBe('CREATOR_ERROR')
    expect(await ann.does({ type: 'changeOwner', sessionId, userId: bo.me })).toBe('ok')
    expect((await cy.sees(sessionId, 'OwnerChanged')).body).toMatchObject({ userId: bo.me })
    expect(await ann.does({ type: 'dismissGroup', sessionId })).toBe('GROUP_NO_PRIVILEGE')
    expect(await bo.does({ type: 'removeMembers', sessionId, userIds: [bo.me] })).toBe('CREATOR_ERROR')
    expect(await bo.does({ type: 'removeMembers', sessionId, userIds: [ann.me] })).toBe('ok')
    expect((await ann.sees(sessionId, 'MembersRemoved')).body).toMatchObject({ userIds: [ann.me] })
    expect(await ann.does(text(sessionId))).toBe('GROUP_USER_NOT_EXIST')
    expect(await bo.does({ type: 'addMembers', sessionId, userIds: [] })).toBe('GROUP_EMPTY')
    expect(await bo.does({ type: 'dismissGroup', sessionId })).toBe('ok')
    await cy.sees(sessionId, 'GroupDismissed')
    expect(await cy.does(text(sessionId))).toBe('GROUP_NOT_EXIST')
    expect(
      await cy.does({ type: 'createGroup', groupId: sessionId.slice(2), info: { name: 'Again' }, members: [] }),
    ).toBe('GROUP_EXISTS')
  })
})

describe('C2, C6: lists', () => {
  test('Bo asks which groups he is in and who else is, and later only what has changed', async () => {
    const { ann, bo, cy, dee } = await meet('ann', 'bo', 'cy', 'dee')
    const one = await group(ann, [bo, cy])
    const other = await group(bo, [cy])
    const mine = await bo.ask<'groups'>({ type: 'groups' })
    expect(mine.groups.map(({ sessionId }) => sessionId).sort()).toEqual([one, other].sort())
    expect(mine.groups.find(({ sessionId }) => sessionId === other)).toMatchObject({ owner: bo.me, memberCount: 2 })
    const first = await bo.ask<'members'>({ type: 'members', sessionId: one, limit: 2 })
    const rest = await bo.ask<'members'>({ type: 'members', sessionId: one, limit: 2, cursor: first.cursor })
    const roles = [...first.members, ...rest.members].map(({ userId, role }) => [userId, role])
    expect(roles).toEqual([
      [ann.me, 'owner'],
      [bo.me, 'member'],
      [cy.me, 'member'],
    ])
    const member = await bo.ask<'member'>({ type: 'member', sessionId: one, userId: cy.me })
    expect(member.member).toMatchObject({ userId: cy.me, joinSeq: 1 })
    expect((await bo.ask<'member'>({ type: 'member', sessionId: one, userId: dee.me })).member).toBeUndefined()
    expect(await dee.fails({ type: 'members', sessionId: one })).toBe('GROUP_USER_NOT_EXIST')
    expect(await dee.fails({ type: 'group', sessionId: 'g:there-is-none' })).toBe('GROUP_NOT_EXIST')

    await cy.does({ type: 'quitGroup', sessionId: one })
    await ann.does({ type: 'addMembers', sessionId: one, userIds: [dee.me] })
    await bo.sees(one, 'MembersAdded')
    const changed = await bo.ask<'members'>({ type: 'members', sessionId: one, since: rest.since })
    expect(changed).toMatchObject({ members: [{ userId: dee.me, role: 'member' }], left: [cy.me] })
    const news = await bo.ask<'groups'>({ type: 'groups', since: mine.since })
    expect(news).toMatchObject({ groups: [{ sessionId: one, memberCount: 3 }], left: [] })
    expect((await bo.ask<'groups'>({ type: 'groups', since: news.since })).groups).toEqual([])
    await bo.does({ type: 'dismissGroup', sessionId: other })
    const ended = await bo.ask<'groups'>({ type: 'groups', since: news.since })
    expect(ended).toMatchObject({ groups: [], left: [other] })
    expect(await bo.fails({ type: 'members', sessionId: one, cursor: 'no-cursor' })).toBe('PARAM')
  })

  test(`Ann adds ${MANY} people with one pack`, async () => {
    const { ann, bo } = await meet('ann', 'bo')
    const sessionId = await group(ann, [bo])
    const userIds = Array.from({ length: MANY }, (_, n) => `member-${String(n).padStart(5, '0')}`)
    expect(await ann.does({ type: 'addMembers', sessionId, userIds: [...userIds, 'one-more'] })).toBe('PARAM')
    expect(await ann.run({ type: 'addMembers', sessionId, userIds })).toMatchObject({ type: 'ack', seq: 2 })
    expect((await bo.sees(sessionId, 'MembersAdded')).body).toEqual({ kind: 'MembersAdded', userIds })
    const { group: found } = await bo.ask<'group'>({ type: 'group', sessionId })
    expect(found.memberCount).toBe(MANY + 2)
    const seen: string[] = []
    let cursor: string | undefined
    do {
      const page = await bo.ask<'members'>({ type: 'members', sessionId, limit: 1_000, ...(cursor && { cursor }) })
      seen.push(...page.members.map(({ userId }) => userId))
      cursor = page.cursor
    } while (cursor !== undefined)
    expect(seen).toEqual([ann.me, bo.me, ...userIds].sort())
    expect(await ann.run(text(sessionId))).toMatchObject({ type: 'ack', seq: 3 })
  })
})

describe('C3: who comes in, and what they are', () => {
  test('Dee asks to join, is refused, asks again and is let in by an admin', async () => {
    const { ann, bo, cy, dee } = await meet('ann', 'bo', 'cy', 'dee')
    const sessionId = await group(ann, [bo, cy], { joinPolicy: 'approval' })
    expect(await ann.does({ type: 'setRole', sessionId, userIds: [bo.me], role: 'admin' })).toBe('ok')
    await bo.sees(sessionId, 'RolesSet')
    expect(await dee.run({ type: 'joinGroup', sessionId, message: 'Cy knows me' })).toMatchObject({
      type: 'ack',
      seq: 0,
    })
    for (const manager of [ann, bo]) {
      expect((await manager.sees(sessionId, 'JoinRequested')).body).toMatchObject({ message: 'Cy knows me' })
    }
    const { requests } = await bo.ask<'joinRequests'>({ type: 'joinRequests', sessionId })
    expect(requests).toMatchObject([{ userId: dee.me, message: 'Cy knows me' }])
    expect(await cy.fails({ type: 'joinRequests', sessionId })).toBe('GROUP_NO_PRIVILEGE')
    expect(await dee.does({ type: 'joinGroup', sessionId })).toBe('MSG_REPEATED')
    expect(await cy.does({ type: 'answerJoin', sessionId, userId: dee.me, approved: true })).toBe('GROUP_NO_PRIVILEGE')
    await bo.does({ type: 'answerJoin', sessionId, userId: dee.me, approved: false, reason: 'full' })
    expect((await dee.sees(sessionId, 'JoinRefused')).body).toMatchObject({ userId: dee.me, reason: 'full' })
    expect(await ann.does({ type: 'answerJoin', sessionId, userId: dee.me, approved: true })).toBe('REQUEST_NOT_EXIST')
    expect(await dee.does({ type: 'joinGroup', sessionId })).toBe('ok')
    expect(await ann.does({ type: 'answerJoin', sessionId, userId: dee.me, approved: true })).toBe('ok')
    expect((await dee.sees(sessionId, 'MembersAdded')).body).toMatchObject({ userIds: [dee.me] })
    expect(await dee.does(text(sessionId))).toBe('ok')
    await cy.sees(sessionId, 'MessageAccepted')
    expect(cy.events(sessionId).map(({ body }) => body.kind)).not.toContain('JoinRequested')
  })

  test('an invite lets in whoever has its secret, as often as it says', async () => {
    const { ann, bo, cy, dee, eve } = await meet('ann', 'bo', 'cy', 'dee', 'eve')
    const sessionId = await group(ann, [bo], { joinPolicy: 'inviteOnly' })
    const secret = randomUUID()
    const secretHash = createHash('sha256').update(secret).digest('hex')
    const invite = { type: 'createInvite', sessionId, secretHash, expiresAt: systemClock.now() + 600_000, usesMax: 2 }
    expect(await bo.does(invite)).toBe('GROUP_NO_PRIVILEGE')
    expect(await ann.does({ ...invite, secretHash: 'no hash' })).toBe('PARAM')
    const made = await ann.run(invite)
    const inviteId = made.packId.replaceAll('-', '')
    expect(await cy.does({ type: 'joinGroup', sessionId })).toBe('GROUP_NO_PRIVILEGE')
    const wrong = { inviteId, secret: randomUUID() }
    expect(await cy.does({ type: 'joinGroup', sessionId, invite: wrong })).toBe('INVITE_INVALID')
    expect(await cy.does({ type: 'joinGroup', sessionId, invite: { inviteId, secret } })).toBe('ok')
    expect((await bo.sees(sessionId, 'MemberJoined')).body).toEqual({ kind: 'MemberJoined', inviteId })
    await ann.sees(sessionId, 'MemberJoined')
    const { invites } = await ann.ask<'invites'>({ type: 'invites', sessionId })
    expect(invites).toMatchObject([{ inviteId, by: ann.me, usesMax: 2, uses: 1 }])
    expect(await dee.does({ type: 'joinGroup', sessionId, invite: { inviteId, secret } })).toBe('ok')
    expect(await eve.does({ type: 'joinGroup', sessionId, invite: { inviteId, secret } })).toBe('INVITE_INVALID')
    const again = (await ann.run(invite)).packId.replaceAll('-', '')
    expect(await ann.does({ type: 'revokeInvite', sessionId, inviteId: again })).toBe('ok')
    expect(await eve.does({ type: 'joinGroup', sessionId, invite: { inviteId: again, secret } })).toBe('INVITE_INVALID')
    expect(await ann.does({ type: 'revokeInvite', sessionId, inviteId: again })).toBe('INVITE_INVALID')
  })

  test('roles and names: what admins may, and how many there may be', async () => {
    const { ann, bo, cy, dee } = await meet('ann', 'bo', 'cy', 'dee')
    const sessionId = await group(ann, [bo, cy, dee], { addPolicy: 'admins' })
    expect(await bo.does({ type: 'addMembers', sessionId, userIds: ['somebody'] })).toBe('GROUP_NO_PRIVILEGE')
    const role = { type: 'setRole', sessionId, role: 'admin' }
    expect(await bo.does({ ...role, userIds: [bo.me] })).toBe('GROUP_NO_PRIVILEGE')
    expect(await ann.does({ ...role, userIds: [bo.me, cy.me, dee.me] })).toBe('LIMIT_REACHED')
    expect(await ann.does({ ...role, userIds: [bo.me, cy.me] })).toBe('ok')
    expect(await bo.does({ type: 'addMembers', sessionId, userIds: ['somebody'] })).toBe('ok')
    expect(await bo.does({ type: 'removeMembers', sessionId, userIds: [cy.me] })).toBe('GROUP_NO_PRIVILEGE')
    expect(await bo.does({ type: 'setAlias', sessionId, alias: 'Bo the wall' })).toBe('ok')
    expect(await dee.does({ type: 'setAlias', sessionId, userId: bo.me, alias: 'x' })).toBe('GROUP_NO_PRIVILEGE')
    expect(await dee.does({ type: 'setAlias', sessionId, alias: 'x'.repeat(65) })).toBe('PARAM')
    await dee.sees(sessionId, 'AliasSet')
    const { member } = await dee.ask<'member'>({ type: 'member', sessionId, userId: bo.me })
    expect(member).toEqual({ userId: bo.me, role: 'admin', joinSeq: 1, alias: 'Bo the wall' })
  })
})

describe('C4: who speaks, and how many there are', () => {
  test('Bo is muted, then everybody but the owner is', async () => {
    const { ann, bo } = await meet('ann', 'bo')
    const sessionId = await group(ann, [bo])
    const muted = (until: number) => ann.does({ type: 'muteMember', sessionId, userId: bo.me, until })
    expect(await muted(systemClock.now() - 1_000_000)).toBe('PARAM')
    expect(await muted(systemClock.now() + 600_000)).toBe('ok')
    expect(await bo.does(text(sessionId))).toBe('MUTED')
    expect(await muted(0)).toBe('ok')
    expect(await bo.does(text(sessionId))).toBe('ok')
    expect(await bo.does({ type: 'muteMember', sessionId, userId: ann.me, until: 0 })).toBe('GROUP_NO_PRIVILEGE')
    expect(await ann.does({ type: 'updateGroupSettings', sessionId, settings: { mutedAll: true } })).toBe('ok')
    expect(await bo.does(text(sessionId))).toBe('MUTED')
    expect(await ann.does(text(sessionId))).toBe('ok')
  })

  test('slow mode: the same pack is taken a moment later', async () => {
    const { ann, bo } = await meet('ann', 'bo')
    const sessionId = await group(ann, [bo])
    expect(await ann.does({ type: 'updateGroupSettings', sessionId, settings: { slowModeMs: 86_400_001 } })).toBe(
      'PARAM',
    )
    await ann.does({ type: 'updateGroupSettings', sessionId, settings: { slowModeMs: 3_000 } })
    const packId = newPackId()
    // Sent at once, so that the log has the second right behind the first, however slow the machine is.
    const [one, first] = await Promise.all([bo.run(text(sessionId, 'one')), bo.run(text(sessionId, 'two'), packId)])
    expect(one.type).toBe('ack')
    expect(first).toMatchObject({ type: 'refused', name: 'SLOW_MODE', retry: 'same', retryAfterMs: expect.any(Number) })
    for (let answer = first; answer.type !== 'ack'; ) {
      await systemClock.sleep(200)
      answer = await bo.run(text(sessionId, 'two'), packId)
      if (answer.type === 'refused') expect(answer.name).toBe('SLOW_MODE')
    }
    for (const words of ['a', 'b']) expect(await ann.does(text(sessionId, words))).toBe('ok')
  })

  test('a group has no more members than its settings say', async () => {
    const { ann, bo, cy } = await meet('ann', 'bo', 'cy')
    const sessionId = await group(ann, [bo], { membersMax: 2 })
    expect(await cy.does({ type: 'joinGroup', sessionId })).toBe('MEMBER_LIMIT')
    await ann.does({ type: 'updateGroupSettings', sessionId, settings: { membersMax: 3 } })
    expect(await cy.does({ type: 'joinGroup', sessionId })).toBe('ok')
    expect(await bo.does({ type: 'joinGroup', sessionId })).toBe('ALREADY_MEMBER')
  })
})

describe('C5, D8: what a group shows', () => {
  test('a new member sees what was said before only where the group shows it', async () => {
    const { ann, bo, cy } = await meet('ann', 'bo', 'cy')
    const sessionId = await group(ann, [bo])
    await ann.does(text(sessionId, 'before'))
    await cy.does({ type: 'joinGroup', sessionId })
    expect(await cy.readsUpTo(sessionId, 3)).toEqual([3])
    await ann.does({ type: 'updateGroupSettings', sessionId, settings: { historyShown: 'all' } })
    await cy.sees(sessionId, 'GroupSettingsUpdated')
    while ((await cy.readsUpTo(sessionId, 4)).length < 4) await pause()
    expect(await cy.readsUpTo(sessionId, 4)).toEqual([1, 2, 3, 4])
  })

  test('Eve watches a public group without being a member, until it is public no more', async () => {
    const { ann, bo, eve } = await meet('ann', 'bo', 'eve')
    const sessionId = await group(ann, [bo])
    expect(await eve.fails({ type: 'watch', sessionId, on: true })).toBe('GROUP_NO_PRIVILEGE')
    expect(await eve.fails({ type: 'history', sessionId, afterSeq: 0 })).toBe('HISTORY_DENIED')
    await ann.does({ type: 'updateGroupSettings', sessionId, settings: { isPublic: true } })
    let watching = await eve.ask<'watching'>({ type: 'watch', sessionId, on: true })
    // The other gateway may have yet to read that the group is public.
    while (watching.type !== 'watching') {
      await pause()
      watching = await eve.ask<'watching'>({ type: 'watch', sessionId, on: true })
    }
    expect(watching.on).toBe(true)
    await bo.does(text(sessionId, 'for all to see'))
    expect((await eve.sees(sessionId, 'MessageAccepted')).body).toMatchObject({ content: { text: 'for all to see' } })
    expect(await eve.readsUpTo(sessionId, 3)).toEqual([1, 2, 3])
    expect(await eve.does(text(sessionId))).toBe('GROUP_USER_NOT_EXIST')
    await ann.does({ type: 'updateGroupSettings', sessionId, settings: { isPublic: false } })
    await eve.sees(sessionId, 'GroupSettingsUpdated')
    await bo.does(text(sessionId, 'among us'))
    const denied = () => eve.fails({ type: 'history', sessionId, afterSeq: 0 })
    while ((await denied()) !== 'HISTORY_DENIED') await pause()
    expect(eve.events(sessionId).filter(({ body }) => body.kind === 'MessageAccepted')).toHaveLength(1)
  })
})

test('after all of that every view says what the log says', async () => {
  const { code, stdout, stderr } = await runCommand(['verify', '--json'], product.env)
  expect(JSON.parse(stdout), stderr).toMatchObject({ ok: true, total: 0 })
  expect(code).toBe(0)
})
