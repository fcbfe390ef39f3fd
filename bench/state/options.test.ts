import { expect, test } from 'vitest'
import { BadOptions } from '../options.ts'
import { parseStateOptions } from './options.ts'

test('[BN7] core and restore take their own flags', () => {
  expect(parseStateOptions(['core', '--slices', '2', '--json'])).toMatchObject({
    command: 'core',
    json: true,
    parameters: { slices: 2, packs: 20_000 },
  })
  expect(parseStateOptions(['restore', '--sessions', '1000', '--start'])).toMatchObject({
    command: 'restore',
    start: true,
    parameters: { sessions: 1_000, packs: 100_000 },
  })
  expect(parseStateOptions(['core', '--help'])).toContain('--slices N')
  expect(parseStateOptions(['restore', '--help'])).toContain('--sessions N')
})

test('[BN7] what is not understood is said', () => {
  for (const args of [
    ['core', '--rate', '1'],
    ['restore', '--sessions', 'many'],
    ['core', '--batch', '501'],
  ]) {
    expect(() => parseStateOptions(args), args.join(' ')).toThrow(BadOptions)
  }
})
