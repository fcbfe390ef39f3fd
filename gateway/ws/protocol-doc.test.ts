import { execFile } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { systemClock } from '../../infra/clock.ts'
import { silentLogger } from '../../infra/logger.ts'
import { Metrics } from '../../infra/metrics.ts'
import { PUSH_INFO_BYTES_MAX } from '../../processors/sequencer/decide-message.ts'
import { CloseCode } from '../../schemas/close-codes.ts'
import { Code, type CodeName } from '../../schemas/codes.ts'
import { RESUME_SESSIONS_MAX, type ServerFrame } from '../../schemas/frames.ts'
import { decodeServerFrame, encodeClientFrame, encodeServerFrame, framesSchema } from '../../schemas/frames-avro.ts'
import type { UserId } from '../../schemas/ids.ts'
import { RULES_DEFAULT } from '../../schemas/pack.ts'
import { issueToken } from '../auth/tokens.ts'
import {
  BROKEN_FRAMES_MAX,
  BUFFER_EVENTS_MAX,
  CONNECTIONS_PER_USER_MAX,
  FRAME_BYTES_MAX,
  JSON_DEPTH_MAX,
  LOOK_UPS,
  ONLINE,
  ONLINE_BYTES_MAX,
  OUTBOX_BYTES_MAX,
  OUTBOX_FRAMES_MAX,
  PACKS_PER_SECOND_MAX,
  PENDING_MS_MAX,
  PENDING_PER_CONNECTION_MAX,
  PRESENCE_WATCHED_MAX,
  QUESTIONS_MAX,
  QUESTIONS_RATE,
  REFUSALS_RATE,
  RESUMES_MAX,
  SEARCHES,
  TYPING,
  USER_PACKS_PER_SECOND_MAX,
} from '../limits.ts'
import { type GatewayService, makeGateway } from '../main.ts'
import { World } from '../testing/world.ts'
import { parseFrame } from './client-frames.ts'
import { FRAME_USERS_MAX } from './frame-fields.ts'
import { FIND_COST } from './people-questions.ts'
import type { RateLimit } from './rate-limits.ts'

/** docs/protocol.md is a promise: its examples are read by the code that clients meet, its tables are compared. */

const document = readFileSync(new URL('../../docs/protocol.md', import.meta.url), 'utf8')

type Side = 'client' | 'server'

interface Example {
  side: Side
  /** The type that the comment before the example names. */
  type: string
  text: string
}

const EXAMPLE = /^<!-- (client|server):(\w+) -->\n```json\n([\s\S]*?)^```/gm

const examples: Example[] = [...document.matchAll(EXAMPLE)].map(([, side, type, text]) => ({
  side: side as Side,
  type: type!,
  text: text!,
}))

/** Throws unless the gateway takes the text as it stands and says the same of it in Avro; gives it as Avro. */
function readClient(text: string): Buffer {
  const parsed = parseFrame('json', Buffer.from(text), false)
  if (!parsed.ok) throw new Error(parsed.broken.reason)
  // Everything that the example says is understood, nothing is passed over as unknown.
  expect(parsed.frame).toMatchObject(JSON.parse(text))
  const avro = encodeClientFrame(parsed.frame)
  expect(parseFrame('avro', avro, true)).toEqual(parsed)
  return avro
}

/** Throws unless the text is a frame that comes back equal from the codec, with a code of the table; gives it as Avro. */
function readServer(text: string): Buffer {
  const frame = JSON.parse(text) as ServerFrame
  const avro = encodeServerFrame(frame)
  expect(decodeServerFrame(avro)).toEqual(frame)
  if ('name' in frame) expect(Code[frame.name]).toMatchObject({ number: frame.code, retry: frame.retry })
  return avro
}

const read: Record<Side, (text: string) => Buffer> = { client: readClient, server: readServer }
const RECORD: Record<Side, string> = { client: 'ClientFrame', server: 'ServerFrame' }

/** Names of the records of frames.avsc that a side may send, in the order of their union. */
function kindsOf(side: Side): string[] {
  const union = framesSchema.find(({ name }) => name === RECORD[side])!.fields[0]!.type as { name: string }[]
  return union.map(({ name }) => name)
}

/** The record that the bytes hold: Avro writes the zigzag of its place in the union first, one byte below 64. */
function kindOf(side: Side, avro: Buffer): string | undefined {
  return kindsOf(side)[avro[0]! / 2]
}

/** Copies of an example in which something is wrong: one field is gone, one is of another type, or the type is another. */
function brokenCopies({ text }: Example): string[] {
  const { type, ...fields } = JSON.parse(text) as Record<string, unknown>
  const changed: Record<string, unknown>[] = [{ type: `${type}s!`, ...fields }]
  if ('packId' in fields) changed.push({ type, ...fields, packId: undefined })
  if ('requestId' in fields) changed.push({ type, ...fields, requestId: 'one' })
  if ('sessionId' in fields) changed.push({ type, ...fields, sessionId: 7 })
  return changed.map(fault => JSON.stringify(fault))
}

const named = examples.map(example => [`${example.side}:${example.type}`, example] as const)

