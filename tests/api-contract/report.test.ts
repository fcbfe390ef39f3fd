import { expect, test } from 'vitest'
import { BadOptions } from '../../bench/options.ts'
import { systemRandom } from '../../infra/clock.ts'
import { parseContractOptions } from './options.ts'
import { addTallies, contractRows, contractTable } from './report.ts'

test('an operation that failed, never succeeded or has too few examples is named with what is missing', () => {
  const operations = [
    { operationId: 'good', parameters: [] },
    { operationId: 'bad', requestBody: {} },
    { operationId: 'plain' },
    { operationId: 'forgotten', parameters: [] },
  ]
  const tally = { good: { 200: 50, 404: 60 }, bad: { 400: 100, 500: 1 }, plain: { 200: 3 } }
  const rows = contractRows(operations, tally, 100)
  expect(rows.map(({ missing }) => missing)).toEqual([
    '',
    'never succeeded, failed',
    '',
    'fewer than 100 examples, never succeeded',
  ])
  expect(rows.map(({ isShort }) => isShort)).toEqual([false, false, false, true])
  expect(rows[0]).toMatchObject({ examples: 110, succeeded: 50, refused: 60, failed: 0 })
  expect(contractTable(rows).split('\n').at(-1)).toMatch(/^4 operations +214 +53 +160 +1$/)
})

test('the answers of several rounds count together', () => {
  const first = { good: { 200: 5, 404: 1 }, bad: { 500: 1 } }
  expect(addTallies(first, { good: { 200: 2, 400: 3 }, other: { 204: 1 } })).toEqual({
    good: { 200: 7, 404: 1, 400: 3 },
    bad: { 500: 1 },
    other: { 204: 1 },
  })
})

test('the command line is read, and what it cannot be is refused', () => {
  expect(parseContractOptions(['--help'], systemRandom)).toBeUndefined()
  const options = parseContractOptions(['--examples', '5', '--seed', '7', '--operation', 'notify'], systemRandom)
  expect(options).toEqual({ examples: 5, seed: 7, operations: ['notify'] })
  for (const args of [['--examples', '0'], ['--seed', '-1'], ['--nothing'], ['more']]) {
    expect(() => parseContractOptions(args, systemRandom), args.join(' ')).toThrow(BadOptions)
  }
})
