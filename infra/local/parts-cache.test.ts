import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { systemClock } from '../clock.ts'
import { obtain } from './parts-cache.ts'

let cacheDir = ''
beforeEach(() => {
  cacheDir = mkdtempSync(join(tmpdir(), 'packlog-cache-'))
})
afterEach(() => rmSync(cacheDir, { recursive: true, force: true }))

const lines: string[] = []
const tools = { clock: systemClock, log: (line: string) => void lines.push(line) }
const writePart = async (dir: string) => writeFileSync(join(dir, 'part'), 'whole')

test('a part is made once and found afterwards', async () => {
  let made = 0
  const make = async (dir: string) => {
    made += 1
    await writePart(dir)
  }
  const first = await obtain({ cacheDir, name: 'part-1', make }, tools)
  const second = await obtain({ cacheDir, name: 'part-1', make }, tools)
  expect(second).toBe(first)
  expect(made).toBe(1)
  expect(readdirSync(cacheDir)).toEqual(['part-1'])
})

test('a half-finished download of a killed run is noticed, removed and made again', async () => {
  mkdirSync(join(cacheDir, 'part-1.partial-99999'))
  writeFileSync(join(cacheDir, 'part-1.lock'), JSON.stringify({ pid: 99_999, identity: 'of a process that is gone' }))
  const dir = await obtain({ cacheDir, name: 'part-1', make: writePart }, tools)
  expect(readFileSync(join(dir, 'part'), 'utf8')).toBe('whole')
  expect(readdirSync(cacheDir)).toEqual(['part-1'])
  expect(lines.join()).toContain('an earlier download was not finished')
})

test('a download that fails leaves nothing behind, and the next one works', async () => {
  const failing = async (dir: string) => {
    await writePart(dir)
    throw new Error('connection lost')
  }
  await expect(obtain({ cacheDir, name: 'part-1', make: failing }, tools)).rejects.toThrow('connection lost')
  expect(readdirSync(cacheDir)).toEqual([])
  expect(existsSync(await obtain({ cacheDir, name: 'part-1', make: writePart }, tools))).toBe(true)
})

test('of two starters at once one downloads and the other waits for it', async () => {
  let [running, runningMax, made] = [0, 0, 0]
  let finish: () => void = () => {}
  const isWaitedFor = new Promise<void>(resolve => {
    finish = resolve
  })
  const make = async (dir: string) => {
    running += 1
    runningMax = Math.max(runningMax, running)
    await isWaitedFor
    await writePart(dir)
    made += 1
    running -= 1
  }
  // The second one looks at the lock, finds it held and sleeps: then the first one may end.
  const sleep = async () => {
    finish()
    await new Promise<void>(resolve => systemClock.defer(resolve))
  }
  const patient = { ...tools, clock: { ...systemClock, sleep } }
  const both = [0, 1].map(() => obtain({ cacheDir, name: 'part-1', make }, patient))
  expect(new Set(await Promise.all(both)).size).toBe(1)
  expect([runningMax, made]).toEqual([1, 1])
})
