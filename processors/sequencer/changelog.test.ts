import { expect, test } from 'vitest'
import { silentLogger } from '../../infra/logger.ts'
import { AppendFailed, type LogRecord } from '../../topics/log.ts'
import { Fenced, TRANSACTION_RECORDS_MAX } from '../../topics/transactional-log.ts'
import type { Position } from '../../topics/valid-events.ts'
import { CHANGELOG_DELAY_MS_MAX, CHANGELOG_ROWS_MAX, Changelog } from './changelog.ts'
import { CHECKPOINT_START, type Change, type Checkpoint, HEAD_PLAIN, MEMBER_PLAIN } from './session.ts'
import { World } from './testing/world.ts'

/** A changelog onto a list of transactions; `answer` decides about each. */
async function make(answer: (attempt: number) => Promise<void> = async () => {}) {
  const world = await World.make()
  const transactions: LogRecord[][] = []
  const failures: unknown[] = []
  const logged: Position[] = []
  let attempts = 0
  const changelog = new Changelog({
    topic: world.topics.sessions,
    partition: 0,
    writer: 'test',
    codec: world.codecs.session,
    clock: world.clock,
    logger: silentLogger,
    transactional: {
      init: async () => {},
      close: async () => {},
      append: async ({ records }) => {
        await answer(attempts++)
        transactions.push([...records])
      },
    },
    onFailure: error => failures.push(error),
    onLogged: position => logged.push(position),
  })
  const written = () => transactions.map(records => records.map(({ key }) => key!.toString()))
  const lastSeqOf = (key: string) => {
    const record = transactions.flat().findLast(each => each.key!.toString() === key)!
    const { body } = world.codecs.session.decode(record.value!)
    return body.kind === 'SessionHead' ? body.lastSeq : undefined
  }
  return { world, changelog, written, lastSeqOf, failures, logged }
}

function at(offset: number): Checkpoint {
  const position = { offset, cause: { era: 0, offset }, hash: '0011223344556677' }
  return { ...CHECKPOINT_START, position }
}

function heads(lastSeq: number, ...sessionIds: string[]): Change[] {
  return sessionIds.map(key => ({ table: 'heads', key, row: { lastSeq, count: 0, ...HEAD_PLAIN } }))
}

test('[ST19] 5,000 members who are added by one pack are a handful of records', async () => {
  const { world, changelog, written } = await make()
  const rows = heads(2, 'g:crew')
  for (let n = 0; n < 5_000; n++) {
    const row = { ...MEMBER_PLAIN, intervals: [{ joinSeq: 2, leaveSeq: 0 }] }
    rows.push({ table: 'members', key: `g:crew#u${n}`, row })
  }
  changelog.note(rows, at(1))
  await world.clock.pass(CHANGELOG_DELAY_MS_MAX)
  const keys = written().flat()
  expect(keys.filter(key => key.startsWith('g:crew#joined#2#'))).toHaveLength(5)
  expect(keys).toHaveLength(7)
})

test('[ST4] changes of a second are one transaction, one record per row, the mark last', async () => {
  const { world, changelog, written, logged } = await make()
  changelog.note(heads(1, 's:a:b', 's:a:c'), at(1))
  changelog.note(heads(2, 's:a:b'), at(2))
  await world.clock.pass(CHANGELOG_DELAY_MS_MAX - 1)
  expect(written()).toEqual([])
  await world.clock.pass(1)
  expect(written()).toEqual([['s:a:b#head', 's:a:c#head', '#pos']])
  expect(logged.map(({ offset }) => offset)).toEqual([2])
  await world.clock.pass(10 * CHANGELOG_DELAY_MS_MAX)
  expect(written()).toHaveLength(1)
})

test('[ST4] what failed is written again with what has changed since, never an older row over a newer', async () => {
  const { world, changelog, written, lastSeqOf, logged } = await make(async attempt => {
    if (attempt > 1) return
    changelog.note(heads(7, 's:a:b', 's:a:d'), at(7 + attempt))
    throw new AppendFailed('no coordinator', { maybeStored: true })
  })
  changelog.note(heads(1, 's:a:b', 's:a:c'), at(1))
  await world.clock.pass(5 * CHANGELOG_DELAY_MS_MAX)
  expect(written().map(keys => keys.toSorted())).toEqual([['#pos', 's:a:b#head', 's:a:c#head', 's:a:d#head']])
  expect(['s:a:b#head', 's:a:c#head', 's:a:d#head'].map(lastSeqOf)).toEqual([7, 1, 7])
  expect(logged.map(({ offset }) => offset)).toEqual([8])
})

test('[ST4] more rows than a transaction holds take several; the mark is in the last', async () => {
  const { world, changelog, written } = await make()
  const sessionIds = Array.from({ length: 2 * TRANSACTION_RECORDS_MAX }, (_, n) => `s:a:${n}`)
  changelog.note(heads(1, ...sessionIds), at(1))
  await world.clock.pass(0)
  expect(written().map(keys => keys.length)).toEqual([TRANSACTION_RECORDS_MAX, TRANSACTION_RECORDS_MAX, 1])
  expect(written().at(-1)).toEqual(['#pos'])
})

test('[ST4] the sequencer waits while too many rows wait', async () => {
  const { world, changelog } = await make(() => world.clock.sleep(500))
  const { signal } = new AbortController()
  const sessionIds = Array.from({ length: CHANGELOG_ROWS_MAX + 1 }, (_, n) => `s:a:${n}`)
  changelog.note(heads(1, 's:a:b'), at(1))
  expect(changelog.room(signal)).toBeUndefined()
  await world.clock.pass(CHANGELOG_DELAY_MS_MAX)
  changelog.note(heads(2, ...sessionIds), at(2))
  const room = changelog.room(signal)
  expect(room).toBeInstanceOf(Promise)
  await world.clock.resolve(room!)
  await world.clock.pass(1_000)
  expect(changelog.room(signal)).toBeUndefined()
})

test('[SQ26] a fenced changelog says so once and writes no more', async () => {
  const { world, changelog, written, failures } = await make(async () => {
    throw new Fenced('seq-0')
  })
  changelog.note(heads(1, 's:a:b'), at(1))
  await world.clock.pass(CHANGELOG_DELAY_MS_MAX)
  changelog.note(heads(2, 's:a:b'), at(2))
  await world.clock.pass(10 * CHANGELOG_DELAY_MS_MAX)
  expect(failures).toEqual([expect.any(Fenced)])
  expect(written()).toEqual([])
})
