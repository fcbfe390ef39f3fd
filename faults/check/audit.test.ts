import { expect, test } from 'vitest'
import { type Audit, BookAudit } from './audit.ts'
import { Column } from './column.ts'
import { identityOf, type LogFacts } from './read-log.ts'

/** Two people, one session, and a log: what the auditor must find when something is wrong with them. */

const SESSION = 's:ann:bo'
const HEAD = ['U 0 ann', 'U 1 bo', `S 0 ${SESSION} 0 1`]
/** Both send one message, both are acked, both get both. */
const CHAT = [
  ...['s 0 0 0 pack-0 0', 's 1 1 0 pack-1 1', 'a 0 1 5', 'a 1 2 6'],
  ...['d 0 0 1 0 5', 'd 1 0 1 0 6', 'd 1 0 2 1 6', 'd 0 0 2 1 7'],
]

interface Entry {
  message: number
  packId?: string
  from?: string
}

function logOf(entries: readonly Entry[]): LogFacts {
  const accepted = { times: new Column(), seqs: new Column(), identities: new Column() }
  for (const [
    index,
    { message, packId = `pack-${message}`, from = message === 0 ? 'ann' : 'bo' },
  ] of entries.entries()) {
    accepted.times.set(message, accepted.times.get(message) + 1)
    accepted.seqs.set(message, index + 1)
    accepted.identities.set(message, identityOf({ packId, from, sessionId: SESSION }))
  }
  return {
    sessions: new Map([[SESSION, entries.map(({ message }) => message)]]),
    accepted,
    ...{ records: entries.length, valid: entries.length, junk: 0, repeated: 0, rulesSet: 0 },
    refused: new Map(),
    problems: [],
  }
}

function audit(lines: readonly string[], entries: readonly Entry[] = [{ message: 0 }, { message: 1 }]): Audit {
  const book = new BookAudit(logOf(entries))
  for (const line of [...HEAD, ...lines]) book.take(line)
  return book.finish()
}

test('[FT2] a book that agrees with the log has no violation', () => {
  const { figures, violations } = audit(CHAT)
  expect(violations).toEqual([])
  expect(figures).toMatchObject({ sent: 2, acked: 2, delivered: 4, lost: 0, duplicated: 0, outOfOrder: 0, changed: 0 })
})

test('[FT2] a message without an ack may be there once, and everybody must get it', () => {
  const unanswered = [...CHAT, 's 2 0 0 pack-2 8', 'r 2 OVERLOADED same 9', 'd 0 0 3 2 9', 'd 1 0 3 2 9']
  const entries = [{ message: 0 }, { message: 1 }, { message: 2, from: 'ann' }]
  expect(audit(unanswered, entries)).toMatchObject({ violations: [], figures: { refused: { OVERLOADED: 1 } } })
  expect(audit(unanswered.slice(0, -1), entries)).toMatchObject({ figures: { lost: 1 } })
})

const without = (line: string) => CHAT.filter(other => other !== line)

test.each<[string, readonly string[], readonly Entry[] | undefined, object, string]>([
  ['acked and not in the log', CHAT, [{ message: 0 }], { lost: 1 }, 'is not in the log'],
  ['acked under another seq', CHAT, [{ message: 1 }, { message: 0 }], { outOfOrder: 2 }, 'stands at #2'],
  [
    'twice in the log',
    [...CHAT, 'd 0 0 3 1 9', 'd 1 0 3 1 9'],
    [{ message: 0 }, { message: 1 }, { message: 1 }],
    { duplicated: 1 },
    'stands 2 times',
  ],
  [
    'another packId',
    CHAT,
    [{ message: 0 }, { message: 1, packId: 'other' }],
    { changed: 1 },
    'not in the log as anybody',
  ],
  ['another sender', CHAT, [{ message: 0 }, { message: 1, from: 'eve' }], { changed: 1 }, 'not in the log as anybody'],
  ['not delivered', without('d 0 0 2 1 7'), undefined, { lost: 1 }, 'did not get the last 1'],
  ['delivered twice', [...CHAT, 'd 0 0 2 1 9'], undefined, { duplicated: 1 }, 'after #2'],
  ['delivered with a hole', without('d 0 0 1 0 5'), undefined, { outOfOrder: 1 }, 'right after #0'],
  ['other content delivered', [...without('d 0 0 2 1 7'), 'd 0 0 2 0 7'], undefined, { changed: 1 }, 'the log has 1'],
  ['answered twice', [...CHAT, 'a 0 1 9'], undefined, { duplicated: 1 }, 'answered twice'],
  ['never answered', without('a 1 2 6'), undefined, { unanswered: 1 }, 'never answered'],
  ['refused for good', [...CHAT, 's 2 0 0 p 8', 'r 2 PARAM never 9'], undefined, { sent: 3 }, 'refused for good'],
  ['a gap told', [...CHAT, 'l 0 0 gap-1-2'], undefined, { toldLost: 1 }, 'told of a loss'],
  ['acks that stay away', [...CHAT, 'f 1 9 kill broker', 'b 1 10'], undefined, {}, 'acks came back not everywhere'],
])('[FT2] %s is found', (_, lines, entries, figures, violation) => {
  const found = audit(lines, entries)
  expect(found.figures).toMatchObject(figures)
  expect(found.violations.join('\n')).toContain(violation)
})
