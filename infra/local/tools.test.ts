import { expect, test } from 'vitest'
import { systemClock } from '../clock.ts'
import { makeProgress } from './progress.ts'
import { type Host, javaMajor, requireMaven, requireRedis } from './tools.ts'

const bareHost: Host = {
  env: { PATH: '/nowhere' },
  isRoot: false,
  isDebian: true,
  progress: makeProgress({ isTTY: false, columns: 80, write: () => {} }, systemClock),
}

test.each([
  ['openjdk version "17.0.15" 2025-04-15', 17],
  ['openjdk version "21" 2023-09-19', 21],
  ['java version "1.8.0_402"', 8],
  ['The operation couldn’t be completed. Unable to locate a Java Runtime.', undefined],
])('%s is Java %s', (text, major) => {
  expect(javaMajor(text)).toBe(major)
})

test('a missing tool is named with what to type on each system', async () => {
  await expect(requireMaven(bareHost)).rejects.toThrow('sudo apt-get install maven')
  await expect(requireMaven(bareHost)).rejects.toThrow('brew install maven')
  await expect(requireRedis(bareHost)).rejects.toThrow('REDIS_URL')
})
