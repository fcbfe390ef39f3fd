import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { type AppWrite, appWrites, JOB_KEPT_MS } from '../../processors/membership/apps.ts'
import type { AppsReader } from '../../processors/membership/apps-store.ts'
import type { AcceptedBody, AcceptedEvent } from '../../schemas/event.ts'
import type { UserId } from '../../schemas/ids.ts'

/** What the membership view tells of the jobs of apps, whichever store it has. */

export interface AppsStoreUnderTest {
  write(writes: readonly AppWrite[]): Promise<void>
  reader: AppsReader
  close(): Promise<void>
}

export const app = 'shop' as UserId
const NOON = 1_700_000_000_000

let seq = 0
/** What an event of the app's own session writes; each has the next seq. */
function writesAt(at: number, body: AcceptedBody): AppWrite[] {
  return appWrites({ sessionId: `a:${app}`, seq: ++seq, at, body } as AcceptedEvent)
}

export const begins = (jobId: string, at = NOON) =>
  writesAt(at, { kind: 'JobStarted', jobId, job: 'importUsers', spec: '{}', total: 3 })
export const steps = (jobId: string, at = NOON) =>
  writesAt(at, { kind: 'JobStepped', jobId, step: 1, done: 0, failed: 0, cursor: '{}' })
export const ends = (jobId: string, at = NOON) => writesAt(at, { kind: 'JobEnded', jobId, done: 3, failed: 0 })

export function appsStoreContract(name: string, make: () => Promise<AppsStoreUnderTest>): void {
  describe(`jobs of apps: ${name}`, () => {
    let under: AppsStoreUnderTest
    beforeEach(async () => {
      under = await make()
    })
    afterEach(() => under.close())

    const ids = async (jobs: Promise<readonly { jobId: string }[]>) => (await jobs).map(({ jobId }) => jobId).sort()

    test('[AP9] a job is asked for by itself, and those that have not ended are', async () => {
      const { reader } = under
      expect(await reader.openJobs(app)).toEqual([])
      expect(await reader.job({ app, jobId: 'a' })).toBeUndefined()
      await under.write([...begins('a'), ...begins('b'), ...steps('b'), ...begins('c'), ...ends('c')])
      expect(await ids(reader.openJobs(app))).toEqual(['a', 'b'])
      expect(await reader.job({ app, jobId: 'b' })).toMatchObject({ jobId: 'b', total: 3, step: 1 })
      expect(await reader.job({ app, jobId: 'c' })).toMatchObject({ done: 3, ended: { at: NOON } })
      expect(await reader.jobSpec({ app, jobId: 'a' })).toBe('{}')
      expect(await ids(reader.jobs(app))).toEqual(['a', 'b', 'c'])
    })

    test('[AP9] a batch that comes again opens nothing', async () => {
      const batch = [...begins('a'), ...steps('a'), ...ends('a')]
      await under.write(batch)
      await under.write(batch.slice(0, 2))
      expect(await under.reader.openJobs(app)).toEqual([])
    })

    test('[AP9] what is said of another job takes away what ended long before, and nothing that has not ended', async () => {
      await under.write([...begins('open'), ...begins('old'), ...begins('young')])
      await under.write([...ends('old'), ...ends('young', NOON + 1)])
      await under.write(begins('next', NOON + JOB_KEPT_MS + 1))
      expect(await ids(under.reader.jobs(app))).toEqual(['next', 'open', 'young'])
      expect(await ids(under.reader.openJobs(app))).toEqual(['next', 'open'])
      expect(await under.reader.job({ app, jobId: 'old' })).toBeUndefined()
    })
  })
}
