import { describe, expect, test } from 'vitest'
import { BadOptions } from '../options.ts'
import { parsePushOptions, sentMembers } from './options.ts'
import { parsePushCounts, since } from './push-metrics.ts'

describe('options', () => {
  test('[BN19] defaults are what the figures are about: five thousand planned, a thousand sent', () => {
    const options = parsePushOptions(['push'])
    expect(options).toMatchObject({ json: false, start: false, parameters: { plannedPerSecond: 5_000, repeat: 5 } })
    expect(typeof options === 'string' ? 0 : sentMembers(options.parameters)).toBe(100)
    expect(parsePushOptions(['push', '--help'])).toContain('--planned N')
  })

  test.each([
    ['--planned', '0'],
    ['--service', 'nokia'],
    ['--sent', '6000'],
    ['--members', '1'],
    ['--more', '1'],
  ])('[BN19] %s %s is refused', (flag, value) => {
    expect(() => parsePushOptions(['push', flag, value])).toThrow(BadOptions)
  })
})

test('[BN19] counts are added up over processes, without those who have no device', () => {
  const one = 'packlog_push_planned_total{verdict="send"} 3\npacklog_push_planned_total{verdict="noDevice"} 9\n'
  const other =
    'packlog_push_planned_total{verdict="muted"} 4\npacklog_push_results_total{vendor="x",result="accepted"} 3\n'
  const last = ['retry"} 2', 'unknown"} 1\n# packlog_push_planned_total{} 1']
    .map(rest => `packlog_push_results_total{vendor="x",result="${rest}`)
    .join('\n')
  const counts = parsePushCounts([one, other, last])
  expect(counts).toEqual({ planned: 7, accepted: 3, delayed: 2, failed: 1 })
  const before = { planned: 1, accepted: 1, delayed: 1, failed: 1 }
  expect(since(counts, before)).toEqual({ planned: 6, accepted: 2, delayed: 1, failed: 0 })
})
