import { randomUUID } from 'node:crypto'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { systemClock, systemRandom } from '../../infra/clock.ts'
import type { CodeName } from '../../schemas/codes.ts'
import type { ClientFrame, EventFrame, PackFrame, QuestionFrame, ServerFrame } from '../../schemas/frames.ts'
import {
  makePackId,
  type PackId,
  type SessionId,
  singleSessionId,
  type UserId,
  userSessionId,
} from '../../schemas/ids.ts'
import type { DeviceTypeName } from '../../schemas/pack.ts'
import { RawClient } from '../flow/gateway-raw-client.ts'
import { pause } from '../pause.ts'
import { startProduct, type TestProduct } from '../product.ts'

/** Stories about users and what they are to each other, through the public protocol only, in both subprotocols. */

type WithoutId<Frame, Key extends string> = Frame extends unknown ? Omit<Frame, Key> : never
type Said = WithoutId<PackFrame, 'packId'>
type Asked = WithoutId<Exclude<QuestionFrame, { type: 'resume' }>, 'requestId'>

let product: TestProduct
let secondUrl: string
const devices: Device[] = []
let requests = 0

beforeAll(async () => {
  product = await startProduct({ together: true })
  secondUrl = (await product.add('gateway-2', ['gateway'])).wsUrl
}, 120_000)

afterEach(() => {
  for (const { client } of devices.splice(0)) client.drop()
})

afterAll(() => product?.stop(), 60_000)

/** A device of a user. Those of one user are on different gateways and speak different subprotocols by turns. */
class Device {
  readonly client: RawClient
  readonly me: UserId

  private constructor(me: UserId, client: RawClient) {
    this.me = me
    this.client = client
    devices.push(this)
  }

  static async of(me: UserId, deviceId = 'phone', { deviceType = 'ios' as DeviceTypeName } = {}): Promise<Device> {
    const isFirst = deviceId === 'phone'
    const client = new RawClient({
      wsUrl: isFirst ? product.wsUrl : secondUrl,
      token: await product.token(me),
      deviceId,
      deviceType,
      subprotocol: isFirst ? 'json' : 'avro',
    })
    await client.until(() => client.of('welcome').length > 0)
    return new Device(me, client)
  }

  /** Sends a pack and gives its answer: `ok`, or the name of the code. */
  async say(said: Said, packId: PackId = newPackId()): Promise<'ok' | CodeName> {
    const { client } = this
    client.send({ ...said, packId } as ClientFrame)
    const answer = () =>
      client.frames.find(frame => (frame.type === 'ack' || frame.type === 'refused') && frame.packId === packId) as
        | Extract<ServerFrame, { type: 'ack' | 'refused' }>
        | undefined
    await client.until(() => answer() !== undefined)
    const found = answer()!
    return found.type === 'ack' ? 'ok' : found.name
  }

  /** Says it, under a new packId each time, until the answer is as wanted. */
  async sayUntil(said: Said, isIt: (answer: 'ok' | CodeName) => boolean): Promise<'ok' | CodeName> {
    for (;;) {
      const answer = await this.say(said)
      if (isIt(answer)) return answer
      await pause()
    }
  }

  /** The session's first page, as soon as it is there. */
  history(sessionId: SessionId): Promise<Extract<ServerFrame, { type: 'page' }>> {
    const asked = { type: 'history', sessionId, afterSeq: 0, limit: 10 } as const
    return this.eventually(asked, 'page', ({ events }) => events.length > 0)
  }

  text(to: UserId, text = 'hello'): Promise<'ok' | CodeName> {
    const sessionId = singleSessionId(this.me, to)
    return this.say({ type: 'send', sessionId, flags: 4, content: { kind: 'Text', text } })
  }

  async ask<Type extends ServerFrame['type']>(
    asked: Asked,
    _type: Type,
  ): Promise<Extract<ServerFrame, { type: Type }> | Extract<ServerFrame, { type: 'failed' }>> {
    const requestId = ++requests
    const { client } = this
    client.send({ ...asked, requestId } as ClientFrame)
    const answer = () => client.frames.find(frame => 'requestId' in frame && frame.requestId === requestId)
    await client.until(() => answer() !== undefined)
    return answer() as never
  }

