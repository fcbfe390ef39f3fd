import { mkdtemp, rm } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { emptySession, messageKey } from '../../client/logic/rows.ts'
import { Client, Messenger, type SessionId, type UserId } from '../../client/sdk.ts'
import { openSqliteStore, type SqlDatabase } from '../../client/storage/sqlite-store.ts'
import type { Write } from '../../client/storage/store.ts'
import { type Clock, type Millis, type Random, systemRandom } from '../../infra/clock.ts'
import type { EventFrame } from '../../schemas/frames.ts'
import { makePackId, singleSessionId } from '../../schemas/ids.ts'
import { Flag } from '../../schemas/pack.ts'

/** How the SDK does on a store that holds much: half of the messages are in one session, the others in all the rest. */
export interface StoreBenchOptions {
  messages: number
  sessions: number
  /** Steps of each kind that are measured. */
  steps: number
}

export interface StoreBenchResult {
  fillPerSecond: number
  /** From opening the file to everything that is shown first. */
  openMs: Millis
  /** The newest page of a session that was not looked at before. */
  conversationMs: Spread
  /** One page further back in the large session. */
  olderMs: Spread
  /** The surroundings of any seq of the large session. */
  jumpMs: Spread
  /** Memory of the process, above what it had with the empty store. */
  grownMiB: number
}

export interface Spread {
  p50: Millis
  max: Millis
}

const ME = 'me' as UserId
const BATCH = 5_000
const TEXT = 'A message of an ordinary length, as people write them to each other. '
const BYTES_PER_MIB = 2 ** 20

/** Fills a SQLite store in a directory of its own and measures it. Needs npm `node-sqlite3-wasm`. */
export async function measureStore(options: StoreBenchOptions, clock: Clock): Promise<StoreBenchResult> {
  const dir = await mkdtemp(join(tmpdir(), 'packlog-store-'))
  try {
    const file = join(dir, 'me.db')
    const filledMs = await timed(clock, () => fill(file, options, clock))
    return { fillPerSecond: Math.round(options.messages / (filledMs / 1_000)), ...(await use(file, options, clock)) }
  } finally {
    await rm(dir, { recursive: true, force: true })
  }
}

function openStore(file: string) {
  const { Database } = createRequire(import.meta.url)('node-sqlite3-wasm') as {
    Database: new (name: string) => SqlDatabase
  }
  return openSqliteStore(new Database(file))
}

const sessionOf = (index: number): SessionId => singleSessionId(ME, `user-${index}` as UserId)

/** Messages of the session with this index. */
function lengthOf(index: number, { messages, sessions }: StoreBenchOptions): number {
  const large = Math.ceil(messages / 2)
  return index === 0 ? large : Math.floor((messages - large) / (sessions - 1))
}

async function fill(file: string, options: StoreBenchOptions, clock: Clock): Promise<void> {
  const store = openStore(file)
  let writes: Write[] = []
  for (let index = 0; index < options.sessions; index++) {
    const sessionId = sessionOf(index)
    const length = lengthOf(index, options)
    let last: EventFrame | undefined
    for (let seq = 1; seq <= length; seq++) {
      last = message(sessionId, seq, clock.now())
      writes.push({ table: 'messages', key: messageKey(sessionId, seq), value: { event: last, asOf: seq } })
      if (writes.length < BATCH) continue
      await store.write(writes)
      writes = []
    }
    const row = { ...emptySession(sessionId), lastSeq: length, count: length, readSeq: length, at: clock.now() }
    const value = { ...row, spans: [{ from: 1, to: length }], ...(last && { last }) }
    writes.push({ table: 'sessions', key: sessionId, value })
  }
  await store.write(writes)
  await store.close()
}

function message(sessionId: SessionId, seq: number, at: Millis): EventFrame {
  const packId = makePackId(at, systemRandom.bytes(10))
  const body = { kind: 'MessageAccepted', content: { kind: 'Text', text: `${seq} ${TEXT}` } } as const
  return { type: 'event', sessionId, seq, count: seq, at, packId, from: ME, flags: Flag.COUNTER, body }
}

async function use(file: string, options: StoreBenchOptions, clock: Clock) {
  const { sessions, steps } = options
  const large = sessionOf(0)
  const rssBefore = process.memoryUsage.rss()
  let messenger: Messenger | undefined
  const openMs = await timed(clock, async () => {
    messenger = offlineMessenger(file, clock)
    await messenger.start()
    messenger.sessions()
  })
  const me = messenger!
  const times = async (count: number, act: (step: number) => Promise<void>): Promise<Spread> => {
    const all: Millis[] = []
    for (let step = 0; step < count; step++) all.push(await timed(clock, () => act(step)))
    all.sort((a, b) => a - b)
    return { p50: all[all.length >> 1] ?? 0, max: all.at(-1) ?? 0 }
  }
  const conversationMs = await times(Math.min(steps, sessions - 1), step => me.open(sessionOf(step + 1)).jumpToEnd())
  const conversation = me.open(large)
  await conversation.jumpToEnd()
  const olderMs = await times(steps, () => conversation.loadOlder())
  const length = lengthOf(0, options)
  const jumpMs = await times(steps, step => conversation.jumpTo(1 + Math.floor(((step + 0.5) / steps) * (length - 1))))
  const grownMiB = Math.round((process.memoryUsage.rss() - rssBefore) / BYTES_PER_MIB)
  await me.close()
  return { openMs, conversationMs, olderMs, jumpMs, grownMiB }
}

/** There is no server: everything comes from the store. */
function offlineMessenger(file: string, clock: Clock): Messenger {
  const random: Random = systemRandom
  const wire = new Client({
    url: 'ws://nowhere',
    token: '',
    deviceType: 'linux',
    deviceId: 'bench',
    open: (_request, events) => ({
      send: () => {},
      close: (code, reason) => events.ended({ code, reason }),
      terminate: () => events.ended({ code: 1006, reason: '' }),
    }),
    clock,
    random,
  })
  return new Messenger({ userId: ME, wire, store: openStore(file), clock, random })
}

async function timed(clock: Clock, act: () => Promise<void>): Promise<Millis> {
  const begunAt = clock.monotonic()
  await act()
  return clock.monotonic() - begunAt
}
