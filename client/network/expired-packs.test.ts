import { expect, test } from 'vitest'
import { VirtualClock } from '../../infra/testing/virtual-clock.ts'
import { Code } from '../../schemas/codes.ts'
import type { ClientFrame, ServerFrame } from '../../schemas/frames.ts'
import { type PackId, packIdTime, type SessionId } from '../../schemas/ids.ts'
import { Flag } from '../../schemas/pack.ts'
import { FakeGateway, failed, notRandom, refused } from '../testing/fake-gateway.ts'
import { BACKOFF_MS_MAX, BACKOFF_MS_MIN } from './backoff.ts'
import { connect } from './client.ts'
import { RENEWALS_MAX } from './pending-packs.ts'

const AB = 's:alice:bob' as SessionId
type OutcomeQuestion = Extract<ClientFrame, { type: 'outcome' }>

/**
 * A gateway that says EXPIRED to the packIds in `expired`, and to a question what `outcomeOf` gives; undefined is no
 * answer at all.
 */
async function scene(outcomeOf: (question: OutcomeQuestion, asked: number) => ServerFrame | undefined) {
  const clock = new VirtualClock()
  const gateway = new FakeGateway(clock)
  const expired = new Set<string>()
  let asked = 0
  gateway.intercept = (frame, connection) => {
    if (frame.type === 'outcome') {
      const answer = outcomeOf(frame, ++asked)
      if (answer !== undefined) connection.push(answer)
      return true
    }
    if (!('packId' in frame) || !expired.has(frame.packId)) return false
    connection.push(refused(frame, 'EXPIRED'))
    return true
  }
  const client = connect({
    url: 'ws://fake/ws',
    token: 'alice',
    deviceType: 'linux',
    deviceId: 'alice-1',
    open: gateway.open,
    clock,
    random: notRandom,
  })
  await clock.settle()
  const say = (text: string) => {
    const submitted = client.submit({
      type: 'send',
      sessionId: AB,
      flags: Flag.COUNTER,
      content: { kind: 'Text', text },
    })
    return submitted
  }
  /** Packs of this text are written while there is no connection, and are too old when it is back. */
  const sayExpired = (text: string) => {
    const submitted = say(text)
    expired.add(submitted.packId)
    return submitted
  }
  return { clock, gateway, client, expired, say, sayExpired, asked: () => asked }
}

const notFound = ({ requestId, sessionId, packId }: OutcomeQuestion): ServerFrame => {
  return { type: 'outcome', requestId, sessionId, packId, found: false, code: 0, seq: 0, count: 0, at: 0 }
}

test('[CL17] an expired pack that took effect is answered by its first outcome and not sent again', async () => {
  const { clock, gateway, sayExpired } = await scene(({ requestId, sessionId, packId }) => {
    return { type: 'outcome', requestId, sessionId, packId, found: true, code: 0, seq: 7, count: 6, at: 5 }
  })
  const { answer, packId } = sayExpired('hello')
  await clock.settle()
  expect(await answer).toEqual({ kind: 'Accepted', packId, sessionId: AB, seq: 7, count: 6, at: 5 })
  expect(gateway.connectionOf('alice').received.filter(({ type }) => type === 'send')).toHaveLength(1)
})

test('[CL17] an expired pack that was refused for good is answered with that refusal', async () => {
  const { number: code } = Code.MSG_TOO_LONG
  const { clock, sayExpired } = await scene(({ requestId, sessionId, packId }) => {
    return { type: 'outcome', requestId, sessionId, packId, found: true, code, seq: 0, count: 0, at: 5 }
  })
  const { answer, packId } = sayExpired('hello')
  await clock.settle()
  expect(await answer).toMatchObject({ kind: 'Refused', packId, name: 'MSG_TOO_LONG', retry: 'never' })
})

