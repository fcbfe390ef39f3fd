import { expect, test } from 'vitest'
import { Code } from '../../schemas/codes.ts'
import type { PackId, SessionId } from '../../schemas/ids.ts'
import { World } from '../testing/world.ts'
import { parseWords, WordList } from '../words/word-list.ts'

const CHAT = 's:alice:bob' as SessionId

async function talk() {
  const world = await World.make()
  let list: WordList | undefined = new WordList(parseWords('worst\nbad = mask'))
  const gateway = await world.gateway('gw', { words: () => list })
  const alice = await world.connect(gateway, 'alice')
  const bob = await world.connect(gateway, 'bob')
  const say = async (text: string, packId: PackId = world.packId()) => {
    const pushInfo = { title: 'alice', summary: text, url: '' }
    alice.send({ type: 'send', packId, sessionId: CHAT, flags: 0, pushInfo, content: { kind: 'Text', text } })
    await world.flow()
    return world.sequencer.packs.at(-1)!
  }
  const empty = () => {
    list = undefined
  }
  return { world, alice, bob, say, empty }
}

test('[WO6] a refused message goes to the log as a verdict, without what was said', async () => {
  const { say } = await talk()
  const pack = await say('the worst')
  expect(pack).toMatchObject({ body: { content: { kind: 'Removed' } }, pushInfo: null })
  expect(pack.stamp).toMatchObject({ verdict: { code: Code.SENSITIVE_MATCH.number }, rewritten: false })
})

test('[WO6] a masked message says so, to its sender as well', async () => {
  const { world, alice, bob, say } = await talk()
  world.sequencer.dictate = ({ body }) =>
    body.kind === 'SendMessage'
      ? { kind: 'MessageAccepted', content: body.content, extra: { rewritten: true } }
      : undefined
  const pack = await say('so bad')
  expect(pack).toMatchObject({
    body: { content: { text: 'so ***' } },
    pushInfo: { summary: 'so ***' },
    stamp: { verdict: null, rewritten: true },
  })
  expect(alice.frames.map(({ type }) => type)).toEqual(['welcome', 'event', 'ack'])
  expect(alice.of('event')).toEqual(bob.of('event'))
})

test('[WO6] the digest is that of the words that were sent, so that a resend under another list is no conflict', async () => {
  const { world, say, empty } = await talk()
  const packIds = [world.packId(), world.packId()]
  const judged = [await say('so bad', packIds[0]), await say('the worst', packIds[1])]
  empty()
  const plain = [await say('so bad', packIds[0]), await say('the worst', packIds[1])]
  expect(plain.map(({ digest }) => digest)).toEqual(judged.map(({ digest }) => digest))
  expect(plain.map(({ stamp }) => stamp)).toEqual([null, null])
})

test('[WO6] an edit is read as well; what is no message is not', async () => {
  const { world, alice } = await talk()
  const target = { seq: 1, packId: world.packId(), from: 'alice' as never }
  alice.send({
    type: 'override',
    packId: world.packId(),
    sessionId: CHAT,
    target,
    content: { kind: 'Text', text: 'worst' },
  })
  await world.flow()
  expect(world.sequencer.packs.at(-1)).toMatchObject({
    body: { kind: 'OverrideMessage', target, content: { kind: 'Removed' } },
    stamp: { verdict: { code: Code.SENSITIVE_MATCH.number } },
  })
  alice.send({ type: 'addReaction', packId: world.packId(), sessionId: CHAT, target, emoji: 'worst' })
  await world.flow()
  expect(world.sequencer.packs.at(-1)!.stamp).toBeNull()
})
