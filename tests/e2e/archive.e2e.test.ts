import { randomUUID } from 'node:crypto'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { systemClock } from '../../infra/clock.ts'
import type { Content } from '../../schemas/content.ts'
import type { EventFrame, QuestionFrame, ServerFrame } from '../../schemas/frames.ts'
import { type SessionId, singleSessionId, type UserId } from '../../schemas/ids.ts'
import { pause } from '../pause.ts'
import { startProduct, type TestProduct } from '../product.ts'
import { Device, type Subprotocol } from './device.ts'

/** What people see of what Redis no longer keeps, through the public protocol only. */

const PRODUCT_MS_MAX = 120_000
const STORY_MS_MAX = 120_000
const HISTORY_EVENTS_MAX = 6

let product: TestProduct
const devices: Device[] = []

beforeAll(async () => {
  product = await startProduct({ together: true, env: { PACKLOG_HISTORY_EVENTS_MAX: String(HISTORY_EVENTS_MAX) } })
}, PRODUCT_MS_MAX)

afterEach(() => {
  for (const device of devices.splice(0)) device.drop()
})

afterAll(() => product?.stop(), PRODUCT_MS_MAX)

/** People whom nobody has met before. */
function people(subprotocol: Subprotocol) {
  const tag = randomUUID().slice(0, 8)
  const [ann, bo, cy] = [`ann-${tag}`, `bo-${tag}`, `cy-${tag}`] as [UserId, UserId, UserId]
  const open = async (user: string) => {
    const device = await Device.connect(product, user, { subprotocol })
    devices.push(device)
    return device
  }
  return { tag, ann, bo, cy, chat: singleSessionId(ann, bo), open }
}

const text = (words: string): Content => ({ kind: 'Text', text: words })

/** Says something and gives what names it. */
async function say(device: Device, from: UserId, sessionId: SessionId, words: string) {
  const answer = await device.pack({ type: 'send', sessionId, flags: 4, content: text(words) })
  if (answer.type !== 'ack') throw new Error(`refused: ${answer.name}`)
  return { seq: answer.seq, packId: answer.packId, from }
}

type Page = Extract<ServerFrame, { type: 'page' }>

/** A page, asked again while it is refused for the moment. */
async function page(device: Device, question: { sessionId: SessionId; afterSeq?: number; beforeSeq?: number }) {
  for (;;) {
    const answer = await device.ask({ type: 'history', limit: 4, ...question })
    if (answer.type === 'page') {
      if (answer.more && answer.events.length === 0) throw new Error('a page that is empty says that there is more')
      return answer
    }
    if (answer.type !== 'failed' || answer.retry !== 'same') throw new Error(JSON.stringify(answer))
    await pause()
  }
}

/** The whole session, page by page: from its beginning, and from its end. */
async function bothWays(device: Device, sessionId: SessionId): Promise<{ forth: EventFrame[]; back: EventFrame[] }> {
  const forth: EventFrame[] = []
  for (let next: Page | undefined; next?.more !== false; forth.push(...next.events)) {
    next = await page(device, { sessionId, afterSeq: forth.at(-1)?.seq ?? 0 })
  }
  const back: EventFrame[] = []
  for (let next: Page | undefined; next?.more !== false; back.unshift(...next.events)) {
    next = await page(device, { sessionId, beforeSeq: back[0]?.seq ?? 1_000_000 })
  }
  return { forth, back }
}

const seqs = (events: readonly EventFrame[]) => events.map(({ seq }) => seq)
const range = (from: number, to: number) => Array.from({ length: to - from + 1 }, (_, i) => from + i)

/** Asks until history has taken in what was just done. */
async function until<T>(ask: () => Promise<T>, fits: (found: T) => boolean): Promise<T> {
  for (;;) {
    const found = await ask()
    if (fits(found)) return found
    await pause()
  }
}

