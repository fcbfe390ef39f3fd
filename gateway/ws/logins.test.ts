import { expect, test } from 'vitest'
import { silentLogger } from '../../infra/logger.ts'
import { VirtualClock } from '../../infra/testing/virtual-clock.ts'
import type { UserId } from '../../schemas/ids.ts'
import { Logins, type LoginsOptions } from './logins.ts'

test('[GW12] groups that were read while an emptied view was being filled again are not taken over', async () => {
  const clock = new VirtualClock()
  const polled = new Map([[0, 10]])
  const crew = { sessionId: 'g:crew', joinSeq: 1, role: 'member' }
  let isFull = false
  const admitted: unknown[] = []
  const logins = new Logins({
    clock,
    logger: silentLogger,
    // The last event is back just behind the read.
    membership: { groupsOf: async () => (isFull ? [crew] : fillAnd([])) },
    views: { membershipPositions: async () => new Map([[0, isFull ? 10 : fillAnd(3)]]) },
    index: {
      viewPositions: polled,
      isAdmitted: () => false,
      reaches: () => true,
      admit: (_user: UserId, _view: unknown, groups: unknown) => admitted.push(groups) > 0,
    },
    audience: { reserve: () => {}, ofUser: () => [] },
  } as unknown as LoginsOptions)
  function fillAnd<T>(found: T): T {
    isFull = true
    return found
  }
  const login = logins.admit('ann' as UserId)
  await clock.pass(1_000)
  expect(await login).toBe(true)
  expect(admitted).toEqual([[crew]])
})
