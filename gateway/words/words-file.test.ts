import { mkdtemp, rename, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { BadConfig } from '../../infra/config.ts'
import type { Logger } from '../../infra/logger.ts'
import { VirtualClock } from '../../infra/testing/virtual-clock.ts'
import { WORDS_POLL_MS, WordsFile } from './words-file.ts'

let folder: string
let file: string
const said: string[] = []
const logger = {
  info: () => {},
  error: (_fields: object, text: string) => said.push(text),
} as unknown as Logger

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'packlog-words-'))
  file = join(folder, 'words.txt')
  said.length = 0
})
afterEach(() => rm(folder, { recursive: true, force: true }))

/** A file that is looked at whenever the test says so. */
async function opened(text: string) {
  await writeFile(file, text)
  const clock = new VirtualClock()
  const words = new WordsFile({ file, clock, logger })
  await words.open()
  const stopping = new AbortController()
  const ended = words.run(stopping.signal)
  const isRefused = (word: string) =>
    words.words!.judge({ content: { kind: 'Text', text: word }, pushInfo: null }).kind === 'Refused'
  /** Looks until the fact is there: the file is read by the system, not by the virtual clock. */
  const until = async (fact: () => boolean) => {
    while (!fact()) {
      await clock.pass(WORDS_POLL_MS)
      await new Promise(resolve => setImmediate(resolve))
    }
  }
  const end = async () => {
    stopping.abort()
    await ended
  }
  return { words, isRefused, until, end }
}

test('[WO5] a changed list applies without a restart, also where the file is replaced', async () => {
  const { isRefused, until, end } = await opened('one')
  expect([isRefused('one'), isRefused('three')]).toEqual([true, false])
  await writeFile(file, 'three words')
  await until(() => isRefused('three words'))
  expect(isRefused('one')).toBe(false)
  await writeFile(`${file}.new`, 'four')
  await rename(`${file}.new`, file)
  await until(() => isRefused('four'))
  await end()
})

test('[WO5] a list that is malformed or gone leaves the old one, and is said once', async () => {
  const { isRefused, until, end } = await opened('one')
  await writeFile(file, 'two = hide')
  await until(() => said.length > 0)
  expect(isRefused('one')).toBe(true)
  await rm(file)
  await until(() => said.length > 1)
  expect(isRefused('one')).toBe(true)
  await writeFile(file, 'three')
  await until(() => isRefused('three'))
  expect(said).toHaveLength(2)
  await end()
})

test('[WO5] a gateway does not start with a list that it cannot read', async () => {
  const clock = new VirtualClock()
  await expect(new WordsFile({ file, clock, logger }).open()).rejects.toThrow(BadConfig)
  await writeFile(file, 'x = y')
  await expect(new WordsFile({ file, clock, logger }).open()).rejects.toThrow('line 1: "y" is neither refuse nor mask')
})
