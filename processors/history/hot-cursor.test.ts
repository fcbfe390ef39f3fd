import { expect, test } from 'vitest'
import type { Partition, SessionId, UserId } from '../../schemas/ids.ts'
import { HISTORY_DEFAULTS } from './history-store.ts'
import { wantedSince } from './hot-cursor.ts'

const alice = 'alice' as UserId
const MINUTE = 60_000
/** Sessions `s:...` lie in partition 0, the user's own in 1, which is ten minutes ahead. */
const since = (minute: number) => ({
  times: new Map<Partition, number>([
    [0, minute * MINUTE],
    [1, (minute + 10) * MINUTE],
  ]),
  partitionOf: (sessionId: SessionId) => (sessionId.startsWith('u:') ? 1 : 0),
})
const session = (name: string) => `s:alice:${name}` as SessionId

test('[HI12] minutes are compared within the partition that they are of, the last one included', () => {
  const changed = [
    [`s${session('b')}`, 20 * MINUTE],
    [`u${session('c')}`, 29 * MINUTE],
    [`u${session('d')}`, 30 * MINUTE],
  ] as const
  const isWanted = wantedSince(alice, changed, since(20))
  const wanted = ['b', 'c', 'd', 'e'].filter(name => isWanted(session(name), 0))
  expect(wanted).toEqual(['b', 'd'])
  expect(isWanted(session('e'), 20 * MINUTE)).toBe(true)
  expect(isWanted(session('e'), 19 * MINUTE)).toBe(false)
  expect(wantedSince(alice, changed, undefined)(session('e'), 0)).toBe(true)
})

test('[HI12] where changes were forgotten nothing is left out', () => {
  const full = Array.from(
    { length: HISTORY_DEFAULTS.changedMax },
    (_, n) => [`s${session(`x${n}`)}`, 50 * MINUTE] as const,
  )
  expect(wantedSince(alice, full, since(20))(session('e'), 0)).toBe(true)
  const old = [...full.slice(1), [`s${session('y')}`, 10 * MINUTE] as const]
  expect(wantedSince(alice, old, since(20))(session('e'), 0)).toBe(false)
})
