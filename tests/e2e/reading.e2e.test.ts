import { randomUUID } from 'node:crypto'
import { mkdtemp, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { systemClock, systemRandom } from '../../infra/clock.ts'
import type { ClientFrame, EventFrame, PackFrame, QuestionFrame, ServerFrame } from '../../schemas/frames.ts'
import { makePackId, type PackId, type SessionId, singleSessionId, type UserId } from '../../schemas/ids.ts'
import { RawClient } from '../flow/gateway-raw-client.ts'
import { startProduct, type TestProduct } from '../product.ts'
import { runCommand } from '../run-command.ts'

/** What people see of reading: marks and receipts, unread, what they hide, what they must not miss. */

const PRODUCT_MS_MAX = 120_000
const STORY_MS_MAX = 60_000

let product: TestProduct
const devices: Device[] = []

beforeAll(async () => {
  const directory = await mkdtemp(join(tmpdir(), 'packlog-reading-'))
  const rulesFile = join(directory, 'rules.json')
  // Groups of four are too large for receipts.
  await writeFile(rulesFile, JSON.stringify({ version: 1, receiptMembersMax: 3 }))
  product = await startProduct({ together: true, env: { PACKLOG_RULES_FILE: rulesFile } })
}, PRODUCT_MS_MAX)

afterEach(() => {
  for (const device of devices.splice(0)) device.raw.drop()
})

afterAll(() => product?.stop(), PRODUCT_MS_MAX)

type Without<Frame, Key extends string> = Frame extends unknown ? Omit<Frame, Key> : never
type Answer = Extract<ServerFrame, { packId: PackId }>
type Asked = Extract<ServerFrame, { requestId: number }>

/** A device that does what a story says, and nothing by itself. */
class Device {
  readonly raw: RawClient
  readonly user: UserId
  private requests = 0

  constructor(user: UserId, name: string, subprotocol: 'json' | 'avro', token: string) {
    this.user = user
    this.raw = new RawClient({ wsUrl: product.wsUrl, token, deviceId: name, subprotocol })
    devices.push(this)
  }

  /** Sends a pack and gives its answer. */
  async run(frame: Without<PackFrame, 'packId'>): Promise<Answer> {
    const packId = makePackId(systemClock.now(), systemRandom.bytes(10))
    return this.answerTo({ ...frame, packId } as PackFrame)
  }

  async answerTo(frame: PackFrame): Promise<Answer> {
    this.raw.send(frame)
    const find = () =>
      this.raw.frames.find((found): found is Answer => {
        return (found.type === 'ack' || found.type === 'refused') && found.packId === frame.packId
      })
    await this.raw.until(() => find() !== undefined)
    return find()!
  }

  /** Asks and gives the answer, or that it failed. */
  async ask<Type extends Asked['type'] = 'failed'>(
    question: Without<QuestionFrame, 'requestId'>,
  ): Promise<Asked & { type: Type }> {
    const requestId = ++this.requests
    this.raw.send({ ...question, requestId } as ClientFrame)
    const find = () =>
      this.raw.frames.find((frame): frame is Asked => 'requestId' in frame && frame.requestId === requestId)
    await this.raw.until(() => find() !== undefined)
    return find() as Asked & { type: Type }
  }

  /** Says something that counts as unread; gives its seq and packId. */
  async say(sessionId: SessionId, text: string, more: Partial<Extract<PackFrame, { type: 'send' }>> = {}) {
    const answer = await this.run({ type: 'send', sessionId, flags: 4, content: { kind: 'Text', text }, ...more })
    if (answer.type !== 'ack') throw new Error(`not said: ${JSON.stringify(answer)}`)
    return { seq: answer.seq, packId: answer.packId, from: this.user }
  }

  /** The session in the list of this user. */
  async session(sessionId: SessionId) {
    const { sessions } = await this.ask<'sessions'>({ type: 'sessions' })
    return sessions.find(session => session.sessionId === sessionId)
  }

  events(kind: string): EventFrame[] {
    return this.raw.of('event').filter(({ body }) => body.kind === kind)
  }
}

async function connected(device: Device): Promise<Device> {
  await device.raw.until(() => device.raw.of('welcome').length > 0)
  return device
}

describe.each(['json', 'avro'] as const)('over %s', subprotocol => {
  const device = async (user: UserId, name = 'phone') =>
    connected(new Device(user, name, subprotocol, await product.token(user)))

  /** Ann and Bo, who have never met before. */
  function strangers() {
    const tag = randomUUID().slice(0, 8)
    const [ann, bo, cy] = ['ann', 'bo', 'cy'].map(name => `${name}-${tag}` as UserId) as [UserId, UserId, UserId]
    return { ann, bo, cy, chat: singleSessionId(ann, bo), crew: `g:crew-${tag}` as SessionId }
  }

  test('[E2E20] what is read on the phone is read on the laptop, and the other one sees it', {
    timeout: STORY_MS_MAX,
  }, async () => {
    const { ann, bo, chat } = strangers()
    const [phone, laptop, bos] = [await device(ann), await device(ann, 'laptop'), await device(bo)]
    for (const text of ['one', 'two', 'three']) await bos.say(chat, text)
    expect(await laptop.session(chat)).toMatchObject({ lastSeq: 3, count: 3, unread: 3, readSeq: 0, peerReadSeq: 3 })
    expect(await phone.run({ type: 'markRead', sessionId: chat, seq: 2 })).toMatchObject({ type: 'ack', seq: 0 })
    for (const one of [phone, laptop, bos]) {
      await one.raw.until(() => one.events('ReadMarked').length > 0)
      expect(one.events('ReadMarked')).toMatchObject([
        { sessionId: chat, seq: 0, from: ann, body: { seq: 2, count: 2 } },
      ])
    }
    expect(await laptop.session(chat)).toMatchObject({ unread: 1, readSeq: 2 })
    expect(await bos.session(chat)).toMatchObject({ unread: 0, readSeq: 3, peerReadSeq: 2 })
    // Whoever answers has read what came before.
    await laptop.say(chat, 'four')
    expect(await phone.session(chat)).toMatchObject({ unread: 0, readSeq: 4 })
    expect(await bos.session(chat)).toMatchObject({ unread: 1, peerReadSeq: 4 })
  })

  test('[E2E20] a receipt of delivery tells the sender that a device has it', { timeout: STORY_MS_MAX }, async () => {
    const { ann, bo, chat } = strangers()
    const [anns, bos] = [await device(ann), await device(bo)]
    await anns.say(chat, 'hello')
    await bos.run({ type: 'markDelivered', sessionId: chat, seq: 1 })
    await anns.raw.until(() => anns.events('DeliveredMarked').length > 0)
    expect(await anns.session(chat)).toMatchObject({ peerDeliveredSeq: 1 })
    expect(await anns.session(chat)).not.toHaveProperty('peerReadSeq')
    expect(await bos.session(chat)).toMatchObject({ unread: 1 })
  })

  test('[E2E20] twenty marks in a moment are answered all, and few stand in the log', {
    timeout: STORY_MS_MAX,
  }, async () => {
    const { ann, bo, chat } = strangers()
    const [anns, bos] = [await device(ann), await device(bo)]
    for (let n = 0; n < 20; n++) await bos.say(chat, `${n}`)
    const answers = await Promise.all(
      Array.from({ length: 20 }, (_, n) => anns.run({ type: 'markRead', sessionId: chat, seq: n + 1 })),
    )
    expect(answers.map(({ type }) => type)).toEqual(Array(20).fill('ack'))
    expect(anns.events('ReadMarked').map(({ body }) => (body as { seq: number }).seq)).toEqual([1, 20])
    expect(await anns.session(chat)).toMatchObject({ unread: 0, readSeq: 20 })
  })

  test('[E2E20] a message that is taken back while it is unread stops counting', {
    timeout: STORY_MS_MAX,
  }, async () => {
    const { ann, bo, chat } = strangers()
    const [anns, bos] = [await device(ann), await device(bo)]
    await bos.say(chat, 'stays')
    const target = await bos.say(chat, 'SECRET')
    expect(await anns.session(chat)).toMatchObject({ unread: 2 })
    expect(await bos.run({ type: 'revoke', sessionId: chat, target })).toMatchObject({ type: 'ack', seq: 3 })
    expect(await anns.session(chat)).toMatchObject({ unread: 1, count: 2 })
    const page = await anns.ask<'page'>({ type: 'history', sessionId: chat, afterSeq: 0 })
    expect(page.events[1]).toMatchObject({
      seq: 2,
      body: { content: { kind: 'Removed' } },
      state: { change: 'revoked', by: bo, seq: 3 },
    })
    expect(JSON.stringify(page)).not.toContain('SECRET')
  })

  test('[E2E21] a device that was off learns marks, attributes and messages by a list since its last one', {
    timeout: STORY_MS_MAX,
  }, async () => {
    const { ann, bo, cy, chat } = strangers()
    const [phone, laptop, bos] = [await device(ann), await device(ann, 'laptop'), await device(bo)]
    const others = ['x1', 'x2', 'x3'].map(name => singleSessionId(ann, `${name}-${cy}` as UserId))
    for (const sessionId of [chat, ...others]) await phone.say(sessionId, 'hi')
    const { since, sessions } = await laptop.ask<'sessions'>({ type: 'sessions' })
    expect(sessions).toHaveLength(4)
    laptop.raw.drop()
    await bos.say(chat, 'are you there?')
    await phone.run({ type: 'setSessionAttributes', sessionId: others[1]!, attributes: { pinned: true } })
    const back = await device(ann, 'laptop')
    const news = await back.ask<'sessions'>({ type: 'sessions', since: since! })
    const found = new Map(news.sessions.map(session => [session.sessionId, session]))
    expect(found.get(chat)).toMatchObject({ unread: 1, lastSeq: 2 })
    expect(found.get(others[1]!)).toMatchObject({ attributes: { pinned: true, notify: 'all', hidden: false } })
    expect(news.since).toBeDefined()
    // In small pages it is the same list.
    const paged: SessionId[] = []
    let cursor: string | undefined
    do {
      const question = {
        type: 'sessions',
        limit: 1,
        since: since!,
        ...(cursor === undefined ? {} : { cursor }),
      } as const
      const page = await back.ask<'sessions'>(question)
      paged.push(...page.sessions.map(({ sessionId }) => sessionId))
      cursor = page.cursor
    } while (cursor !== undefined)
    expect(paged).toEqual(news.sessions.map(({ sessionId }) => sessionId))
  })

  test('[E2E20] in a group everybody sees by how many and by whom a message was read', {
    timeout: STORY_MS_MAX,
  }, async () => {
    const { ann, bo, cy, crew } = strangers()
    const [anns, bos, cys] = [await device(ann), await device(bo), await device(cy)]
    const made = { type: 'createGroup', groupId: crew.slice(2), info: { name: 'Crew' }, members: [bo, cy] } as const
    expect(await anns.run({ ...made, members: [bo, cy] })).toMatchObject({ type: 'ack', seq: 1 })
    const { seq } = await anns.say(crew, 'who has seen this?', { extra: { mentionsAll: true } })
    expect(await bos.session(crew)).toMatchObject({ unread: 1, mentions: 1, firstMentionSeq: seq })
    const receipts = () => cys.ask<'receipts'>({ type: 'receipts', sessionId: crew, seq })
    await expect.poll(receipts, { timeout: 20_000 }).toMatchObject({ readCount: 0, memberCount: 2, readers: [] })
    await bos.run({ type: 'markRead', sessionId: crew, seq })
    expect(await receipts()).toMatchObject({ readCount: 1, memberCount: 2, readers: [bo] })
    const mine = await bos.session(crew)
    expect(mine).toMatchObject({ unread: 0, readSeq: seq })
    expect(mine).not.toHaveProperty('mentions')
  })

  test('[E2E20] in a large group, and in one that is left, what is read is read on all devices all the same', {
    timeout: STORY_MS_MAX,
  }, async () => {
    const { ann, bo, cy, crew } = strangers()
    const [anns, phone, laptop] = [await device(ann), await device(bo), await device(bo, 'laptop')]
    const members = [bo, cy, `dee-${cy}` as UserId]
    await anns.run({ type: 'createGroup', groupId: crew.slice(2), info: { name: 'Crew' }, members })
    for (const text of ['one', 'two', 'three']) await anns.say(crew, text)
    const marked = await phone.run({ type: 'markRead', sessionId: crew, seq: 3 })
    expect(marked).toMatchObject({ type: 'ack', sessionId: `u:${bo}`, seq: 1 })
    await laptop.raw.until(() => laptop.events('SessionReadMarked').length > 0)
    expect(laptop.events('SessionReadMarked')).toMatchObject([{ body: { sessionId: crew, seq: 3, count: 2 } }])
    expect(await laptop.session(crew)).toMatchObject({ unread: 1, readSeq: 3 })
    await anns.run({ type: 'removeMembers', sessionId: crew, userIds: [bo] })
    expect(await laptop.run({ type: 'markRead', sessionId: crew, seq: 99 })).toMatchObject({ type: 'ack', seq: 2 })
    expect(await phone.session(crew)).toMatchObject({ unread: 0, lastSeq: 5 })
    expect(anns.events('ReadMarked')).toEqual([])
  })

  test('[E2E22] whoever was away gets what must not be missed, in pages, each once', {
    timeout: STORY_MS_MAX,
  }, async () => {
    const { ann, bo, cy, chat, crew } = strangers()
    const [anns, bos] = [await device(ann), await device(bo)]
    await anns.run({ type: 'createGroup', groupId: crew.slice(2), info: { name: 'Crew' }, members: [bo, cy] })
    await anns.say(chat, 'plain')
    await anns.say(chat, 'fire!', { flags: 36 })
    const target = await anns.say(chat, 'wrong')
    await anns.run({ type: 'override', sessionId: chat, target, content: { kind: 'Text', text: 'right' } })
    await anns.run({ type: 'removeMembers', sessionId: crew, userIds: [bo] })
    await anns.say(crew, 'not for bo', { flags: 36 })
    const seen: string[] = []
    let cursor: string | undefined
    for (let more = true; more; ) {
      const question = { type: 'priority', limit: 2, ...(cursor === undefined ? {} : { cursor }) } as const
      const page = await bos.ask<'priority'>(question)
      seen.push(...page.events.map(({ sessionId, seq, body }) => `${sessionId} ${seq} ${body.kind}`))
      ;({ more, cursor } = page)
    }
    expect(seen.sort()).toEqual(
      [`${chat} 2 MessageAccepted`, `${chat} 4 MessageOverridden`, `${crew} 2 MembersRemoved`].sort(),
    )
    const later = () => bos.ask<'priority'>({ type: 'priority', cursor: cursor! })
    expect(await later()).toMatchObject({ events: [], more: false })
    await anns.run({ type: 'revoke', sessionId: chat, target })
    const news = await later()
    expect(news.events).toMatchObject([{ sessionId: chat, seq: 5, body: { kind: 'MessageRevoked' } }])
    expect(JSON.stringify(await bos.ask({ type: 'priority' }))).not.toContain('right')
    await anns.run({ type: 'requestFriend', userId: bo, message: 'hi' })
    const { events } = await bos.ask<'priority'>({ type: 'priority', cursor: news.cursor! })
    // What she said stands in the list of friends, from where an erasure takes it.
    expect(events).toMatchObject([{ sessionId: chat, seq: 0, from: ann }])
    expect(events[0]!.body).toEqual({ kind: 'FriendRequested' })
    await bos.run({ type: 'acceptFriend', userId: ann })
    const all = await anns.ask<'priority'>({ type: 'priority' })
    expect(all.events.map(({ from, body }) => `${from} ${body.kind}`)).toContain(`${bo} FriendAccepted`)
  })

  test('[E2E23] what Ann clears or deletes for herself is gone on her devices, and there for Bo', {
    timeout: STORY_MS_MAX,
  }, async () => {
    const { ann, bo, chat } = strangers()
    const [phone, bos] = [await device(ann), await device(bo)]
    const said = [
      await bos.say(chat, '1'),
      await bos.say(chat, '2'),
      await bos.say(chat, '3'),
      await bos.say(chat, '4'),
    ]
    expect(await phone.run({ type: 'deleteForMe', sessionId: chat, targets: [said[2]!] })).toMatchObject({
      type: 'ack',
      sessionId: `u:${ann}`,
      seq: 1,
    })
    expect(await phone.run({ type: 'clearSession', sessionId: chat, seq: 1 })).toMatchObject({ type: 'ack', seq: 2 })
    const laptop = await device(ann, 'laptop')
    const seqs = async (of: Device) => {
      const page = await of.ask<'page'>({ type: 'history', sessionId: chat, afterSeq: 0 })
      return page.events.map(({ seq }) => seq)
    }
    await expect.poll(() => seqs(laptop), { timeout: 20_000 }).toEqual([2, 4])
    expect(await seqs(bos)).toEqual([1, 2, 3, 4])
    await laptop.ask({ type: 'resume', sessions: [{ sessionId: chat, seq: 0 }] })
    expect(laptop.raw.seqs(chat)).toEqual([2, 4])
    expect(laptop.raw.of('gap').map(({ fromSeq, toSeq }) => [fromSeq, toSeq])).toEqual([
      [1, 1],
      [3, 3],
    ])
    expect(await laptop.session(chat)).toMatchObject({ unread: 3, readSeq: 1, clearedSeq: 1 })
    await phone.run({ type: 'clearSession', sessionId: chat, seq: 99 })
    const cleared = await laptop.session(chat)
    expect(cleared).toMatchObject({ unread: 0, clearedSeq: 4 })
    expect(cleared).not.toHaveProperty('last')
    // What comes later is there again.
    await bos.say(chat, '5')
    expect(await laptop.session(chat)).toMatchObject({ unread: 1, last: { seq: 5 } })
  })

  test('[E2E24] what is not right is told by its code, and changes nothing', { timeout: STORY_MS_MAX }, async () => {
    const { ann, bo, cy, chat, crew } = strangers()
    const [anns, cys] = [await device(ann), await device(cy)]
    const said = await anns.say(chat, 'x')
    const code = async (frame: Without<PackFrame, 'packId'>, of = anns) => {
      const answer = await of.run(frame)
      return answer.type === 'refused' ? answer.name : answer.type
    }
    expect(await code({ type: 'markRead', sessionId: chat, seq: 0 })).toBe('PARAM')
    expect(await code({ type: 'markRead', sessionId: singleSessionId(ann, cy), seq: 1 })).toBe('PARAM')
    expect(await code({ type: 'markRead', sessionId: chat, seq: 1 }, cys)).toBe('MSG_FORBIDDEN')
    expect(await code({ type: 'markRead', sessionId: crew, seq: 1 })).toBe('HISTORY_DENIED')
    expect(await code({ type: 'markDelivered', sessionId: crew, seq: 1 })).toBe('PARAM')
    expect(await code({ type: 'clearSession', sessionId: chat, seq: 1 }, cys)).toBe('HISTORY_DENIED')
    expect(await code({ type: 'deleteForMe', sessionId: chat, targets: [] })).toBe('PARAM')
    const other = { seq: said.seq, packId: makePackId(systemClock.now(), systemRandom.bytes(10)) }
    expect(await code({ type: 'deleteForMe', sessionId: chat, targets: [other] })).toBe('MSG_NOT_EXIST')
    expect(await code({ type: 'setSessionAttributes', sessionId: chat, attributes: {} })).toBe('PARAM')
    const draft = 'x'.repeat(5_000)
    expect(await code({ type: 'setSessionAttributes', sessionId: chat, attributes: { draft } })).toBe(
      'SESSION_ATTRIBUTE',
    )
    const failed = async (question: Without<QuestionFrame, 'requestId'>, of = anns) => {
      const answer = await of.ask(question)
      return answer.type === 'failed' ? answer.name : answer.type
    }
    expect(await failed({ type: 'sessions', since: 'never' })).toBe('PARAM')
    expect(await failed({ type: 'sessions', cursor: 'never' })).toBe('PARAM')
    expect(await failed({ type: 'priority', cursor: 'never' })).toBe('PARAM')
    expect(await failed({ type: 'priority', limit: 201 })).toBe('PARAM')
    expect(await failed({ type: 'receipts', sessionId: chat, seq: 2 })).toBe('MSG_NOT_EXIST')
    expect(await failed({ type: 'receipts', sessionId: chat, seq: 1 }, cys)).toBe('HISTORY_DENIED')
    const session = await (await device(bo)).session(chat)
    expect(session).toMatchObject({ lastSeq: 1, unread: 1 })
    expect(await anns.session(chat)).not.toHaveProperty('attributes')
  })
})

test('[E2E20] after all these stories history says what the log says', { timeout: PRODUCT_MS_MAX }, async () => {
  const { stdout } = await runCommand(['verify', '--json'], product.env)
  const { sessions, differences } = JSON.parse(stdout) as { sessions: number; differences: { view: string }[] }
  expect(differences.filter(({ view }) => view === 'history')).toEqual([])
  expect(sessions).toBeGreaterThan(20)
})
