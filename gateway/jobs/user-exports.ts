import type { Clock, Millis } from '../../infra/clock.ts'
import type { JobEntry } from '../../processors/membership/apps-store.ts'
import { type ExportSources, exportText, messagesOf, standingOf } from '../../processors/user-export.ts'
import type { UserId } from '../../schemas/ids.ts'
import type { MediaStore } from '../media/media-store.ts'
import type { ExportPart, JobCursor } from './job-spec.ts'

/**
 * The files of exports, in the store of files: one for each step of the job, `exports/<app>/<jobId>/<file>.ndjson`. The
 * first says who the user is and whom they have to do with, the others have their messages. A step is done any number of
 * times: its file is written whole, under the same name. A day after the job has ended its files are taken away.
 */

export interface UserExportsOptions {
  sources: ExportSources
  store: Pick<MediaStore, 'put' | 'downloadLink' | 'remove'>
  clock: Clock
  /** Of one file at most, or a page more; EXPORT_FILE unless told otherwise. */
  file?: { messages: number; bytes: number }
}

export const EXPORT_FILE = { messages: 2_000, bytes: 4 * 1024 ** 2 }
/** How long files are kept once the job has ended. */
export const EXPORT_KEPT_MS: Millis = 86_400_000
/** How long a link may be used. */
export const EXPORT_LINK_MS: Millis = 300_000
const NDJSON = 'application/x-ndjson'

interface JobName {
  app: UserId
  jobId: string
}

/** With the app whose it is. */
export interface EndedJob {
  app: UserId
  job: JobEntry
}

export class UserExports {
  private readonly options: UserExportsOptions
  /** The files of all jobs that ended before are taken away. */
  private sweptBefore: Millis = 0

  constructor(options: UserExportsOptions) {
    this.options = options
  }

  /** Writes the file of a step; gives how many messages it has, and the part of the next step where there is one. */
  async write(job: JobName, userId: UserId, part: ExportPart): Promise<{ messages: number; next?: ExportPart }> {
    const { content, messages, next } =
      part.file === 0 ? await this.standing(userId) : await this.messages(userId, part)
    await this.options.store.put({ key: keyOf(job, part.file), mime: NDJSON, content })
    return { messages, ...(next && { next }) }
  }

  /** Links to the files of a job that has ended well, in order. Undefined: there are none any more. */
  async links({ app }: { app: UserId }, job: JobEntry): Promise<{ urls: string[]; expiresAt: Millis } | undefined> {
    const { store, clock } = this.options
    const now = clock.now()
    if (job.ended === undefined || now >= job.ended.at + EXPORT_KEPT_MS) return undefined
    const { jobId } = job
    const urls = filesOf(job).map(file => {
      const disposition = `attachment; filename="${jobId}-${file}.ndjson"`
      return store.downloadLink({ key: keyOf({ app, jobId }, file), lifeMs: EXPORT_LINK_MS, disposition, mime: NDJSON })
    })
    return { urls: await Promise.all(urls), expiresAt: now + EXPORT_LINK_MS }
  }

  /**
   * Takes the files away of those of all jobs whose time is over. Rejects when the store cannot be reached, and does the
   * same again then. Those of a job that is first seen when its time is over are left to a gateway that starts later.
   */
  async sweep(jobs: readonly EndedJob[]): Promise<void> {
    const { store, clock } = this.options
    const before = clock.now() - EXPORT_KEPT_MS
    for (const { app, job } of jobs) {
      const { jobId, ended } = job
      if (job.job !== 'exportUser' || ended === undefined) continue
      if (ended.at > before || ended.at < this.sweptBefore) continue
      for (const file of filesOf(job)) await store.remove(keyOf({ app, jobId }, file))
    }
    this.sweptBefore = before
  }

  private async standing(userId: UserId) {
    let content = ''
    for await (const line of standingOf(userId, this.options.sources)) content += exportText(line)
    return { content, messages: 0, next: { file: 1 } }
  }

  private async messages(userId: UserId, { file, after }: ExportPart) {
    const { sources, file: most = EXPORT_FILE } = this.options
    let content = ''
    let messages = 0
    let next = after
    do {
      const page = await messagesOf(userId, next, sources.archive)
      content += page.messages.map(exportText).join('')
      messages += page.messages.length
      next = page.next
    } while (next !== undefined && messages < most.messages && content.length < most.bytes)
    return { content, messages, next: next && { file: file + 1, after: next } }
  }
}

/** The files that a job has begun, by number: its last step says which was the last. */
function filesOf({ step, cursor }: JobEntry): number[] {
  if (step === 0) return []
  const { file } = (JSON.parse(cursor) as JobCursor).part as ExportPart
  return Array.from({ length: file + 1 }, (_, number) => number)
}

function keyOf({ app, jobId }: JobName, file: number): string {
  return `exports/${app}/${jobId}/${file}.ndjson`
}
