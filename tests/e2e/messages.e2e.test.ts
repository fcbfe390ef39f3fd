import { randomUUID } from 'node:crypto'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import type { Content, SendExtra } from '../../schemas/content.ts'
import type { EventFrame, MessageState } from '../../schemas/frames.ts'
import { type SessionId, singleSessionId, type UserId } from '../../schemas/ids.ts'
import { CONTENTS } from '../../schemas/testing/samples.ts'
import { pause } from '../pause.ts'
import { startProduct, type TestProduct } from '../product.ts'
import { runCommand } from '../run-command.ts'
import { Device, type Subprotocol } from './device.ts'

/** What people do with messages, through the public protocol only. */

const PRODUCT_MS_MAX = 120_000
const DELETE_WINDOW_MS = 1_000
const STORY_MS_MAX = 60_000

let folder: string
let wordsFile: string
let product: TestProduct
const devices: Device[] = []

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'packlog-stories-'))
  wordsFile = join(folder, 'words.txt')
  const rulesFile = join(folder, 'rules.json')
  await writeFile(wordsFile, 'unspeakable\nrude = mask\n')
  await writeFile(rulesFile, JSON.stringify({ version: 1, deleteWindowMs: DELETE_WINDOW_MS }))
  const env = { PACKLOG_WORDS_FILE: wordsFile, PACKLOG_RULES_FILE: rulesFile }
  product = await startProduct({ together: true, env })
}, PRODUCT_MS_MAX)

afterEach(() => {
  for (const device of devices.splice(0)) device.drop()
})

afterAll(async () => {
  await product?.stop()
  await rm(folder, { recursive: true, force: true })
}, PRODUCT_MS_MAX)

const text = (words: string): Content => ({ kind: 'Text', text: words })
const asUser = (name: string) => name as UserId

/** People whom nobody has met before, and what they use. */
function people(subprotocol: Subprotocol) {
  const tag = randomUUID().slice(0, 8)
  const [ann, bo, cy] = [`ann-${tag}`, `bo-${tag}`, `cy-${tag}`]
  const chat = singleSessionId(asUser(ann), asUser(bo))
  const open = async (user: string, device = 'laptop') => {
    const opened = await Device.connect(product, user, { subprotocol, deviceId: `${user}-${device}` })
    devices.push(opened)
    return opened
  }
  return { tag, ann, bo, cy, chat, open }
}

/** Sends a message and gives what names it. */
async function said(device: Device, from: string, sessionId: SessionId, content: Content, extra?: SendExtra) {
  const request = { type: 'send', sessionId, flags: 4, content } as const
  const answer = await device.pack(extra === undefined ? request : { ...request, extra })
  if (answer.type !== 'ack') throw new Error(`refused: ${answer.name}`)
  return { seq: answer.seq, packId: answer.packId, from: asUser(from), at: answer.at }
}

const targetOf = ({ seq, packId, from }: Awaited<ReturnType<typeof said>>) => ({ seq, packId, from })
const stateAt = (events: readonly EventFrame[], seq: number): MessageState | undefined =>
  events.find(event => event.seq === seq)?.state
const contentAt = (events: readonly EventFrame[], seq: number): Content | undefined => {
  const body = events.find(event => event.seq === seq)?.body
  return body?.kind === 'MessageAccepted' ? body.content : undefined
}

