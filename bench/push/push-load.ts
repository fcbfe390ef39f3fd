import type { Clock, Millis, Random } from '../../infra/clock.ts'
import { type GroupId, groupSessionId, type SessionId, type UserId } from '../../schemas/ids.ts'
import { Flag } from '../../schemas/pack.ts'
import { type ChatLoadResult, runChatLoad } from '../chat-load.ts'
import { connectUsers } from '../connect-users.ts'
import { runSchedule, Schedule } from '../pacing.ts'
import type { RawClient } from '../raw-client.ts'
import { indexedPackId, scanFrame } from '../scan-frame.ts'
import { type PushParameters, sentMembers, serviceTypeOf } from './options.ts'
import { type PushCounts, readPushCounts, since } from './push-metrics.ts'

/**
 * What pushing does to those who chat: the same chat load in pairs of runs, without pushes and beside them.
 *
 * Order: found the groups, let every member register a device and some mute the group, everybody but the senders leaves;
 * then the pairs. Beside the chat the senders write so often that as many devices are planned as was asked for. After
 * each run it is waited until push has done all of it, and counted.
 */

export interface PushLoadOptions extends PushParameters {
  gatewayUrl: string
  metricsUrls: readonly string[]
  token(userId: UserId): Promise<string>
  clock: Clock
  random: Random
  log(line: string): void
}

export interface PushPair {
  without: ChatLoadResult
  beside: ChatLoadResult
  /** Per second, over the measured part. */
  plannedPerSecond: number
  acceptedPerSecond: number
  /** Of the whole run: what had to be, and what was when push had done everything. */
  expected: PushCounts
  counted: PushCounts
  /** How long after the last message push was done with everything; null: not within DRAIN_MS_MAX. */
  drainedMs: Millis | null
  /** p99 end to end of those who chat beside pushes, by theirs without. */
  ratio: number
}

/** The groups could not be made, or nobody pushes; the message says what to do. */
export class PushNotReady extends Error {
  override readonly name = 'PushNotReady'
}

const DRAIN_MS_MAX: Millis = 60_000
const DRAIN_POLL_MS: Millis = 100
/** Members who are connected together while they register. */
const REGISTERING_MAX = 200
const ANSWERS_MS_MAX: Millis = 30_000
const PACKAGE_NAME = 'com.example.chat'

export async function runPushLoad(options: PushLoadOptions): Promise<PushPair[]> {
  if (options.metricsUrls.length === 0) {
    throw new PushNotReady('no process is known here whose metrics tell what push does: let the bench use --start')
  }
  const groups = await foundGroups(options)
  const pairs: PushPair[] = []
  try {
    for (let pair = 1; pair <= options.repeat; pair++) {
      options.log(`pair ${pair} of ${options.repeat}`)
      const without = await runChatLoad({ ...chatOf(options), onMeasure: () => {} })
      pairs.push(await besidePushes(options, groups, without))
    }
  } finally {
    groups.close()
  }
  return pairs
}

const chatOf = (options: PushLoadOptions) => ({ ...options, newSessionsPercent: 0, log: () => {} })

async function besidePushes(options: PushLoadOptions, groups: Groups, without: ChatLoadResult): Promise<PushPair> {
  const { clock, metricsUrls, members, plannedPerSecond, seconds, warmupSeconds } = options
  const perSecond = plannedPerSecond / (members - 1)
  const messages = Math.round(perSecond * (seconds + warmupSeconds))
  const first = await readPushCounts(metricsUrls)
  let measured = { counts: first, at: clock.monotonic() }
  let rates = { planned: 0, accepted: 0 }
  const onMeasure = async (phase: 'begin' | 'end') => {
    const now = { counts: await readPushCounts(metricsUrls), at: clock.monotonic() }
    const done = since(now.counts, measured.counts)
    const perSecondOf = (count: number) => Math.round((count * 1_000) / (now.at - measured.at))
    if (phase === 'begin') measured = now
    else rates = { planned: perSecondOf(done.planned), accepted: perSecondOf(done.accepted) }
  }
  const writing = runSchedule(new Schedule(perSecond, messages), clock, () => groups.write())
  const [beside] = await Promise.all([runChatLoad({ ...chatOf(options), onMeasure }), writing])
  const accepted = messages * sentMembers(options)
  const expected: PushCounts = { planned: messages * (members - 1), accepted, delayed: 0, failed: 0 }
  const { counted, drainedMs } = await untilDone(options, first, expected)
  const ratio = Math.round((beside.endToEndMs.p99 / Math.max(0.01, without.endToEndMs.p99)) * 100) / 100
  const perSecondRates = { plannedPerSecond: rates.planned, acceptedPerSecond: rates.accepted }
  return { without, beside, ...perSecondRates, expected, counted, drainedMs, ratio }
}

