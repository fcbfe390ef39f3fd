/** The part of vitest's JSON report that is counted. */
export interface TestReport {
  numPassedTests: number
  numFailedTests: number
  numPendingTests: number
  numTodoTests: number
  /** `name` is the path of the file. */
  testResults: readonly { name: string; status: string; assertionResults: readonly { status?: string }[] }[]
}

export interface TestCounts {
  passed: number
  failed: number
  skipped: number
}

/** Counts tests; a file that could not even be loaded counts as one failed test. */
export function countTests(report: TestReport): TestCounts {
  const broken = report.testResults.filter(file => file.status === 'failed' && file.assertionResults.length === 0)
  return {
    passed: report.numPassedTests,
    failed: report.numFailedTests + broken.length,
    skipped: report.numPendingTests + report.numTodoTests,
  }
}

/**
 * The test files that docs/features.md names and of which no test passed in the run: a feature that nothing showed.
 * `root` ends without a slash.
 */
export function featuresNotShown(report: TestReport, features: string, root: string): string[] {
  const shown = new Set(
    report.testResults
      .filter(file => file.assertionResults.some(({ status }) => status === 'passed'))
      .map(({ name }) => name),
  )
  const named = [...features.matchAll(/`([^`\s]+\.test\.ts)`/g)].map(match => match[1]!)
  return [...new Set(named)].filter(file => !shown.has(`${root}/${file}`))
}

/** The line that machines read. */
export function summaryLine({ passed, failed, skipped }: TestCounts): string {
  return `${passed} passed, ${failed} failed, ${skipped} skipped`
}

/**
 * What speaks against the run although every test that ran may have passed; empty when it is good. `filtered` says
 * that tests were chosen by name, which reports all others as skipped.
 */
export function objections(counts: TestCounts, run: { exitCode: number; filtered: boolean }): string[] {
  const objections: string[] = []
  if (counts.failed > 0) objections.push(`${counts.failed} failed`)
  if (counts.skipped > 0 && !run.filtered) objections.push(`${counts.skipped} skipped: a test runs or is removed`)
  if (counts.passed + counts.failed === 0) objections.push('no test ran')
  if (run.exitCode !== 0 && counts.failed === 0) objections.push(`vitest ended with ${run.exitCode}, see above`)
  return objections
}
