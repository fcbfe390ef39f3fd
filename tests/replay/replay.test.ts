import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { codeName } from '../../schemas/codes.ts'
import { type Recorded, recordedCodec, replay } from './recording.ts'

function read(name: string): Recorded[] {
  const lines = readFileSync(new URL(name, import.meta.url), 'utf8')
    .trimEnd()
    .split('\n')
  return lines.map(line => JSON.parse(line) as Recorded)
}

test('[SQ1] the packs of the recording give the bytes that they always gave', async () => {
  const lines = read('./rules-0.jsonl')
  const events = await replay(lines)
  for (const [index, { event }] of lines.entries()) expect(events[index], `line ${index + 1}`).toBe(event)
})

test('[SQ1] the recording holds every kind of outcome that this version gives', async () => {
  const codec = await recordedCodec()
  const header = Buffer.from([0, 0, 0, 0, 1])
  const kinds = read('./rules-0.jsonl').map(({ event }) => {
    const { body } = codec.decode(Buffer.concat([header, Buffer.from(event, 'hex')]))
    return body.kind === 'PackRefused' ? codeName(body.code)! : body.kind
  })
  expect([...new Set(kinds)].sort()).toMatchInlineSnapshot(`
    [
      "ACCESS_DENIED",
      "ALREADY_MEMBER",
      "BAD_CLIENT_IDENTITY",
      "CREATOR_ERROR",
      "EXPIRED",
      "GROUP_EMPTY",
      "GROUP_EXISTS",
      "GROUP_NOT_EXIST",
      "GROUP_NO_PRIVILEGE",
      "GROUP_USER_NOT_EXIST",
      "GroupCreated",
      "GroupDismissed",
      "MEMBER_LIMIT",
      "MISROUTED",
      "MSG_FORBIDDEN",
      "MSG_INVALID_FORMAT",
      "MSG_REPEATED",
      "MSG_TOO_LONG",
      "MSG_TOO_SHORT",
      "MemberJoined",
      "MemberQuit",
      "MembersAdded",
      "MembersRemoved",
      "MessageAccepted",
      "PACK_CONFLICT",
      "PACK_FROM_FUTURE",
      "PARAM",
      "PackRepeated",
      "RulesSet",
      "UNREADABLE",
    ]
  `)
})