  /** Asks until the answer is as wanted: a view is a little behind the log. */
  async eventually<Type extends ServerFrame['type']>(
    asked: Asked,
    type: Type,
    isIt: (answer: Extract<ServerFrame, { type: Type }>) => boolean,
  ): Promise<Extract<ServerFrame, { type: Type }>> {
    for (;;) {
      const answer = await this.ask(asked, type)
      if (answer.type === type && isIt(answer as never)) return answer as never
      await pause()
    }
  }

  friends(isIt: (friends: string[]) => boolean) {
    const brief = (answer: Extract<ServerFrame, { type: 'friends' }>) =>
      answer.friends.map(({ userId, relation, blocked }) => `${userId} ${relation}${blocked ? ' blocked' : ''}`)
    return this.eventually({ type: 'friends' }, 'friends', answer => isIt(brief(answer)))
  }

  /** Resolves with the first event of the kind that has come, or comes. */
  async event(kind: EventFrame['body']['kind'], from?: UserId): Promise<EventFrame> {
    const found = () =>
      this.client.of('event').find(event => event.body.kind === kind && (from === undefined || event.from === from))
    await this.client.until(() => found() !== undefined)
    return found()!
  }
}

function newPackId(): PackId {
  return makePackId(systemClock.now(), systemRandom.bytes(10))
}

const person = (name: string) => `${name}-${randomUUID().slice(0, 8)}` as UserId

async function pair() {
  const [ann, bo] = [person('ann'), person('bo')]
  const [annPhone, boPhone, boTab] = [await Device.of(ann), await Device.of(bo), await Device.of(bo, 'tab')]
  return { ann, bo, annPhone, boPhone, boTab }
}

