import { expect, test } from 'vitest'
import { systemClock } from '../../infra/clock.ts'
import { BadOptions } from '../options.ts'
import { parseStoreOptions } from './command.ts'
import { measureSqlite } from './in-sqlite.ts'

test('[BN20] store fills a local store and measures opening, paging and jumping in it', async () => {
  const result = await measureSqlite({ messages: 2_000, sessions: 10, steps: 5 }, systemClock)
  expect(result.fillPerSecond).toBeGreaterThan(0)
  expect(result.openMs).toBeGreaterThan(0)
  for (const { p50, max } of [result.conversationMs, result.olderMs, result.jumpMs]) {
    expect(max).toBeGreaterThanOrEqual(p50)
  }
})

test('[BN20] the flags of store are understood, or it is said why not', () => {
  expect(parseStoreOptions([])).toEqual({
    where: 'sqlite',
    messages: 1_000_000,
    sessions: 1_000,
    steps: 100,
    json: false,
  })
  expect(parseStoreOptions(['--help'])).toBeUndefined()
  for (const args of [['--messages', '1'], ['--sessions', '1'], ['--steps', 'x'], ['--in', 'redis'], ['--else']]) {
    expect(() => parseStoreOptions(args)).toThrow(BadOptions)
  }
})
