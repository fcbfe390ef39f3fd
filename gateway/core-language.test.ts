import { expect, test } from 'vitest'
import { Code } from '../schemas/codes.ts'
import type { SendExtra, Target } from '../schemas/content.ts'
import { type ClientFrame, isPackFrame, type QuestionFrame, sessionOfFrame } from '../schemas/frames.ts'
import type { SessionId, UserId } from '../schemas/ids.ts'
import { CLIENT_FRAMES, eachFrame } from '../schemas/testing/frame-samples.ts'
import { samplePackId } from '../schemas/testing/samples.ts'
import { World } from './testing/world.ts'

/** The whole language of clients at a gateway: every frame is taken or refused by name, none breaks anything. */

const alice = 'alice' as UserId
const chat = 's:alice:bob' as SessionId
const packFrames = eachFrame(CLIENT_FRAMES).filter(isPackFrame)

test.each(packFrames)('[GW17] the pack of $type goes to its session in the words of the client', async frame => {
  const world = await World.make()
  const gateway = await world.gateway()
  for (const subprotocol of ['json', 'avro'] as const) {
    const client = await world.connect(gateway, alice, { deviceId: subprotocol, subprotocol })
    client.send(frame)
    await world.settle()
    world.sequencer.run()
    await world.settle()
  }
  const [json, avro] = world.sequencer.packs
  expect(json).toMatchObject({ sessionId: sessionOfFrame(frame, alice), from: alice })
  // Nobody has sent the messages that the samples name; the sequencer is left those that are fresh and name their sender.
  const { target, extra } = frame as { target?: Target; extra?: SendExtra }
  const lookedUp = [target, extra?.quote].some(named => named !== undefined && named.from === undefined)
  // Nothing has been said in any session.
  const isRefused = lookedUp || extra?.forward !== undefined || ['clearSession', 'deleteForMe'].includes(frame.type)
  expect(json!.stamp?.verdict?.code).toBe(isRefused ? Code.MSG_NOT_EXIST.number : undefined)
  expect(avro!.digest).toEqual(json!.digest)
  expect(avro!.body).toEqual(json!.body)
})

const questions = eachFrame(CLIENT_FRAMES).filter((frame): frame is QuestionFrame => 'requestId' in frame)
test.each(questions)('[GW44] the question $type is answered', async frame => {
  const world = await World.make()
  const client = await world.connect(await world.gateway(), alice)
  client.send(frame)
  await world.flow()
  await world.clock.pass(100)
  const { requestId } = frame
  const answers = client.frames.filter(answer => 'requestId' in answer && answer.requestId === requestId)
  expect(answers).toHaveLength(1)
  expect(answers[0]).not.toMatchObject({ code: Code.MSG_OP_CMD.number })
})

test('[GW44] whoever cannot know what their pack became gets the event, then the ack; the others the event', async () => {
  const world = await World.make()
  const gateway = await world.gateway()
  const sender = await world.connect(gateway, alice)
  const bob = await world.connect(gateway, 'bob')
  const target = { seq: 1, packId: samplePackId, from: alice }
  world.sequencer.dictate = () => ({ kind: 'MessageRevoked', target: { ...target, at: 5, counted: true } })
  sender.send({ type: 'revoke', packId: world.packId(), sessionId: chat, target })
  await world.flow()
  expect(sender.frames.map(({ type }) => type)).toEqual(['welcome', 'event', 'ack'])
  expect(bob.of('event')).toEqual(sender.of('event'))
  expect(sender.of('ack')).toMatchObject([{ seq: 1 }])
})

const packId = samplePackId
const broken: [string, object, SessionId][] = [
  ["a pack to one's own session", { type: 'updateProfile', packId }, 'u:alice' as SessionId],
  ['a pack about a session', { type: 'clearSession', packId, sessionId: chat }, 'u:alice' as SessionId],
  ['a pack between two users', { type: 'remarkFriend', packId, userId: 'bob' }, chat],
  ['a pack that names its session', { type: 'revoke', packId, sessionId: chat }, chat],
]
test.each(broken)('[GW4] %s that cannot be read is refused with the session that it was for', async (_, frame, id) => {
  const world = await World.make()
  const client = await world.connect(await world.gateway(), alice)
  client.send(frame as ClientFrame)
  await world.flow()
  expect(client.of('refused')).toMatchObject([{ packId, sessionId: id, code: Code.PARAM.number }])
})