describe('friends', () => {
  test('[US18] Ann asks Bo, both his devices hear it, he accepts on one of them, and both have each other', async () => {
    const { ann, bo, annPhone, boPhone, boTab } = await pair()
    expect(await annPhone.say({ type: 'requestFriend', userId: bo, message: 'We met at the wall' })).toBe('ok')
    for (const device of [boPhone, boTab]) {
      expect(await device.event('FriendRequested')).toMatchObject({
        sessionId: singleSessionId(ann, bo),
        seq: 0,
        from: ann,
        body: { message: 'We met at the wall' },
      })
    }
    const asked = await boTab.friends(friends => friends.includes(`${ann} asked`))
    expect(asked.friends).toMatchObject([{ userId: ann, relation: 'asked', message: 'We met at the wall' }])
    expect(await boTab.say({ type: 'acceptFriend', userId: ann })).toBe('ok')
    await annPhone.event('FriendAccepted', bo)
    await boPhone.event('FriendAccepted', bo)
    await annPhone.friends(friends => friends.includes(`${bo} friend`))
    expect(await annPhone.say({ type: 'remarkFriend', userId: bo, remark: 'Bo (wall)' })).toBe('ok')
    await annPhone.eventually({ type: 'friends' }, 'friends', ({ friends }) => friends[0]?.remark === 'Bo (wall)')
    expect(boPhone.client.of('event').some(({ body }) => body.kind === 'FriendRemarked')).toBe(false)
  })

  test('[US18] a device that was away asks only for what has changed', async () => {
    const { ann, bo, annPhone, boPhone } = await pair()
    const cy = person('cy')
    await annPhone.say({ type: 'requestFriend', userId: bo })
    await annPhone.say({ type: 'requestFriend', userId: cy })
    const { since } = await annPhone.friends(friends => friends.length === 2)
    annPhone.client.drop()
    expect(await boPhone.say({ type: 'refuseFriend', userId: ann })).toBe('ok')
    const again = await Device.of(ann)
    const changed = await again.eventually(
      { type: 'friends', since: since! },
      'friends',
      ({ friends }) => friends.length > 0,
    )
    expect(changed.friends).toMatchObject([{ userId: bo, relation: 'none' }])
  })

  test('[US18] requests that cross make friends; a friendship ends for both', async () => {
    const { ann, bo, annPhone, boPhone } = await pair()
    expect(await annPhone.say({ type: 'requestFriend', userId: bo })).toBe('ok')
    expect(await boPhone.say({ type: 'requestFriend', userId: ann })).toBe('ok')
    await annPhone.event('FriendAccepted', bo)
    expect(await boPhone.say({ type: 'deleteFriend', userId: ann })).toBe('ok')
    await annPhone.event('FriendDeleted', bo)
    await annPhone.friends(friends => friends.length === 0)
  })

  test('[US18] what cannot be is told by its code', async () => {
    const { ann, bo, annPhone, boTab } = await pair()
    expect(await annPhone.say({ type: 'acceptFriend', userId: bo })).toBe('REQUEST_NOT_EXIST')
    expect(await annPhone.say({ type: 'deleteFriend', userId: bo })).toBe('USER_RELATION_INVALID')
    expect(await annPhone.say({ type: 'remarkFriend', userId: bo, remark: 'x' })).toBe('USER_RELATION_INVALID')
    expect(await annPhone.say({ type: 'unblockUser', userId: bo })).toBe('USER_RELATION_INVALID')
    expect(await annPhone.say({ type: 'requestFriend', userId: bo, message: 'x'.repeat(501) })).toBe('PARAM')
    expect(await annPhone.say({ type: 'requestFriend', userId: ann })).toBe('PARAM')
    expect(await annPhone.say({ type: 'requestFriend', userId: bo })).toBe('ok')
    expect(await annPhone.say({ type: 'requestFriend', userId: bo })).toBe('MSG_REPEATED')
    expect(await boTab.say({ type: 'acceptFriend', userId: ann })).toBe('ok')
    expect(await boTab.say({ type: 'requestFriend', userId: ann })).toBe('USER_RELATION_INVALID')
    annPhone.client.sendRaw(JSON.stringify({ type: 'requestFriend', packId: newPackId(), userId: 'no one' }))
    await annPhone.client.until(() => annPhone.client.of('error').length > 0)
    expect(annPhone.client.of('error')[0]).toMatchObject({ name: 'PARAM' })
  })
})

describe('who may write to whom', () => {
  test('[US18] Bo blocks Ann: she is told with the next message, and finds nothing of it anywhere', async () => {
    const { ann, bo, annPhone, boPhone, boTab } = await pair()
    expect(await annPhone.text(bo)).toBe('ok')
    expect(await boPhone.say({ type: 'blockUser', userId: ann })).toBe('ok')
    await boTab.event('UserBlocked')
    expect(await annPhone.text(bo)).toBe('BLACKLIST')
    expect(await annPhone.say({ type: 'requestFriend', userId: bo })).toBe('BLACKLIST')
    expect(await boPhone.say({ type: 'blockUser', userId: ann })).toBe('MSG_REPEATED')
    await boPhone.friends(friends => friends.includes(`${ann} none blocked`))
    expect((await annPhone.friends(() => true)).friends).toEqual([])
    expect(annPhone.client.of('event').some(({ body }) => body.kind === 'UserBlocked')).toBe(false)
    // Bo may still write to her.
    expect(await boTab.text(ann)).toBe('ok')
    expect(await boTab.say({ type: 'unblockUser', userId: ann })).toBe('ok')
    expect(await annPhone.text(bo)).toBe('ok')
  })

  test('[US18] Bo takes messages of friends only; the setting counts at once on every gateway', async () => {
    const { ann, bo, annPhone, boPhone, boTab } = await pair()
    const annTab = await Device.of(ann, 'tab')
    expect(await annPhone.text(bo)).toBe('ok')
    expect(await annTab.text(bo)).toBe('ok')
    expect(await boPhone.say({ type: 'updateSettings', settings: { messagesFrom: 'friends' } })).toBe('ok')
    await boTab.event('SettingsUpdated')
    expect(await annPhone.text(bo)).toBe('USER_RELATION_INVALID')
    // The other gateway may read the log a moment later: it learns what Bo's own device there has learnt.
    expect(await annTab.text(bo)).toBe('USER_RELATION_INVALID')
    await annPhone.say({ type: 'requestFriend', userId: bo })
    await boPhone.say({ type: 'acceptFriend', userId: ann })
    expect(await annPhone.text(bo)).toBe('ok')
    await boPhone.say({ type: 'deleteFriend', userId: ann })
    expect(await annPhone.text(bo)).toBe('USER_RELATION_INVALID')
    // Strangers may ask to be friends all the same.
    expect(await annPhone.say({ type: 'requestFriend', userId: bo })).toBe('ok')
  })
})

