import { Kafka, logLevel } from 'kafkajs'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { QuestionFailed } from '../../client/network/questions.ts'
import { type ClickHouse, connectClickHouse } from '../../infra/clickhouse/clickhouse.ts'
import { type Millis, systemClock } from '../../infra/clock.ts'
import type { EventFrame } from '../../schemas/frames.ts'
import { type GroupId, groupSessionId, type SessionId, type UserId } from '../../schemas/ids.ts'
import { startProduct, type TestProduct } from '../product.ts'
import { runCommand } from '../run-command.ts'
import { testStack } from '../stack.ts'
import { type Person, person, say, until } from './people.ts'

/**
 * The rebuild of each view by the real command, while people talk, come and go, and ask all the time. Their answers are
 * compared with what the watcher, a member from the beginning, was delivered live: that comes from the log and not from
 * a view.
 */

const TEAM = groupSessionId('team' as GroupId)
const VIEWS = ['history', 'membership', 'archive'] as const
/** Events before the first rebuild. */
const EVENTS_BEFORE = 300
/** Between two packs of somebody, and between two questions: the machine has to build as well. */
const TALK_PAUSE_MS = 10
const ASK_PAUSE_MS = 50
/** Come and go in turn, so many that the same are in again only after twice as many changes. */
const GUESTS = Array.from({ length: 50 }, (_, n) => `guest-${n}` as UserId)
/** How far a view may be ahead of what the watcher was delivered: fewer events than until the same guests are in. */
const AHEAD_EVENTS_MAX = 100

let product: TestProduct
let clickhouse: ClickHouse

beforeAll(async () => {
  product = await startProduct({ together: true })
  const database = product.env.PACKLOG_CLICKHOUSE_DATABASE!
  clickhouse = connectClickHouse({ url: testStack().clickhouseUrl, database })
}, 180_000)

afterAll(async () => {
  await clickhouse?.close()
  await product?.stop()
}, 60_000)

interface Loop {
  /** Gives how often it has done its task; throws what the task has thrown. */
  stop(): Promise<number>
}

/** Does the task again and again until it is stopped. */
function again(pauseMs: Millis, task: () => Promise<void>): Loop {
  let isOver = false
  let count = 0
  const running = (async () => {
    for (; !isOver; count++) {
      await task()
      await systemClock.sleep(pauseMs)
    }
  })()
  // Whoever stops it gets the failure.
  running.catch(() => {})
  return {
    stop: async () => {
      isOver = true
      await running
      return count
    },
  }
}

/** Undefined for a question that got a temporary refusal, which is no answer and so no wrong one. */
async function answerOf<T>(question: Promise<T>): Promise<T | undefined> {
  try {
    return await question
  } catch (error) {
    if (error instanceof QuestionFailed && error.temporary) return undefined
    throw error
  }
}

const timeline = (watcher: Person): EventFrame[] => watcher.received.get(TEAM) ?? []

/** Who was in after the first `seq` events of the watcher. */
class MembersThen {
  seq = 0
  private readonly members = new Set<UserId>()

  next({ from, body }: EventFrame): void {
    if (body.kind === 'GroupCreated') for (const userId of [from, ...body.members]) this.members.add(userId)
    if (body.kind === 'MembersAdded') for (const userId of body.userIds) this.members.add(userId)
    if (body.kind === 'MembersRemoved') for (const userId of body.userIds) this.members.delete(userId)
    this.seq++
  }

  toString(): string {
    return [...this.members].sort().join(' ')
  }
}

/** The last events of the team as history has them: dense, up to what was there at the question, and as delivered. */
async function askHistory(watcher: Person, highest: { seq: number }): Promise<void> {
  const page = await answerOf(
    watcher.client.ask({ type: 'history', sessionId: TEAM, beforeSeq: Number.MAX_SAFE_INTEGER, limit: 100 }),
  )
  if (page === undefined) return
  expect(page.lastSeq, 'history went back').toBeGreaterThanOrEqual(highest.seq)
  highest.seq = page.lastSeq
  const seqs = page.events.map(({ seq }) => seq)
  expect(seqs).toEqual(seqs.map((_, index) => page.lastSeq - seqs.length + 1 + index))
  expect(seqs.length).toBe(Math.min(100, page.lastSeq))
  for (const event of page.events) {
    const delivered = timeline(watcher)[event.seq - 1]
    if (delivered !== undefined) expect(event).toEqual(delivered)
  }
}

/** The members as the view has them: those after some event, none before what an earlier answer told. */
async function askMembers(watcher: Person, then: MembersThen): Promise<void> {
  const answer = await answerOf(watcher.client.ask({ type: 'members', sessionId: TEAM }))
  if (answer === undefined) return
  const found = answer.members
    .map(({ userId }) => userId)
    .sort()
    .join(' ')
  const last = timeline(watcher).length + AHEAD_EVENTS_MAX
  while (String(then) !== found) {
    expect(then.seq, `${found} were members at no time`).toBeLessThan(last)
    await until([watcher], () => timeline(watcher).length > then.seq)
    then.next(timeline(watcher)[then.seq]!)
  }
}