describe.each(['json', 'avro'] as const)('stories in %s', subprotocol => {
  test(
    "[E2E10] Ann revokes a message while Bo's phone is off",
    async () => {
      const { ann, bo, chat, open } = people(subprotocol)
      const [anns, laptop, phone] = await Promise.all([open(ann), open(bo), open(bo, 'phone')])
      const slip = await said(anns, ann, chat, text('this was meant for Cy'))
      expect((await phone.event(chat, 1)).body).toMatchObject({ content: text('this was meant for Cy') })
      phone.drop()

      expect(await anns.outcome({ type: 'revoke', sessionId: chat, target: targetOf(slip) })).toBe('ack')
      const revoked = { kind: 'MessageRevoked', target: { ...slip, counted: true } }
      expect((await laptop.event(chat, 2)).body).toEqual(revoked)

      const again = await open(bo, 'phone')
      again.send({ type: 'resume', requestId: 900, sessions: [{ sessionId: chat, seq: 1 }] })
      expect((await again.event(chat, 2)).body).toEqual(revoked)
      const history = await again.history(chat, events => stateAt(events, 1) !== undefined)
      expect(contentAt(history, 1)).toEqual({ kind: 'Removed' })
      expect(stateAt(history, 1)).toMatchObject({ change: 'revoked', by: ann, seq: 2 })
    },
    STORY_MS_MAX,
  )

  test(
    '[E2E10] Ann edits a message twice, and nobody else can',
    async () => {
      const { ann, bo, chat, open } = people(subprotocol)
      const [anns, bos] = await Promise.all([open(ann), open(bo)])
      const first = targetOf(await said(anns, ann, chat, text('see you at 8')))
      const edit = (words: string) =>
        ({ type: 'override', sessionId: chat, target: first, content: text(words) }) as const
      expect(await bos.outcome(edit('see you never'))).toBe('NO_PRIVILEGE')
      expect(await anns.outcome(edit(''))).toBe('MSG_TOO_SHORT')
      expect(await anns.outcome(edit('see you at 9'))).toBe('ack')
      expect(await anns.outcome(edit('see you at 10'))).toBe('ack')
      expect((await bos.event(chat, 3)).body).toMatchObject({
        kind: 'MessageOverridden',
        target: first,
        content: text('see you at 10'),
        version: 2,
      })
      const history = await bos.history(chat, events => stateAt(events, 1)?.version === 2)
      expect(contentAt(history, 1)).toEqual(text('see you at 10'))
      expect(stateAt(history, 1)).toMatchObject({ change: 'edited', by: ann })
    },
    STORY_MS_MAX,
  )

  test(
    '[E2E10] in a group the owner deletes for all at any time, the sender in time, others never',
    async () => {
      const { tag, ann, bo, cy, open } = people(subprotocol)
      const [anns, bos, cys] = await Promise.all([open(ann), open(bo), open(cy)])
      const group = `g:team-${tag}` as SessionId
      const members = [asUser(bo), asUser(cy)]
      await anns.pack({ type: 'createGroup', groupId: `team-${tag}` as never, info: { name: 'Team' }, members })
      const spam = await said(bos, bo, group, text('buy this'))
      const erase = { type: 'deleteForAll', sessionId: group, target: targetOf(spam) } as const
      expect(await cys.outcome(erase)).toBe('NO_PRIVILEGE')
      // The server's clock is that of the log here: one machine.
      for (let time = 0; time <= spam.at + 2 * DELETE_WINDOW_MS; ) {
        const pong = await bos.ask({ type: 'ping' })
        time = pong.type === 'pong' ? pong.serverTime : time
        await pause()
      }
      expect(await bos.outcome(erase)).toBe('TOO_LATE')
      expect(await anns.outcome(erase)).toBe('ack')
      expect((await cys.event(group, 3)).body).toMatchObject({ kind: 'MessageDeleted', target: targetOf(spam) })
      const history = await cys.history(group, events => stateAt(events, 2) !== undefined)
      expect(stateAt(history, 2)).toMatchObject({ change: 'deleted', by: ann })
      expect(contentAt(history, 2)).toEqual({ kind: 'Removed' })
    },
    STORY_MS_MAX,
  )

  test(
    '[E2E10] what is not there, and what is gone, cannot be revoked, edited, deleted or reacted to',
    async () => {
      const { ann, bo, chat, open } = people(subprotocol)
      const [anns, bos] = await Promise.all([open(ann), open(bo)])
      const [one, two] = [await said(anns, ann, chat, text('one')), await said(anns, ann, chat, text('two'))]
      const wrong = [
        { ...targetOf(one), packId: two.packId },
        { seq: 99, packId: one.packId },
        { seq: 1, packId: anns.newPackId() },
      ]
      for (const target of wrong) {
        expect(await anns.outcome({ type: 'revoke', sessionId: chat, target })).toBe('MSG_NOT_EXIST')
        expect(await anns.outcome({ type: 'addReaction', sessionId: chat, target, emoji: '👍' })).toBe('MSG_NOT_EXIST')
      }
      expect(await anns.outcome({ type: 'revoke', sessionId: chat, target: targetOf(one) })).toBe('ack')
      const gone = { sessionId: chat, target: targetOf(one) }
      expect(await anns.outcome({ type: 'revoke', ...gone })).toBe('MSG_REPEATED')
      expect(await anns.outcome({ type: 'deleteForAll', ...gone })).toBe('MSG_NOT_EXIST')
      expect(await anns.outcome({ type: 'override', ...gone, content: text('x') })).toBe('MSG_NOT_EXIST')
      expect(await bos.outcome({ type: 'addReaction', ...gone, emoji: '👍' })).toBe('MSG_NOT_EXIST')
      const quote = { type: 'send', sessionId: chat, content: text('?'), extra: { quote: targetOf(one) } } as const
      expect(await bos.outcome(quote)).toBe('MSG_NOT_EXIST')
    },
    STORY_MS_MAX,
  )

  test(
    '[E2E10] Bo answers, forwards and reacts',
    async () => {
      const { ann, bo, cy, chat, open } = people(subprotocol)
      const [anns, bos, cys] = await Promise.all([open(ann), open(bo), open(cy)])
      const asked = await said(anns, ann, chat, text('lunch?'), { mentions: [asUser(bo)] })
      const { seq, packId } = asked
      // Without its sender the message is looked up in history.
      const answer = await said(bos, bo, chat, text('yes'), { quote: { seq, packId } })
      expect((await anns.event(chat, answer.seq)).body).toMatchObject({ extra: { quote: targetOf(asked) } })
      // The sender hears what the server found of what they named.
      expect((await bos.event(chat, answer.seq)).body).toMatchObject({ extra: { quote: targetOf(asked) } })
      const other = singleSessionId(asUser(bo), asUser(cy))
      const forward = { sessionId: chat, seq, packId }
      await said(bos, bo, other, text('lunch?'), { forward })
      expect((await cys.event(other, 1)).body).toMatchObject({
        content: text('lunch?'),
        extra: { forward: { from: ann, at: asked.at } },
      })
      const forged = { type: 'send', sessionId: other, content: text('dinner?'), extra: { forward } } as const
      expect(await bos.outcome(forged)).toBe('MSG_NOT_EXIST')
      const reaction = { sessionId: chat, target: { seq, packId }, emoji: '👍' }
      expect(await bos.outcome({ type: 'addReaction', ...reaction })).toBe('ack')
      expect(await bos.outcome({ type: 'addReaction', ...reaction })).toBe('MSG_REPEATED')
      expect((await anns.event(chat, 3)).body).toMatchObject({
        kind: 'ReactionAdded',
        emoji: '👍',
        target: targetOf(asked),
      })
      await anns.history(chat, events => events[0]?.reactions?.[0]?.userIds.includes(asUser(bo)) === true)
      expect(await bos.outcome({ type: 'removeReaction', ...reaction })).toBe('ack')
      await anns.history(chat, events => events[0]!.reactions === undefined || events[0]!.reactions.length === 0)
    },
    STORY_MS_MAX,
  )

  test(
    '[E2E10] every kind of content arrives as it was sent, and stays so in history',
    async () => {
      const { ann, bo, chat, open } = people(subprotocol)
      const [anns, bos] = await Promise.all([open(ann), open(bo)])
      const contents = Object.values(CONTENTS).filter(({ kind }) => kind !== 'Removed')
      for (const content of contents) await said(anns, ann, chat, content)
      for (const [index, content] of contents.entries()) {
        expect((await bos.event(chat, index + 1)).body).toEqual({ kind: 'MessageAccepted', content })
      }
      const history = await bos.history(chat, events => events.length === contents.length)
      expect(history.map(({ body }) => body)).toEqual(contents.map(content => ({ kind: 'MessageAccepted', content })))
    },
    STORY_MS_MAX,
  )

  test(
    '[E2E10] contents that are malformed, empty or too long are refused',
    async () => {
      const { ann, chat, open } = people(subprotocol)
      const anns = await open(ann)
      const send = (content: Content) => anns.outcome({ type: 'send', sessionId: chat, content })
      expect(await send({ ...CONTENTS.File, file: { ...CONTENTS.File.file, url: 'javascript:x' } })).toBe(
        'MSG_INVALID_FORMAT',
      )
      expect(await send({ ...CONTENTS.Location, latitude: 91 })).toBe('MSG_INVALID_FORMAT')
      expect(await send({ ...CONTENTS.Custom, data: '{' })).toBe('MSG_INVALID_FORMAT')
      expect(await send({ ...CONTENTS.MergedForward, items: [] })).toBe('MSG_TOO_SHORT')
      expect(await send(text(''))).toBe('MSG_TOO_SHORT')
      expect(await send({ ...CONTENTS.Image, caption: 'x'.repeat(65_536) })).toBe('MSG_TOO_LONG')
      const all = { type: 'send', sessionId: chat, content: text('all'), extra: { mentionsAll: true } } as const
      expect(await anns.outcome(all)).toBe('PARAM')
    },
    STORY_MS_MAX,
  )

  test(
    '[E2E10] a forbidden word refuses a message for good, another one is masked',
    async () => {
      const { ann, bo, chat, open } = people(subprotocol)
      const [anns, bos] = await Promise.all([open(ann), open(bo)])
      const packId = anns.newPackId()
      const bad = { type: 'send', packId, sessionId: chat, content: text('How UNSPEAKABLE!') } as const
      expect(await anns.outcome(bad)).toBe('SENSITIVE_MATCH')
      expect(await anns.outcome(bad)).toBe('SENSITIVE_MATCH')
      expect(await anns.outcome({ ...bad, content: text('How nice!') })).toBe('PACK_CONFLICT')
      const masked = { kind: 'MessageAccepted', content: text('no ***ness'), extra: { rewritten: true } }
      const { seq } = await said(anns, ann, chat, text('no rudeness'))
      expect((await bos.event(chat, seq)).body).toEqual(masked)
      expect((await anns.event(chat, seq)).body).toEqual(masked)
    },
    STORY_MS_MAX,
  )
})