describe('profile, settings and attributes', () => {
  test('[US18] a change on one device is live on the other, and a device that was away resumes it', async () => {
    const ann = person('ann')
    const [phone, tab] = [await Device.of(ann), await Device.of(ann, 'tab')]
    tab.client.drop()
    expect(
      await phone.say({ type: 'updateProfile', profile: { name: 'Ann', fields: [{ name: 'city', value: 'Turin' }] } }),
    ).toBe('ok')
    const quietHours = { fromMinute: 1_320, toMinute: 420, timeZone: 'Europe/Rome' }
    expect(await phone.say({ type: 'updateSettings', settings: { quietHours, notify: 'mentions' } })).toBe('ok')
    expect(await phone.say({ type: 'setUserAttributes', attributes: [{ name: 'theme', value: 'dark' }] })).toBe('ok')
    const again = await Device.of(ann, 'tab')
    const sessionId: SessionId = userSessionId(ann)
    again.client.send({ type: 'resume', requestId: 900, sessions: [{ sessionId, seq: 0 }] })
    await again.client.until(() => again.client.of('resumed').length > 0)
    const events = again.client.of('event').filter(event => event.sessionId === sessionId)
    expect(events.map(({ seq, body }) => [seq, body.kind])).toEqual([
      [1, 'ProfileUpdated'],
      [2, 'SettingsUpdated'],
      [3, 'UserAttributesSet'],
    ])
    const settings = await again.eventually({ type: 'settings' }, 'settings', ({ seq }) => seq === 3)
    expect(settings).toMatchObject({
      settings: { notify: 'mentions', quietHours, messagesFrom: 'anyone' },
      attributes: [{ name: 'theme', value: 'dark' }],
    })
    await again.say({ type: 'setUserAttributes', attributes: [{ name: 'theme', value: '' }] })
    expect(await phone.event('UserAttributesSet')).toBeDefined()
    await phone.eventually({ type: 'settings' }, 'settings', ({ attributes }) => attributes.length === 0)
  })

  test('[US18] others get the profile by id and find it by the beginning of the name, unless Ann hides', async () => {
    const { ann, annPhone, boPhone, boTab } = await pair()
    const name = `Zoë ${randomUUID().slice(0, 8)}`
    await annPhone.say({ type: 'updateProfile', profile: { name } })
    const byId = await boPhone.eventually(
      { type: 'profiles', users: [{ userId: ann }] },
      'profiles',
      it => it.profiles.length > 0,
    )
    expect(byId.profiles).toEqual([{ userId: ann, seq: 1, profile: { name, avatar: '' } }])
    expect(await boPhone.ask({ type: 'profiles', users: [{ userId: ann, seq: 1 }] }, 'profiles')).toMatchObject({
      profiles: [],
    })
    const wanted = name.slice(0, 9).toUpperCase()
    await boTab.eventually({ type: 'findUsers', name: wanted }, 'profiles', it =>
      it.profiles.some(({ userId }) => userId === ann),
    )
    await boTab.eventually({ type: 'findUsers', name: ann }, 'profiles', it => it.profiles.length === 1)
    await annPhone.say({ type: 'updateSettings', settings: { findable: false } })
    await boTab.eventually({ type: 'findUsers', name: wanted }, 'profiles', it => it.profiles.length === 0)
    expect(await boTab.ask({ type: 'findUsers', name: ann }, 'profiles')).toMatchObject({ profiles: [] })
  })

  test('[US18] what is not valid is told by its code', async () => {
    const ann = await Device.of(person('ann'))
    const hours = { fromMinute: 0, toMinute: 60, timeZone: 'Europe/Atlantis' }
    expect(await ann.say({ type: 'updateProfile', profile: { name: 'x'.repeat(101) } })).toBe('PARAM')
    expect(await ann.say({ type: 'updateProfile', profile: { fields: [{ name: '', value: 'x' }] } })).toBe(
      'USER_ATTRIBUTE',
    )
    expect(await ann.say({ type: 'updateSettings', settings: { quietHours: hours } })).toBe('PARAM')
    expect(
      await ann.say({
        type: 'updateSettings',
        settings: { quietHours: { ...hours, toMinute: 1_440, timeZone: 'UTC' } },
      }),
    ).toBe('PARAM')
    const long = [{ name: 'a', value: 'x'.repeat(5_000) }]
    expect(await ann.say({ type: 'setUserAttributes', attributes: long })).toBe('USER_ATTRIBUTE')
    expect(await ann.say({ type: 'setUserAttributes', attributes: [] })).toBe('PARAM')
    expect(await ann.say({ type: 'updateSettings', settings: { notify: 'loud' as never } })).toBe('PARAM')
  })

  test('[US18] who looks up too many others is told to wait', async () => {
    const ann = await Device.of(person('ann'))
    const users = Array.from({ length: 200 }, (_, n) => ({ userId: `u${n}` as UserId }))
    let answer: ServerFrame
    do answer = await ann.ask({ type: 'profiles', users }, 'profiles')
    while (answer.type !== 'failed')
    expect(answer).toMatchObject({ name: 'RATE_LIMITED', retry: 'same' })
  })
})

