import { expect, test } from 'vitest'
import { POSITION_START, type Position } from '../../topics/valid-events.ts'
import { START_BACK_EVENTS_MAX } from '../limits.ts'
import { planStart } from './start.ts'

const at = (offset: number): Position => ({ offset, cause: { era: 0, offset }, hash: '0011223344556677' })
const bounds = (start: number, end: number) => new Map([[0, { start, end }]])

test('[GW24] a gateway begins behind the membership view, or at the start where there is no view yet', () => {
  expect(planStart(bounds(0, 10), new Map([[0, at(4)]]))).toEqual({
    positions: new Map([[0, at(4)]]),
    ends: new Map([[0, 10]]),
  })
  expect(planStart(bounds(0, 10), new Map())).toMatchObject({ positions: new Map([[0, POSITION_START]]) })
})

test('[GW24] it waits while the view is too far behind, or behind what the log still holds', () => {
  expect(planStart(bounds(0, START_BACK_EVENTS_MAX + 5), new Map([[0, at(4)]]))).toBeTypeOf('object')
  expect(planStart(bounds(0, START_BACK_EVENTS_MAX + 6), new Map([[0, at(4)]]))).toContain('events behind')
  expect(planStart(bounds(6, 10), new Map([[0, at(4)]]))).toContain('still holds')
  expect(planStart(bounds(5, 10), new Map([[0, at(4)]]))).toBeTypeOf('object')
  expect(planStart(bounds(5, 10), new Map())).toContain('still holds')
})
