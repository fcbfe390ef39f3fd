/** What became of the examples of each operation; pure. */

/** Operation -> status -> answers. */
export type Tally = Readonly<Record<string, Readonly<Record<string, number>>>>

/** What /openapi.json says of an operation, as far as it counts here. */
export interface DescribedOperation {
  operationId: string
  parameters?: unknown[]
  requestBody?: unknown
}

export interface OperationRow {
  operation: string
  examples: number
  succeeded: number
  refused: number
  /** Answers from 500 on. */
  failed: number
  /** Too few examples, though a call has something to vary. */
  isShort: boolean
  /** What is missing; empty: nothing. */
  missing: string
}

export function addTallies(one: Tally, other: Tally): Tally {
  const sum: Record<string, Record<string, number>> = {}
  for (const tally of [one, other]) {
    for (const [operation, answers] of Object.entries(tally)) {
      sum[operation] ??= {}
      for (const [status, count] of Object.entries(answers)) {
        sum[operation][status] = (sum[operation][status] ?? 0) + count
      }
    }
  }
  return sum
}

export function contractRows(
  operations: readonly DescribedOperation[],
  tally: Tally,
  examplesMin: number,
): OperationRow[] {
  return operations.map(({ operationId: operation, parameters, requestBody }) => {
    const answers = Object.entries(tally[operation] ?? {})
    const count = (isWanted: (status: number) => boolean) =>
      answers.filter(([status]) => isWanted(Number(status))).reduce((sum, [, number]) => sum + number, 0)
    const row = {
      operation,
      examples: count(() => true),
      succeeded: count(status => status < 300),
      refused: count(status => status >= 400 && status < 500),
      failed: count(status => status >= 500),
    }
    const isShort = row.examples < examplesMin && (parameters ?? requestBody) !== undefined
    const missing = [
      ...(isShort ? [`fewer than ${examplesMin} examples`] : []),
      ...(row.succeeded === 0 ? ['never succeeded'] : []),
      ...(row.failed > 0 ? ['failed'] : []),
    ]
    return { ...row, isShort, missing: missing.join(', ') }
  })
}

const COLUMNS = ['examples', 'succeeded', 'refused', 'failed'] as const

export function contractTable(rows: readonly OperationRow[]): string {
  const width = Math.max(...rows.map(({ operation }) => operation.length), 'operation'.length)
  const line = (cells: readonly (string | number)[], rest: string) =>
    `${String(cells[0]).padEnd(width)}${cells
      .slice(1)
      .map(cell => String(cell).padStart(11))
      .join('')}  ${rest}`.trimEnd()
  const total = (column: (typeof COLUMNS)[number]) => rows.reduce((sum, row) => sum + row[column], 0)
  return [
    line(['operation', ...COLUMNS], ''),
    ...rows.map(row => line([row.operation, ...COLUMNS.map(column => row[column])], row.missing)),
    line([`${rows.length} operations`, ...COLUMNS.map(total)], ''),
  ].join('\n')
}