describe('logins', () => {
  test('[US18] Ann sees where she is connected, and logs another device out from where she is', async () => {
    const ann = person('ann')
    const [phone, tab] = [await Device.of(ann), await Device.of(ann, 'tab', { deviceType: 'web' })]
    const { logins } = await phone.eventually({ type: 'logins' }, 'logins', it => it.logins.length === 2)
    expect(logins.map(({ device }) => device)).toEqual([
      { type: 1, id: 'phone' },
      { type: 6, id: 'tab' },
    ])
    expect(await phone.say({ type: 'logout', connectionIds: [logins[1]!.connectionId] })).toBe('ok')
    expect(await tab.client.closed).toMatchObject({ code: 4023 })
    await phone.eventually({ type: 'logins' }, 'logins', it => it.logins.length === 1)
    expect(await phone.say({ type: 'logout', connectionIds: ['not one'] })).toBe('PARAM')
    expect(await phone.say({ type: 'logout', connectionIds: [] })).toBe('ok')
    expect(await phone.client.closed).toMatchObject({ code: 4023 })
  })
})

describe('one device', () => {
  test('[US23] Ann moves with her phone to the other gateway: the connection that she left there is closed', async () => {
    const ann = person('ann')
    const [phone, tab] = [await Device.of(ann), await Device.of(ann, 'tab', { deviceType: 'web' })]
    await phone.eventually({ type: 'logins' }, 'logins', it => it.logins.length === 2)
    const moved = new RawClient({
      wsUrl: secondUrl,
      token: await product.token(ann),
      deviceId: 'phone',
      deviceType: 'ios',
      subprotocol: 'avro',
    })
    expect(await phone.client.closed).toMatchObject({ code: 4022 })
    await moved.until(() => moved.of('welcome').length > 0)
    const { logins } = await tab.eventually({ type: 'logins' }, 'logins', it => it.logins.length === 2)
    expect(logins.map(({ device }) => device.id).sort()).toEqual(['phone', 'tab'])
    moved.drop()
  })
})

