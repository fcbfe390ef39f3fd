import { expect, test } from 'vitest'
import { FAIR_HELP, GROUP_HELP, IDLE_HELP, parseConnectionOptions } from './options.ts'

test('[BN14] what is left out has its standard', () => {
  expect(parseConnectionOptions(['group'])).toEqual({
    command: 'group',
    json: false,
    start: false,
    gatewayUrl: undefined,
    parameters: { members: 200, absent: 0, ratePerSecond: 20, seconds: 15, warmupSeconds: 2, bytes: 100 },
  })
  expect(parseConnectionOptions(['idle', '--connections', '10', '--json'])).toMatchObject({
    command: 'idle',
    json: true,
    parameters: { connections: 10, seconds: 60 },
  })
})

test('[BN14] help is a text', () => {
  expect(parseConnectionOptions(['group', '--help'])).toBe(GROUP_HELP)
  expect(parseConnectionOptions(['idle', '--help'])).toBe(IDLE_HELP)
  expect(parseConnectionOptions(['fair', '--help'])).toBe(FAIR_HELP)
})

test.each([
  [['group', '--members', '1'], '--members 1: a whole number from 2 to 20000'],
  [['group', '--rate', 'x'], '--rate x: a whole number'],
  [['idle', '--connections', '0'], '--connections 0'],
  [['idle', '--members', '3'], "Unknown option '--members'"],
  [['fair', '--limit', '0'], '--limit 0'],
  [['other'], 'neither group, idle nor fair'],
])('[BN14] %j is refused', (args, message) => {
  expect(() => parseConnectionOptions(args)).toThrow(message)
})