test(
  '[E2E10] a target without seq or packId is PARAM, an operation that nobody knows PROTOCOL',
  async () => {
    const { ann, chat, open } = people('json')
    const anns = await open(ann)
    const packId = anns.newPackId()
    const target = { seq: 1, packId }
    for (const half of [{ seq: 1 }, { packId }, undefined]) {
      const before = anns.of('refused').length
      anns.sendRaw(JSON.stringify({ type: 'revoke', packId, sessionId: chat, target: half }))
      await anns.until(() => anns.of('refused').length > before)
    }
    const without = { type: 'revoke', packId, target }
    anns.sendRaw(JSON.stringify(without))
    await anns.until(() => anns.of('refused').length + anns.of('error').length > 3)
    expect([...anns.of('refused'), ...anns.of('error')].map(({ name }) => name)).toEqual(Array(4).fill('PARAM'))
    anns.sendRaw(JSON.stringify({ type: 'unsend', packId, sessionId: chat, target }))
    await anns.until(() => anns.of('refused').some(({ name }) => name === 'PROTOCOL'))
  },
  STORY_MS_MAX,
)

test(
  '[E2E10] a new list of words applies without a restart',
  async () => {
    const { ann, chat, open } = people('json')
    const anns = await open(ann)
    const send = () => anns.outcome({ type: 'send', sessionId: chat, content: text('a brand new word') })
    expect(await send()).toBe('ack')
    await writeFile(wordsFile, 'unspeakable\nrude = mask\nbrand new\n')
    // Each message is a question to the list that applies now.
    while ((await send()) === 'ack') await pause()
    expect(await send()).toBe('SENSITIVE_MATCH')
    await writeFile(wordsFile, 'brand new = hide\n')
    const { logFile } = product.roles.gateway!
    while (!(await readFile(logFile, 'utf8')).includes('the list of words stays as it was')) await pause()
    expect(await send()).toBe('SENSITIVE_MATCH')
  },
  STORY_MS_MAX,
)

test(
  '[VF1] after all that was done to messages every view says what the log says',
  async () => {
    const { code, stdout, stderr } = await runCommand(['verify'], product.env)
    expect(stderr + stdout).toContain('all equal')
    expect(code).toBe(0)
  },
  PRODUCT_MS_MAX,
)
