import { expect, test } from 'vitest'
import { BadOptions } from '../bench/options.ts'
import { FAULTS_HELP, parseFaultsOptions } from './options.ts'
import { ALL_KINDS } from './plan.ts'
import { parseSdkFaultsOptions } from './sdk/command.ts'

test('[FT5] an hour of everything on one broker unless told otherwise', () => {
  expect(parseFaultsOptions([])).toMatchObject({ seconds: 3_600, seed: 1, brokers: 1, ratePerSecond: 1_000 })
  expect(parseFaultsOptions([])!.kinds).toEqual(ALL_KINDS)
  expect(parseFaultsOptions(['--help'])).toBeUndefined()
  expect(FAULTS_HELP).toContain('zombie rules')
})

test.each([
  [['--seconds', '60', '--seed', '9', '--brokers', '3'], { seconds: 60, seed: 9, brokers: 3 }],
  [['--kinds', 'empty redis, kill broker'], { kinds: ['empty redis', 'kill broker'] }],
  [['--rate', '50', '--pairs', '10', '--every', '5'], { ratePerSecond: 50, pairs: 10, everySeconds: 5 }],
])('[FT5] %j is understood', (args, expected) => {
  expect(parseFaultsOptions(args)).toMatchObject(expected)
})

test.each([
  [['--brokers', '2'], '--brokers 2: 1 or 3'],
  [['--seed=-1'], '--seed -1: a whole number'],
  [['--pairs', '7'], 'a multiple of 5'],
  [['--kinds', 'kill nobody'], '--kinds kill nobody: not one of kill sequencer'],
  [['--wrong'], "'--wrong'"],
])('[FT5] %j is refused', (args, message) => {
  expect(() => parseFaultsOptions(args)).toThrow(BadOptions)
  expect(() => parseFaultsOptions(args)).toThrow(message)
})

test('[FT5] the flags of sdk are understood, or it is said why not', () => {
  expect(parseSdkFaultsOptions([])).toEqual({ faults: 500, people: 12, seed: 1, json: false })
  expect(parseSdkFaultsOptions(['--help'])).toBeUndefined()
  for (const args of [['--faults', '0'], ['--people', '2'], ['--seed', 'x'], ['--else']]) {
    expect(() => parseSdkFaultsOptions(args)).toThrow(BadOptions)
  }
})
