import { expect, test } from 'vitest'
import { BadOptions, parseBenchOptions } from './options.ts'

test('[BN7] the flags of the issue are understood, the rest has stated defaults', () => {
  const args = 'chat --rate 2000 --seconds 30 --pairs 1000 --bytes 200 --new-sessions 20 --json'.split(' ')
  expect(parseBenchOptions(args)).toEqual({
    command: 'chat',
    ratePerSecond: 2_000,
    pairs: 1_000,
    seconds: 30,
    bytes: 200,
    newSessionsPercent: 20,
    warmupSeconds: 3,
    repeat: 1,
    json: true,
    start: false,
    gatewayUrl: undefined,
  })
  expect(parseBenchOptions(['chat', '--with-log'])).toMatchObject({ command: 'both' })
  expect(parseBenchOptions(['log', '--json'])).toMatchObject({ command: 'log', json: true })
  expect(parseBenchOptions(['--help'])).toBeUndefined()
})

test('[BN7] a command line that cannot be understood says why', () => {
  for (const args of [
    [],
    ['frob'],
    ['chat', 'log'],
    ['chat', '--rate', 'x'],
    ['chat', '--rate', '0'],
    ['chat', '--pairs', '1.5'],
    ['chat', '--frob'],
  ]) {
    expect(() => parseBenchOptions(args), args.join(' ')).toThrow(BadOptions)
  }
})