describe.each(['json', 'avro'] as const)('over %s', subprotocol => {
  test('[LH1] Ann scrolls back to the first word, and everything reads as it does now', {
    timeout: STORY_MS_MAX,
  }, async () => {
    const { ann, bo, chat, open } = people(subprotocol)
    const [anns, bos] = [await open(ann), await open(bo)]
    const said: Awaited<ReturnType<typeof say>>[] = []
    for (let i = 1; i <= 16; i++) said.push(await say(anns, ann, chat, `word ${i}`))
    const at = (seq: number) => said[seq - 1]!
    await anns.pack({ type: 'override', sessionId: chat, target: at(2), content: text('another word') }) // 17
    await anns.pack({ type: 'revoke', sessionId: chat, target: at(3) }) // 18
    await bos.pack({ type: 'addReaction', sessionId: chat, target: at(4), emoji: '👍' }) // 19
    await anns.pack({ type: 'deleteForAll', sessionId: chat, target: at(5) }) // 20
    await bos.pack({ type: 'deleteForMe', sessionId: chat, targets: [at(7)] })
    const whole = await until(
      () => bothWays(bos, chat),
      ({ forth }) => forth.at(-1)?.seq === 20 && !seqs(forth).includes(7),
    )
    expect(seqs(whole.forth)).toEqual(range(1, 20).filter(seq => seq !== 7))
    expect(whole.back).toEqual(whole.forth)
    const event = (seq: number) => whole.forth.find(found => found.seq === seq)!
    expect(event(1).body).toEqual({ kind: 'MessageAccepted', content: text('word 1') })
    expect(event(2)).toMatchObject({ body: { content: text('another word') }, state: { change: 'edited', seq: 17 } })
    expect(event(3)).toMatchObject({ body: { content: { kind: 'Removed' } }, state: { change: 'revoked', by: ann } })
    expect(event(4).reactions).toEqual([{ emoji: '👍', count: 1, userIds: [bo] }])
    expect(event(5)).toMatchObject({ body: { content: { kind: 'Removed' } }, state: { change: 'deleted' } })
    expect(seqs((await bothWays(anns, chat)).forth)).toEqual(range(1, 20))
    await bos.pack({ type: 'clearSession', sessionId: chat, seq: 9 })
    const cleared = await until(
      () => bothWays(bos, chat),
      ({ forth }) => forth[0]?.seq !== 1,
    )
    expect(seqs(cleared.forth)).toEqual(range(10, 20))
    expect(cleared.back).toEqual(cleared.forth)
  })

  test('[SE5] everybody finds what they may see, and nothing that was taken back', {
    timeout: STORY_MS_MAX,
  }, async () => {
    const { tag, ann, bo, cy, chat, open } = people(subprotocol)
    const [anns, bos, cys] = [await open(ann), await open(bo), await open(cy)]
    const crew = `g:crew-${tag}` as SessionId
    const word = `word${tag}`
    await anns.pack({ type: 'createGroup', groupId: `crew-${tag}`, info: { name: 'crew' }, members: [bo] }) // 1
    await say(anns, ann, crew, `${word} early`) // 2
    await anns.pack({ type: 'removeMembers', sessionId: crew, userIds: [bo] }) // 3
    await say(anns, ann, crew, `${word} without Bo`) // 4
    await anns.pack({ type: 'addMembers', sessionId: crew, userIds: [bo, cy] }) // 5
    await say(anns, ann, crew, `${word} 我们坐高铁`) // 6
    const edited = await say(anns, ann, chat, `${word} in private`)
    const revoked = await say(anns, ann, chat, `${word} by mistake`)
    const hidden = await say(anns, ann, chat, `${word} unloved`)
    const find = async (device: Device, question: Partial<Extract<QuestionFrame, { type: 'search' }>>) => {
      for (;;) {
        const answer = await device.ask({ type: 'search', ...question })
        if (answer.type === 'found') return answer
        if (answer.type !== 'failed' || answer.retry !== 'same') throw new Error(JSON.stringify(answer))
        await pause()
      }
    }
    const places = async (device: Device, question: object) =>
      (await find(device, question)).events.map(({ sessionId, seq }) => `${sessionId[0]}${seq}`)
    const whole = ['s3', 's2', 's1', 'g6', 'g4', 'g2']
    expect(
      await until(
        () => places(anns, { words: word }),
        found => found.length === whole.length,
      ),
    ).toEqual(whole)
    expect(await places(bos, { words: word })).toEqual(['s3', 's2', 's1', 'g6', 'g2'])
    expect(await places(cys, { words: word })).toEqual(['g6'])
    expect(await places(bos, { words: `${word} 高铁` })).toEqual(['g6'])
    expect(await places(bos, { words: word, sessionId: crew })).toEqual(['g6', 'g2'])
    expect(await places(bos, { words: word, from: bo })).toEqual([])
    const page = await find(bos, { words: word, limit: 2 })
    expect(await places(bos, { words: word, cursor: page.cursor!, limit: 2 })).toEqual(['s1', 'g6'])
    await anns.pack({ type: 'override', sessionId: chat, target: edited, content: text(`another ${tag}`) })
    await anns.pack({ type: 'revoke', sessionId: chat, target: revoked })
    const revokedAt = systemClock.monotonic()
    await until(
      () => places(anns, { words: word }),
      found => !found.includes('s2'),
    )
    const goneMs = Math.round(systemClock.monotonic() - revokedAt)
    process.stdout.write(`what was revoked is gone from search ${goneMs} ms after its ack\n`)
    await bos.pack({ type: 'deleteForMe', sessionId: chat, targets: [hidden] })
    await until(
      () => places(bos, { words: word }),
      found => found.length === 2,
    )
    expect(await places(anns, { words: word })).toEqual(['s3', 'g6', 'g4', 'g2'])
    const { events } = await find(bos, { words: tag, from: ann, sessionId: chat })
    expect(events).toMatchObject([{ seq: 1, body: { content: text(`another ${tag}`) }, state: { change: 'edited' } }])
    const refused = async (question: object) => {
      const answer = await bos.ask({ type: 'search', ...question })
      return answer.type === 'failed' ? answer.name : answer.type
    }
    expect(await refused({})).toBe('PARAM')
    expect(await refused({ words: '!' })).toBe('PARAM')
    expect(await refused({ words: word, cursor: 'nonsense' })).toBe('PARAM')
    expect(await refused({ words: word, contentKind: 'Nothing' })).toBe('PARAM')
    expect(await refused({ words: word, limit: 1_000 })).toBe('PARAM')
    expect(await refused({ words: word, sessionId: `g:none-${tag}` })).toBe('HISTORY_DENIED')
  })

  test('[LH1] whoever left and came back sees their stays, also where only the archive has them', {
    timeout: STORY_MS_MAX,
  }, async () => {
    const { tag, ann, bo, cy, open } = people(subprotocol)
    const [anns, bos, cys] = [await open(ann), await open(bo), await open(cy)]
    const crew = `g:crew-${tag}` as SessionId
    await anns.pack({ type: 'createGroup', groupId: `crew-${tag}`, info: { name: 'crew' }, members: [bo] }) // 1
    for (let i = 2; i <= 4; i++) await say(anns, ann, crew, `early ${i}`)
    await anns.pack({ type: 'removeMembers', sessionId: crew, userIds: [bo] }) // 5
    for (let i = 6; i <= 9; i++) await say(anns, ann, crew, `without ${i}`)
    await anns.pack({ type: 'addMembers', sessionId: crew, userIds: [bo, cy] }) // 10
    for (let i = 11; i <= 20; i++) await say(anns, ann, crew, `late ${i}`)
    const mine = await until(
      () => bothWays(bos, crew),
      ({ forth }) => forth.at(-1)?.seq === 20,
    )
    expect(seqs(mine.forth)).toEqual([...range(1, 5), ...range(10, 20)])
    expect(mine.back).toEqual(mine.forth)
    expect(seqs((await bothWays(cys, crew)).back)).toEqual(range(10, 20))
  })
})