describe('presence and typing', () => {
  test('[US18] Ann watches Bo: she sees his devices come and go over both gateways, until he hides', async () => {
    const ann = await Device.of(person('ann'))
    const bo = person('bo')
    expect(await ann.ask({ type: 'presence', userIds: [bo], subscribe: true }, 'presence')).toMatchObject({
      users: [{ userId: bo, online: [] }],
    })
    const last = () => ann.client.of('presenceChanged').at(-1)?.user
    const until = (...online: number[]) => ann.client.until(() => last()?.online.join() === online.join())
    const phone = await Device.of(bo)
    await until(1)
    const tab = await Device.of(bo, 'tab', { deviceType: 'web' })
    await until(1, 6)
    phone.client.drop()
    await until(6)
    expect(await tab.say({ type: 'updateSettings', settings: { presenceShown: false } })).toBe('ok')
    await until()
    expect(last()).toEqual({ userId: bo, online: [] })
    expect(await ann.ask({ type: 'presence', userIds: [bo], subscribe: false }, 'presence')).toMatchObject({
      users: [{ userId: bo, online: [] }],
    })
  })

  test('[US18] Bo sees that Ann is typing, on every device; a stranger to the chat is refused', async () => {
    const { ann, bo, annPhone, boPhone, boTab } = await pair()
    const sessionId = singleSessionId(ann, bo)
    const cy = await Device.of(person('cy'))
    cy.client.send({ type: 'typing', sessionId, on: true })
    await cy.client.until(() => cy.client.of('error').length > 0)
    expect(cy.client.of('error')[0]).toMatchObject({ name: 'MSG_FORBIDDEN' })
    annPhone.client.send({ type: 'typing', sessionId, on: true })
    for (const device of [boPhone, boTab]) {
      await device.client.until(() => device.client.of('typing').length > 0)
      expect(device.client.of('typing')).toEqual([{ type: 'typing', sessionId, from: ann, on: true }])
    }
  })

  test('[US22] Ann points at something: who is there sees it, who comes later does not, and a stranger is refused', async () => {
    const { ann, bo, annPhone, boPhone, boTab } = await pair()
    const annTab = await Device.of(ann, 'tab', { deviceType: 'web' })
    const sessionId = singleSessionId(ann, bo)
    const cy = await Device.of(person('cy'))
    const content = { kind: 'Custom', type: 'app/cursor', data: '{"x":4}' } as const
    const point = (device: Device, more: object = {}) => {
      // While the view is a moment behind nobody can know who may write.
      const said = { type: 'send', sessionId, flags: 64, content, ...more } as const
      return device.sayUntil(said, code => code !== 'VIEW_BEHIND')
    }
    expect(await point(cy)).toBe('MSG_FORBIDDEN')
    expect(await point(annPhone, { flags: 64 | 4 })).toBe('PARAM')
    expect(await point(annPhone, { content: { kind: 'Text', text: 'x'.repeat(4_097) } })).toBe('MSG_TOO_LONG')
    expect(await point(annPhone)).toBe('ok')
    for (const device of [boPhone, boTab, annTab]) {
      await device.client.until(() => device.client.of('online').length > 0)
      expect(device.client.of('online')).toMatchObject([{ sessionId, from: ann, content }])
    }
    expect(annPhone.client.of('online')).toEqual([])
    expect(await annPhone.text(bo)).toBe('ok')
    const late = await Device.of(bo, 'late', { deviceType: 'web' })
    const { lastSeq, events } = await late.history(sessionId)
    expect([lastSeq, ...events.map(({ seq }) => seq)]).toEqual([1, 1])
    expect(late.client.of('online')).toEqual([])
    expect(await boPhone.say({ type: 'blockUser', userId: ann })).toBe('ok')
    expect(await annPhone.sayUntil({ type: 'send', sessionId, flags: 64, content }, code => code !== 'ok')).toBe(
      'BLACKLIST',
    )
  })
})