/** Waits until push has counted everything; a while longer would show what is done twice. */
async function untilDone({ clock, metricsUrls }: PushLoadOptions, first: PushCounts, expected: PushCounts) {
  const begun = clock.monotonic()
  for (;;) {
    const counted = since(await readPushCounts(metricsUrls), first)
    const elapsed = clock.monotonic() - begun
    if (counted.planned >= expected.planned && counted.accepted + counted.failed >= expected.accepted) {
      return { counted, drainedMs: Math.round(elapsed) }
    }
    if (elapsed > DRAIN_MS_MAX) return { counted, drainedMs: null }
    await clock.sleep(DRAIN_POLL_MS)
  }
}

interface Groups {
  /** One message, in the groups by turns. */
  write(): void
  close(): void
}

async function foundGroups(options: PushLoadOptions): Promise<Groups> {
  const { groups, members, bytes, random, clock, log } = options
  const run6 = random.bytes(3).toString('hex')
  const text = 'x'.repeat(bytes)
  let packs = 0
  const nextPackId = () => indexedPackId(clock.now(), run6, packs++)
  const sessions = Array.from({ length: groups }, (_, group) => {
    const users = Array.from({ length: members }, (_, user) => `bench-${run6}-${group}-${user}` as UserId)
    return { users, groupId: `bench-${run6}-${group}`, sessionId: groupSessionId(`bench-${run6}-${group}` as GroupId) }
  })
  log(`founding ${groups} groups of ${members}`)
  const answers = new Answers(options)
  const senders = await connectUsers({
    ...options,
    users: sessions.map(({ users }) => users[0]!),
    onText: (_, received) => answers.take(received),
    onLost: (_, reason) => log(`a sender was cut off: ${reason}`),
  })
  const close = () => {
    for (const sender of senders) sender.close()
  }
  try {
    for (const [index, { users, groupId }] of sessions.entries()) {
      const packId = nextPackId()
      const named = JSON.stringify(users.slice(1))
      senders[index]!.send(
        `{"type":"createGroup","groupId":"${groupId}","info":{"name":"bench"},"members":${named},"packId":"${packId}"}`,
      )
    }
    await answers.until(groups)
    log(`registering ${groups * (members - 1)} devices`)
    for (const { users, sessionId } of sessions) {
      for (let start = 1; start < members; start += REGISTERING_MAX) {
        const some = users.slice(start, start + REGISTERING_MAX)
        await register(options, { users: some, first: start, sessionId, nextPackId })
      }
    }
  } catch (error) {
    close()
    throw error
  }
  return {
    write: () => {
      const turn = packs % groups
      const { sessionId } = sessions[turn]!
      senders[turn]!.send(
        `{"type":"send","packId":"${nextPackId()}","sessionId":"${sessionId}","flags":${Flag.COUNTER},` +
          `"content":{"kind":"Text","text":"${text}"}}`,
      )
    },
    close,
  }
}

/** Lets members come, register a device, mute the group where they are not to be sent to, and leave. */
async function register(
  options: PushLoadOptions,
  {
    users,
    first,
    sessionId,
    nextPackId,
  }: { users: readonly UserId[]; first: number; sessionId: SessionId; nextPackId: () => string },
): Promise<void> {
  const answers = new Answers(options)
  const clients: RawClient[] = await connectUsers({
    ...options,
    users,
    onText: (_, text) => answers.take(text),
    onLost: () => {},
  })
  const sent = sentMembers(options)
  let asked = 0
  for (const [index, client] of clients.entries()) {
    const token = `token-${users[index]}`
    const app = `"serviceType":${serviceTypeOf(options)},"packageName":"${PACKAGE_NAME}","appVersion":"1"`
    client.send(`{"type":"registerDevice",${app},"token":"${token}","packId":"${nextPackId()}"}`)
    asked++
    if (first + index <= sent) continue
    client.send(
      `{"type":"setSessionAttributes","sessionId":"${sessionId}","attributes":{"notify":"none"},"packId":"${nextPackId()}"}`,
    )
    asked++
  }
  try {
    await answers.until(asked)
  } finally {
    for (const client of clients) client.close()
  }
}

/** Counts the answers to packs. */
class Answers {
  private readonly clock: Clock
  private acked = 0
  private refused: string | undefined

  constructor({ clock }: { clock: Clock }) {
    this.clock = clock
  }

  take(text: string): void {
    const scanned = scanFrame(text)
    if (scanned.kind === 'ack') this.acked++
    else if (scanned.kind === 'refused') this.refused ??= scanned.code
  }

  /** Rejects with PushNotReady where one was refused, or they do not come. */
  async until(count: number): Promise<void> {
    const end = this.clock.monotonic() + ANSWERS_MS_MAX
    while (this.acked < count) {
      if (this.refused !== undefined) throw new PushNotReady(`a group or a device was refused with ${this.refused}`)
      if (this.clock.monotonic() > end) throw new PushNotReady(`${this.acked} of ${count} packs were answered`)
      await this.clock.sleep(10)
    }
  }
}