describe('examples', () => {
  test.each(named)('[GW40] %s is read by the product and is what its comment says', (_, { side, type, text }) => {
    expect(JSON.parse(text).type).toBe(type)
    read[side](text)
  })

  test.each(named)('[GW40] a broken copy of %s is refused', (_, example) => {
    for (const text of brokenCopies(example)) expect(() => read[example.side](text), text).toThrow()
  })

  test('[GW40] a field that the product does not know is noticed', () => {
    for (const { side, text } of examples) {
      const more = JSON.stringify({ ...JSON.parse(text), colour: 'red' })
      expect(() => read[side](more), more).toThrow()
    }
  })

  test.each(['client', 'server'] as const)('[GW40] there is one of every frame of the %s in frames.avsc', side => {
    const shown = examples.filter(example => example.side === side).map(({ text }) => kindOf(side, read[side](text)))
    expect(kindsOf(side).length).toBeLessThan(64)
    expect(new Set(shown)).toEqual(new Set(kindsOf(side)))
  })

  test('[GW40] every JSON block is an example', () => {
    expect(examples).toHaveLength(document.match(/^```json/gm)!.length)
  })
})

describe('the first session', () => {
  let gateway: GatewayService
  const key = Buffer.alloc(32, 1)

  beforeEach(async () => {
    const world = await World.on(systemClock)
    world.sequencer.isFollowing = true
    const { log, topics, codecs, history, membership, people, archive, random } = world
    const parts = { log, topics, codecs, history, membership, people, archive, random }
    const around = { tokens: key, clock: systemClock, logger: silentLogger, metrics: new Metrics(), nodeName: 'gw' }
    gateway = makeGateway({ http: { host: '127.0.0.1', port: 0 }, ...parts, ...around })
    await gateway.start()
    while (!gateway.ready()) await world.settle()
  })

  afterEach(() => gateway.drain())

  test('[GW40] runs as it stands', async () => {
    const code = /^```js\n([\s\S]*?)^```/m.exec(document)![1]!
    expect(code).toContain('127.0.0.1:8080')
    const script = code.replace('127.0.0.1:8080', `127.0.0.1:${gateway.port}`)
    const TOKEN = await issueToken(key, { userId: 'alice' as UserId, expiresAt: systemClock.now() + 60_000 })
    const cwd = fileURLToPath(new URL('../..', import.meta.url))
    const options = { cwd, env: { TOKEN }, timeout: 8_000 }
    const { stdout } = await promisify(execFile)(process.execPath, ['--input-type=module', '-e', script], options)
    const lines = stdout.trim().split('\n')
    const types = lines.slice(0, -1).map(line => (JSON.parse(line) as ServerFrame).type)
    expect(types).toEqual(['welcome', 'resumed', 'ack'])
    expect(lines.at(-1)).toMatch(/^1005/)
  })
})

/** Cells of the table rows under a heading. */
function rows(heading: string): string[][] {
  const section = document.split(`## ${heading}\n`)[1]!.split('\n## ')[0]!
  return [...section.matchAll(/^\| (.*) \|$/gm)].map(match => match[1]!.split(' | ')).slice(1)
}

test('[GW41] the table of outcome codes is that of the source', () => {
  const expected = Object.entries(Code).map(([name, { number, retry, text }]) => [String(number), name, retry, text])
  expect(rows('Outcome codes')).toEqual(expected)
})

test('[GW41] the table of close codes is that of the source, and every close tells an outcome code', () => {
  const expected = Object.entries(CloseCode).map(([name, { code, reconnect, text }]) => [
    String(code),
    name,
    reconnect ? 'reconnect, resume' : 'stay away',
    text,
  ])
  expect(rows('Close codes')).toEqual(expected)
  for (const { outcome } of Object.values(CloseCode)) expect(Code[outcome satisfies CodeName]).toBeDefined()
})

test('[GW41] the limits are those of the source', () => {
  const whole = (value: number) => value.toLocaleString('en')
  const atOnce = (limit: RateLimit) => `${whole(limit.perSecond)} a second on average, ${whole(limit.atOnce)} at once`
  expect(rows('Limits').map(cells => cells[1])).toEqual([
    `${FRAME_BYTES_MAX / 1024} KiB`,
    whole(JSON_DEPTH_MAX),
    whole(FRAME_USERS_MAX),
    `${whole(RULES_DEFAULT.contentBytesMax)} bytes`,
    `${whole(PUSH_INFO_BYTES_MAX)} bytes`,
    whole(RULES_DEFAULT.groupMembersMax),
    `${whole(PACKS_PER_SECOND_MAX)} on average, ${whole(2 * PACKS_PER_SECOND_MAX)} at once`,
    `${whole(USER_PACKS_PER_SECOND_MAX)} on average, ${whole(2 * USER_PACKS_PER_SECOND_MAX)} at once`,
    atOnce(REFUSALS_RATE),
    whole(PENDING_PER_CONNECTION_MAX),
    whole(QUESTIONS_MAX),
    atOnce(QUESTIONS_RATE),
    whole(RESUMES_MAX),
    `${PENDING_MS_MAX / 1_000} s`,
    `${whole(OUTBOX_FRAMES_MAX)} frames or ${OUTBOX_BYTES_MAX / 1024 / 1024} MiB`,
    whole(CONNECTIONS_PER_USER_MAX),
    `${atOnce(LOOK_UPS)}; a search counts as ${FIND_COST}`,
    whole(PRESENCE_WATCHED_MAX),
    atOnce(SEARCHES),
    atOnce(TYPING),
    atOnce(ONLINE),
    `${whole(ONLINE_BYTES_MAX)} bytes`,
  ])
  for (const said of [
    `at most ${RESUME_SESSIONS_MAX.toLocaleString('en')} sessions`,
    `than ${BROKEN_FRAMES_MAX} in a row`,
    `bounded (${BUFFER_EVENTS_MAX.toLocaleString('en')} or`,
    `At most ${QUESTIONS_MAX} run`,
  ]) {
    expect(document).toContain(said)
  }
})