test('[CL17] expired packs that never took effect go on under new packIds, in their order', async () => {
  const { clock, gateway, client, sayExpired } = await scene(notFound)
  const renewals: { packId: PackId; newPackId: PackId }[] = []
  client.on('renewed', renewal => renewals.push(renewal))
  const packs = ['one', 'two', 'three'].map(sayExpired)
  await clock.settle()
  const answers = await Promise.all(packs.map(({ answer }) => answer))
  expect(answers.map(answer => answer.kind === 'Accepted' && answer.seq)).toEqual([1, 2, 3])
  expect(renewals.map(({ packId }) => packId)).toEqual(packs.map(({ packId }) => packId))
  expect(answers.map(({ packId }) => packId)).toEqual(renewals.map(({ newPackId }) => newPackId))
  const sent = gateway.connectionOf('alice').received.filter(frame => frame.type === 'send')
  // What is sent under a new packId is no resend.
  expect(sent.slice(3).map(({ flags }) => flags)).toEqual([Flag.COUNTER, Flag.COUNTER, Flag.COUNTER])
  expect(client.pendingCount).toBe(0)
})

test('[CL17] while nobody can know, a pack is asked for again and not sent', async () => {
  const { clock, gateway, sayExpired, asked } = await scene((question, number) =>
    number < 4 ? failed(question.requestId, number === 2 ? 'DB_ERROR' : 'VIEW_BEHIND') : notFound(question),
  )
  const { answer } = sayExpired('hello')
  await clock.settle()
  expect(asked()).toBe(1)
  await clock.pass(3 * BACKOFF_MS_MAX)
  expect(asked()).toBe(4)
  expect(await answer).toMatchObject({ kind: 'Accepted', seq: 1 })
  expect(gateway.connectionOf('alice').received.filter(({ type }) => type === 'send')).toHaveLength(2)
})

test('[CL17] a connection that is lost while a pack is asked for leaves it pending; the next one asks again', async () => {
  const { clock, gateway, client, sayExpired, asked } = await scene((question, number) =>
    number === 1 ? undefined : notFound(question),
  )
  const { answer } = sayExpired('hello')
  await clock.settle()
  gateway.dropAll()
  await clock.pass(BACKOFF_MS_MIN)
  expect(await answer).toMatchObject({ kind: 'Accepted', seq: 1 })
  expect(asked()).toBe(2)
  expect(client.pendingCount).toBe(0)
})

test('[CL17] a pack that is expired whatever its packId is refused after a bounded number of tries', async () => {
  const { clock, client, expired, sayExpired, asked } = await scene(notFound)
  client.on('renewed', ({ newPackId }) => expired.add(newPackId))
  const { answer } = sayExpired('hello')
  await clock.settle()
  expect(await answer).toMatchObject({ kind: 'Refused', name: 'EXPIRED' })
  expect(asked()).toBe(RENEWALS_MAX + 1)
})

test('[CL17] a question that cannot be answered leaves the pack refused as EXPIRED', async () => {
  const { clock, sayExpired } = await scene(({ requestId }) => failed(requestId, 'PARAM'))
  const { answer, packId } = sayExpired('hello')
  await clock.settle()
  expect(await answer).toMatchObject({ kind: 'Refused', packId, name: 'EXPIRED', retry: 'new' })
})

test('[CL17] a group that is named after its packId keeps its name under a new one', async () => {
  const { clock, client, expired } = await scene(notFound)
  const { answer, packId, sessionId } = client.submit({ type: 'createGroup', info: { name: 'team' }, members: [] })
  expired.add(packId)
  await clock.settle()
  const accepted = await answer
  expect(accepted).toMatchObject({ kind: 'Accepted', sessionId })
  expect(accepted.packId).not.toBe(packId)
})

test("[CL18] packIds carry the server's time", async () => {
  const { clock, gateway, say } = await scene(notFound)
  gateway.skewMs = 7_200_000
  gateway.dropAll()
  await clock.pass(BACKOFF_MS_MIN)
  expect(packIdTime(say('hello').packId)).toBe(clock.now() + 7_200_000)
})
