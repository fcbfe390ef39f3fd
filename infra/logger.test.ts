import { expect, test } from 'vitest'
import { makeLogger } from './logger.ts'

function logged(error: unknown): Record<string, unknown> {
  const lines: string[] = []
  makeLogger({ name: 'test', level: 'trace', to: { write: line => void lines.push(line) } }).error({ err: error }, 'no')
  return JSON.parse(lines[0]!) as Record<string, unknown>
}

test('[SC10] what client libraries hang on their errors is not logged', () => {
  const error = Object.assign(new Error('READONLY'), {
    code: 'X',
    offset: 7,
    command: { name: 'set', args: ['canary'] },
  })
  const line = logged(new Error('the view does not answer', { cause: error }))
  expect(JSON.stringify(line)).not.toContain('canary')
  expect(line.err).toMatchObject({
    message: 'the view does not answer',
    cause: { message: 'READONLY', code: 'X', offset: 7 },
  })
})

test('[SC10] a chain of causes ends somewhere, and what is no error is not shown', () => {
  const error = new Error('round')
  error.cause = error
  expect(JSON.stringify(logged(error)).match(/"round"/g)!.length).toBeLessThan(20)
  expect(logged({ secret: 'canary' }).err).toBe('[not an error]')
})
