import fc from 'fast-check'
import { expect, test } from 'vitest'
import type { SessionId, UserId } from '../../schemas/ids.ts'
import { type ArchiveSearch, windowsOf } from './archive-search.ts'

const SEARCH = { userId: 'ann' as UserId, parts: [], terms: [], limit: 20 }
const time = fc.integer({ min: 0, max: 2_000 * 86_400_000 })

test('[AR41] windows follow upon each other without a gap, from the newest to the oldest, and are few', () => {
  fc.assert(
    fc.property(
      fc.tuple(time, time),
      fc.option(time, { nil: undefined }),
      fc.option(time, { nil: undefined }),
      fc.option(time, { nil: undefined }),
      ([one, other], sinceAt, beforeAt, afterAt) => {
        const search: ArchiveSearch = { ...SEARCH }
        if (sinceAt !== undefined) search.sinceAt = sinceAt
        if (beforeAt !== undefined) search.beforeAt = beforeAt
        if (afterAt !== undefined) search.after = { at: afterAt, sessionId: 's:ann:bo' as SessionId, seq: 1 }
        const windows = windowsOf(search, { oldestAt: Math.min(one, other), newestAt: Math.max(one, other) })
        expect(windows[0]!.beforeAt).toBe(beforeAt)
        expect(windows.at(-1)!.sinceAt).toBe(sinceAt)
        for (const [index, window] of windows.slice(1).entries()) expect(window.beforeAt).toBe(windows[index]!.sinceAt)
        for (const window of windows.slice(0, -1)) expect(window.sinceAt).toBeGreaterThan(sinceAt ?? -1)
        expect(windows.length).toBeLessThan(6)
      },
    ),
  )
})
