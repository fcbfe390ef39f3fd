import { emptySession, messageKey } from '../../client/logic/rows.ts'
import { Client, Messenger, type SessionId, type UserId } from '../../client/sdk.ts'
import type { Store, Write } from '../../client/storage/store.ts'
import type { Clock, Millis, PortableRandom } from '../../infra/clock.ts'
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
  /** From opening the store to everything that is shown first. */
  openMs: Millis
  /** The newest page of a session that was not looked at before. */
  conversationMs: Spread
  /** One page further back in the large session. */
  olderMs: Spread
  /** The surroundings of any seq of the large session. */
  jumpMs: Spread
  /** Memory, above what there was before the store was opened. */
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

/** What the measurement needs of where it runs: Node, or a page of a browser. */
export interface StoreHost {
  /** Opens the same store each time; empty at first. */
  open(): Promise<Store>
  memoryBytes(): number
  clock: Clock
  random: PortableRandom
}

/** Fills the store, opens it again, and measures it. */
export async function measureStore(options: StoreBenchOptions, host: StoreHost): Promise<StoreBenchResult> {
  const filledMs = await timed(host.clock, () => fill(options, host))
  return { fillPerSecond: Math.round(options.messages / (filledMs / 1_000)), ...(await use(options, host)) }
}

const sessionOf = (index: number): SessionId => singleSessionId(ME, `user-${index}` as UserId)

/** Messages of the session with this index. */
function lengthOf(index: number, { messages, sessions }: StoreBenchOptions): number {
  const large = Math.ceil(messages / 2)
  return index === 0 ? large : Math.floor((messages - large) / (sessions - 1))
}

async function fill(options: StoreBenchOptions, { open, clock, random }: StoreHost): Promise<void> {
  const store = await open()
  let writes: Write[] = []
  for (let index = 0; index < options.sessions; index++) {
    const sessionId = sessionOf(index)
    const length = lengthOf(index, options)
    let last: EventFrame | undefined
    for (let seq = 1; seq <= length; seq++) {
      const packId = makePackId(clock.now(), random.bytes(10))
      last = message({ sessionId, seq, packId, at: clock.now() })
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

function message(given: Pick<EventFrame, 'sessionId' | 'seq' | 'packId' | 'at'>): EventFrame {
  const body = { kind: 'MessageAccepted', content: { kind: 'Text', text: `${given.seq} ${TEXT}` } } as const
  return { type: 'event', ...given, count: given.seq, from: ME, flags: Flag.COUNTER, body }
}

async function use(options: StoreBenchOptions, host: StoreHost) {
  const { clock, memoryBytes } = host
  const { sessions, steps } = options
  const large = sessionOf(0)
  const bytesBefore = memoryBytes()
  let messenger: Messenger | undefined
  const openMs = await timed(clock, async () => {
    messenger = await offlineMessenger(host)
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
  const grownMiB = Math.round((memoryBytes() - bytesBefore) / BYTES_PER_MIB)
  await me.close()
  return { openMs, conversationMs, olderMs, jumpMs, grownMiB }
}

/** There is no server: everything comes from the store. */
async function offlineMessenger({ open, clock, random }: StoreHost): Promise<Messenger> {
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
  return new Messenger({ userId: ME, wire, store: await open(), clock, random })
}

async function timed(clock: Clock, act: () => Promise<void>): Promise<Millis> {
  const begunAt = clock.monotonic()
  await act()
  return clock.monotonic() - begunAt
}
