import { expect, test } from 'vitest'
import { countTests, featuresNotShown, objections, summaryLine, type TestReport } from './test-summary.ts'

const report = (changes: Partial<TestReport>): TestReport => ({
  numPassedTests: 3,
  numFailedTests: 0,
  numPendingTests: 0,
  numTodoTests: 0,
  testResults: [{ name: '/repo/a.test.ts', status: 'passed', assertionResults: [{}, {}, {}] }],
  ...changes,
})
const good = { exitCode: 0, filtered: false }

test('the plain line', () => {
  expect(summaryLine(countTests(report({ numFailedTests: 1, numPendingTests: 2, numTodoTests: 1 })))).toBe(
    '3 passed, 1 failed, 3 skipped',
  )
})

test('a file that cannot be loaded counts as a failed test', () => {
  const counts = countTests(
    report({ testResults: [{ name: '/repo/a.test.ts', status: 'failed', assertionResults: [] }] }),
  )
  expect(counts.failed).toBe(1)
})

test('a run in which all passed is good', () => {
  expect(objections({ passed: 3, failed: 0, skipped: 0 }, good)).toEqual([])
})

test.each([
  [{ passed: 3, failed: 1, skipped: 0 }, good, '1 failed'],
  [{ passed: 3, failed: 0, skipped: 1 }, good, '1 skipped'],
  [{ passed: 0, failed: 0, skipped: 0 }, good, 'no test ran'],
  [{ passed: 3, failed: 0, skipped: 0 }, { exitCode: 1, filtered: false }, 'vitest ended with 1'],
])('%j with %j is not good', (counts, run, message) => {
  expect(objections(counts, run).join()).toContain(message)
})

test('tests that were left out by name are no objection', () => {
  expect(objections({ passed: 1, failed: 0, skipped: 2 }, { exitCode: 0, filtered: true })).toEqual([])
})

test('[TD11] a feature whose test did not run, or of which nothing passed, is named', () => {
  const ran = (name: string, status: string) => ({ name: `/repo/${name}`, status, assertionResults: [{ status }] })
  const run = report({ testResults: [ran('a/one.test.ts', 'passed'), ran('two.e2e.test.ts', 'skipped')] })
  const features = '| A1 | x | `a/` | `a/one.test.ts`, `two.e2e.test.ts` |\n| A2 | y | z | `three.test.ts` |'
  expect(featuresNotShown(run, features, '/repo')).toEqual(['two.e2e.test.ts', 'three.test.ts'])
  expect(featuresNotShown(run, '`a/one.test.ts`', '/repo')).toEqual([])
})
