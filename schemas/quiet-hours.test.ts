import { describe, expect, test } from 'vitest'
import { isQuiet, isTimeZone } from './quiet-hours.ts'

const at = (text: string) => Date.parse(text)

describe('quiet hours', () => {
  test.each(['Europe/Paris', 'UTC', 'Asia/Kolkata', 'Asia/Calcutta', 'America/Argentina/Ushuaia'])(
    '[US5] %s is a time zone',
    name => {
      expect(isTimeZone(name)).toBe(true)
    },
  )

  test.each(['', 'Europe/Atlantis', '+02:00', 'x', 'Europe/Paris '])('[US5] %j is none', name => {
    expect(isTimeZone(name)).toBe(false)
  })

  const night = { fromMinute: 22 * 60, toMinute: 7 * 60, timeZone: 'Europe/Rome' }
  const cases: [string, typeof night | undefined, string, boolean][] = [
    ['no hours', undefined, '2026-01-15T02:00:00Z', false],
    ['the first minute of the night', night, '2026-01-15T21:00:00Z', true],
    ['the minute before', night, '2026-01-15T20:59:59Z', false],
    ['after midnight', night, '2026-01-15T05:59:00Z', true],
    ['the last minute is over', night, '2026-01-15T06:00:00Z', false],
    ['in summer an hour earlier', night, '2026-07-15T20:00:00Z', true],
    ['the night that the clocks go forward', night, '2026-03-29T05:00:00Z', false],
    ['a rest in the day', { ...night, fromMinute: 780, toMinute: 840, timeZone: 'UTC' }, '2026-01-15T13:30:00Z', true],
    ['from equal to to is never', { ...night, toMinute: night.fromMinute }, '2026-01-15T21:00:00Z', false],
    ['a zone that is not known', { ...night, timeZone: 'Mars/Base' }, '2026-01-15T23:00:00Z', false],
  ]
  test.each(cases)('[US5] %s', (_name, hours, time, expected) => {
    expect(isQuiet(hours, at(time))).toBe(expected)
  })
})