/** The archive's rows of the team: dense from the first message on, never fewer, each with the sender and the text. */
async function askArchive(watcher: Person, highest: { rows: number }): Promise<void> {
  const sql = `SELECT seq, kind, from, text FROM events FINAL WHERE sessionId = '${TEAM}' AND seq > 0 ORDER BY seq`
  const rows = await clickhouse.rows<{ seq: number; kind: string; from: string; text: string }>(sql)
  expect(rows.length, 'the archive went back').toBeGreaterThanOrEqual(highest.rows)
  highest.rows = rows.length
  expect(rows.map(({ seq }) => seq)).toEqual(rows.map((_, index) => index + 1))
  for (const row of rows) {
    const delivered = timeline(watcher)[row.seq - 1]
    if (delivered === undefined) continue
    const { kind, from, body } = { kind: row.kind, from: row.from, body: delivered.body }
    expect({ kind, from }).toEqual({ kind: body.kind, from: delivered.from })
    if (body.kind === 'MessageAccepted' && body.content.kind === 'Text') expect(row.text).toBe(body.content.text)
  }
}

/** In each second round a guest comes, and in the one after it the guest before goes. */
async function comeOrGo(owner: Person, round: number): Promise<void> {
  const isComing = round % 2 === 0
  const guest = Math.floor(round / 2) - (isComing ? 0 : 1)
  if (guest < 0) return
  const type = isComing ? 'addMembers' : 'removeMembers'
  const userIds = [GUESTS[guest % GUESTS.length]!]
  const answer = await owner.client.submit({ type, sessionId: TEAM as SessionId, userIds }).answer
  expect(answer.kind).toBe('Accepted')
}

test('[RN11, AR8] rebuild switches each view over under load without a wrong answer to anybody', async () => {
  const [owner, watcher] = [
    await person(product, 'owner', { sessions: [] }),
    await person(product, 'watcher', { sessions: [] }),
  ]
  const created = owner.client.submit({
    type: 'createGroup',
    groupId: 'team',
    info: { name: 'The team' },
    members: ['watcher'] as UserId[],
  })
  expect(await created.answer).toMatchObject({ kind: 'Accepted', seq: 1 })
  await watcher.client.follow([{ sessionId: TEAM, seq: 0 }])
  let round = 0
  const talking = [
    again(TALK_PAUSE_MS, async () => void (await say(owner, TEAM, `owner ${round}`))),
    again(TALK_PAUSE_MS, async () => void (await say(watcher, TEAM, `watcher ${round}`))),
    again(TALK_PAUSE_MS, () => comeOrGo(owner, round++)),
  ]
  const asking: Loop[] = []
  try {
    await until([watcher], () => timeline(watcher).length >= EVENTS_BEFORE)
    const [highest, then, archived] = [{ seq: 0 }, new MembersThen(), { rows: 0 }]
    asking.push(
      again(ASK_PAUSE_MS, () => askHistory(watcher, highest)),
      again(ASK_PAUSE_MS, () => askMembers(watcher, then)),
      again(ASK_PAUSE_MS, () => askArchive(watcher, archived)),
    )
    for (const view of VIEWS) {
      const rebuilt = await runCommand(['rebuild', view], product.env)
      expect(rebuilt, rebuilt.stdout + rebuilt.stderr).toMatchObject({ code: 0 })
    }
    for (const loop of asking) expect(await loop.stop()).toBeGreaterThan(5)
    for (const loop of talking) await loop.stop()
  } finally {
    await Promise.allSettled([...asking, ...talking].map(loop => loop.stop()))
    owner.client.close()
    watcher.client.close()
  }
  const verified = await runCommand(['verify', '--json'], product.env)
  expect(verified, verified.stdout + verified.stderr).toMatchObject({ code: 0 })
}, 300_000)

test('[RN16, RN17, AR19] a log that has lost its beginning is made whole from the archive, and a view as of now is the live one', async () => {
  const run = async (...words: string[]) => {
    const done = await runCommand(words, product.env)
    expect(done, done.stdout + done.stderr).toMatchObject({ code: 0 })
    return done.stdout
  }
  // The archive may be behind what was said last.
  expect(await run('verify')).toContain('all equal')
  const rows = 'SELECT count() AS events, sum(cityHash64(*)) AS hash FROM events FINAL'
  const before = { digests: await run('verify', '--digest'), rows: await clickhouse.rows(rows) }
  const now = new Date(systemClock.now()).toISOString()
  const [history] = /[0-9a-f]{64}/.exec(before.digests)!
  expect(await run('rebuild', 'history', '--as-of', now)).toContain(`digest ${history}`)
  await run('rebuild', 'history', '--as-of', now, '--discard')
  await deleteHeads()
  for (const view of VIEWS) await run('rebuild', view)
  expect(await run('verify', '--digest')).toBe(before.digests)
  expect(await clickhouse.rows(rows)).toEqual(before.rows)
  expect(await run('verify')).toContain('all equal')
  for (const words of [
    ['history', '--as-of', 'soon'],
    ['archive', '--as-of', now],
    ['history', '--threads', '0'],
    ['nothing'],
  ]) {
    expect(await runCommand(['rebuild', ...words], product.env), words.join(' ')).toMatchObject({ code: 2 })
  }
}, 120_000)

/** The log loses the older half of each partition, as its retention would take it. */
async function deleteHeads(): Promise<void> {
  const clientId = 'retention'
  const brokers = product.env.KAFKA_BROKERS!.split(',')
  const topic = `${product.env.PACKLOG_TOPIC_PREFIX}im.events`
  const admin = new Kafka({ clientId, brokers, logLevel: logLevel.NOTHING }).admin()
  await admin.connect()
  const ends = await admin.fetchTopicOffsets(topic)
  const partitions = ends.map(({ partition, high }) => ({ partition, offset: String(Math.floor(Number(high) / 2)) }))
  await admin.deleteTopicRecords({ topic, partitions: partitions.filter(({ offset }) => offset !== '0') })
  await admin.disconnect()
}
