import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { CloseCode } from '../../schemas/close-codes.ts'
import { Code, type CodeName } from '../../schemas/codes.ts'
import { type ClientFrame, RESUME_SESSIONS_MAX, type ServerFrame } from '../../schemas/frames.ts'
import { decodeServerFrame, encodeClientFrame, encodeServerFrame } from '../../schemas/frames-avro.ts'
import {
  BROKEN_FRAMES_MAX,
  BUFFER_EVENTS_MAX,
  CONNECTIONS_PER_USER_MAX,
  FRAME_BYTES_MAX,
  JSON_DEPTH_MAX,
  OUTBOX_FRAMES_MAX,
  PACKS_PER_SECOND_MAX,
  PENDING_PER_CONNECTION_MAX,
  QUESTIONS_MAX,
} from '../limits.ts'
import { FRAME_USERS_MAX, parseFrame } from './client-frames.ts'

/** docs/protocol.md is a promise: its examples are read by the code that clients meet, its tables are compared. */

const document = readFileSync(new URL('../../docs/protocol.md', import.meta.url), 'utf8')

function examples(side: 'client' | 'server'): string[] {
  return [...document.matchAll(new RegExp(`^\`\`\`json ${side}\\n([\\s\\S]*?)^\`\`\``, 'gm'))].map(match => match[1]!)
}

describe('examples', () => {
  test.each(examples('client'))('[GW40] the gateway takes %s', text => {
    const parsed = parseFrame('json', Buffer.from(text), false)
    expect(parsed).toMatchObject({ ok: true })
    if (!parsed.ok) return
    // Everything that the example says is understood, nothing is passed over as unknown.
    expect(parsed.frame).toMatchObject(JSON.parse(text))
    expect(parseFrame('avro', encodeClientFrame(parsed.frame), true)).toEqual(parsed)
  })

  test.each(examples('server'))('[GW40] the gateway sends %s', text => {
    const frame = JSON.parse(text) as ServerFrame
    expect(decodeServerFrame(encodeServerFrame(frame))).toEqual(frame)
    if ('name' in frame) expect(Code[frame.name]).toMatchObject({ number: frame.code, retry: frame.retry })
  })

  test('[GW40] there is one of every frame', () => {
    const typesOf = (side: 'client' | 'server') => new Set(examples(side).map(text => JSON.parse(text).type))
    const client: Record<ClientFrame['type'], true> = {
      send: true,
      createGroup: true,
      joinGroup: true,
      quitGroup: true,
      dismissGroup: true,
      addMembers: true,
      removeMembers: true,
      history: true,
      sessions: true,
      members: true,
      outcome: true,
      resume: true,
      ping: true,
    }
    const server: Record<ServerFrame['type'], true> = {
      welcome: true,
      ack: true,
      refused: true,
      event: true,
      page: true,
      sessions: true,
      members: true,
      outcome: true,
      resumed: true,
      reset: true,
      gap: true,
      failed: true,
      error: true,
      pong: true,
    }
    expect(typesOf('client')).toEqual(new Set(Object.keys(client)))
    expect(typesOf('server')).toEqual(new Set(Object.keys(server)))
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
  const limits = rows('Limits')
    .map(cells => cells[1])
    .join('\n')
  const named = [
    `${FRAME_BYTES_MAX / 1024} KiB`,
    String(JSON_DEPTH_MAX),
    FRAME_USERS_MAX.toLocaleString('en'),
    `${PACKS_PER_SECOND_MAX.toLocaleString('en')} on average`,
    PENDING_PER_CONNECTION_MAX.toLocaleString('en'),
    `${OUTBOX_FRAMES_MAX.toLocaleString('en')} frames`,
    String(CONNECTIONS_PER_USER_MAX),
  ]
  for (const limit of named) expect(limits).toContain(limit)
  for (const said of [
    `at most ${RESUME_SESSIONS_MAX.toLocaleString('en')} sessions`,
    `than ${BROKEN_FRAMES_MAX} in a row`,
    `bounded (${BUFFER_EVENTS_MAX.toLocaleString('en')} or`,
    `At most ${QUESTIONS_MAX} run`,
  ]) {
    expect(document).toContain(said)
  }
})
