import type { Clock, Millis, Random } from '../../infra/clock.ts'
import type { Logger } from '../../infra/logger.ts'
import type { AppsReader, JobEntry } from '../../processors/membership/apps-store.ts'
import { Code } from '../../schemas/codes.ts'
import { makePackId, type SessionId, type UserId } from '../../schemas/ids.ts'
import { makePack } from '../../schemas/make-pack.ts'
import type { Pack, PackBody } from '../../schemas/pack.ts'
import type { Answer, Calls } from '../ws/calls.ts'
import { QuestionFailed } from '../ws/views.ts'
import type { JobLeases } from './job-leases.ts'
import {
  type ExportPart,
  type ExportSpec,
  JOB_FAILURES_MAX,
  type JobCursor,
  type JobFailure,
  type JobSpec,
  PART_USERS_MAX,
  type PackJobSpec,
  type Part,
  packFor,
  partBehind,
  readSpec,
  type UsersPart,
  usersOf,
} from './job-spec.ts'
import type { EndedJob, UserExports } from './user-exports.ts'

/**
 * Does the jobs of apps: broadcasts, imports, erasures, each a pack for every user that it names; and exports, whose steps
 * each write a file (user-exports.ts).
 *
 * What a job is and how far it is stands in the log only, in the session of the app: JobStarted, then for each step one
 * JobStepped, which says the users of the step, then JobEnded. A step is done in this order:
 *
 *   1. StepJob n is accepted. From now on nobody can make the users of step n others, or give step n+1 before.
 *   2. The packs of step n are sent, under ids that follow from the job, the session and the time of JobStepped n, until
 *      each has a final outcome.
 *   3. StepJob n+1, or EndJob, with what has become of them.
 *
 * Whoever is killed in between is followed by any gateway, which reads JobStepped n and does 2 again: the sessions take a
 * pack once, so that each user gets it once. Of two who are at it one is refused at 3, and looks again. Where a step lies
 * longer than packIds are remembered, what became of its packs is looked up; what cannot be found then counts as failed
 * (EXPIRED), for it may not be sent again.
 *
 * Not promised: that a user who is first known behind the place where a job of all users is gets it.
 */
export class JobWorker {
  private readonly options: JobWorkerOptions
  private readonly running = new Map<string, Promise<void>>()
  private wakeUp: () => void = () => {}
  /** When all jobs are looked at again, by the monotonic clock. */
  private surveyAt: Millis = Number.NEGATIVE_INFINITY

  constructor(options: JobWorkerOptions) {
    this.options = options
  }

  /** Works until the signal aborts, and resolves once nothing runs any more. */
  async run(signal: AbortSignal): Promise<void> {
    const { clock, logger, isOpen } = this.options
    while (!signal.aborted) {
      const woken = new Promise<void>(resolve => {
        this.wakeUp = resolve
      })
      const waiting = new AbortController()
      try {
        await this.look(signal)
      } catch (error) {
        logger.warn({ err: error }, 'jobs could not be looked for')
      }
      const stop = () => waiting.abort()
      signal.addEventListener('abort', stop, { once: true })
      // As soon as packs can be sent: a job may have lain since this gateway was killed.
      await Promise.race([clock.sleep(isOpen() ? LOOK_MS : VIEW_MS, waiting.signal), woken])
      signal.removeEventListener('abort', stop)
      waiting.abort()
    }
    await Promise.all(this.running.values())
  }

  /** There is a job to begin, as soon as the view knows of it. */
  wake(): void {
    this.options.clock.schedule(VIEW_MS, () => this.wakeUp())
  }

  /**
   * Begins what nobody works on, as far as there is room. Now and then it looks at all jobs that are kept: what an earlier
   * version wrote is not among the open ones, and exports that have ended have files to be taken away.
   */
  private async look(signal: AbortSignal): Promise<void> {
    const { apps, clock, isOpen } = this.options
    if (!isOpen()) return
    const isSurvey = clock.monotonic() >= this.surveyAt
    const ended: EndedJob[] = []
    for (const app of await apps.apps()) {
      for (const job of await (isSurvey ? apps.jobs(app) : apps.openJobs(app))) {
        if (job.ended === undefined) await this.begin(app, job, signal)
        else ended.push({ app, job })
      }
    }
    if (!isSurvey) return
    this.surveyAt = clock.monotonic() + SURVEY_MS
    void this.sweep(ended)
  }

  private async begin(app: UserId, job: JobEntry, signal: AbortSignal): Promise<void> {
    const { leases, logger } = this.options
    const name = `${app}/${job.jobId}`
    if (this.running.has(name) || signal.aborted) return
    if (this.running.size >= JOBS_RUNNING_MAX || !(await leases.take(name))) return
    const work = this.work(app, job, signal)
      .catch(error => logger.warn({ err: error, job: name }, 'a job stopped: it is begun again where it is'))
      .then(() => leases.release(name))
      .catch(() => {})
      .finally(() => this.running.delete(name))
    this.running.set(name, work)
  }

  private async sweep(ended: readonly EndedJob[]): Promise<void> {
    const { exports, logger } = this.options
    await exports?.sweep(ended).catch(error => logger.warn({ err: error }, 'files of exports were not taken away'))
  }

  /** Goes on with a job until it has ended, or somebody else goes on, or the signal aborts. */
  private async work(app: UserId, job: JobEntry, signal: AbortSignal): Promise<void> {
    const { apps, leases } = this.options
    const { jobId } = job
    const json = await apps.jobSpec({ app, jobId })
    // Ended meanwhile, or the view is behind.
    if (json === undefined) return
    const spec = specOf(json)
    if (spec === undefined)
      return this.end({ app, jobId }, { ...NOTHING_DONE, error: 'the job is not known here' }, signal)
    let at = placeOf(job)
    while (!signal.aborted) {
      const result = await this.step({ app, jobId }, spec, at, signal)
      if (result === undefined) return
      const { next: part } = result
      const counted = { done: at.done + result.done, failed: at.failed + result.failed }
      const failures = [...at.failures, ...result.failures].slice(0, JOB_FAILURES_MAX)
      if (part === undefined) {
        const said = failures.length === 0 ? {} : { result: JSON.stringify({ failures }) }
        return this.end({ app, jobId }, { ...counted, ...said }, signal)
      }
      const cursor: JobCursor = { part, failures }
      const step = { jobId, step: at.step + 1, ...counted, cursor: JSON.stringify(cursor) }
      const answer = await this.say(app, { kind: 'StepJob', ...step }, signal)
      // Refused: it was cancelled, or somebody else goes on.
      if (answer?.type !== 'ack') return
      at = { step: step.step, stepAt: answer.at, ...counted, ...cursor }
      if (!(await leases.take(`${app}/${jobId}`))) return
    }
  }

  /** Does the step that was begun last, where one was, and gives the part behind it; undefined where it was stopped. */
  private async step(
    job: JobName,
    spec: JobSpec,
    at: JobPlace,
    signal: AbortSignal,
  ): Promise<(JobResult & { next: Part | undefined }) | undefined> {
    if (spec.job === 'exportUser') return this.writeFile(job, spec, at.part as ExportPart | undefined)
    const part = at.part as UsersPart | undefined
    const result = part === undefined ? NOTHING_DONE : await this.send(job, spec, { part, stepAt: at.stepAt }, signal)
    return result && { ...result, next: await this.partBehind(spec, part) }
  }

  private async writeFile(job: JobName, { userId }: ExportSpec, part: ExportPart | undefined) {
    const { exports } = this.options
    if (exports === undefined) throw new Error('there is no store of files here')
    if (part === undefined) return { ...NOTHING_DONE, next: { file: 0 } }
    const { messages: done, next } = await exports.write(job, userId, part)
    return { ...NOTHING_DONE, done, next }
  }

  /** Sends the packs of a step and gives what became of them; undefined where it was stopped. */
  private async send(
    { app, jobId }: JobName,
    spec: PackJobSpec,
    { part, stepAt }: { part: UsersPart; stepAt: Millis },
    signal: AbortSignal,
  ): Promise<JobResult | undefined> {
    const { clock } = this.options
    const users = await this.usersOf(spec, part)
    const atOnce = Math.max(1, Math.ceil(spec.perSecond / CHUNKS_PER_SECOND))
    const result: JobResult = { done: 0, failed: 0, failures: [] }
    for (let i = 0; i < users.length; i += atOnce) {
      const chunk = users.slice(i, i + atOnce)
      const pause = clock.sleep((chunk.length / spec.perSecond) * 1_000, signal)
      const codes = await Promise.all(
        chunk.map(userId => this.codeOf(app, jobId, packFor(spec, userId, { app, jobId, stepAt }), signal)),
      )
      if (codes.includes(undefined)) return undefined
      const failures = chunk.flatMap((userId, k): JobFailure[] => (codes[k] === 0 ? [] : [{ userId, code: codes[k]! }]))
      result.done += chunk.length
      result.failed += failures.length
      result.failures.push(...failures.slice(0, JOB_FAILURES_MAX))
      await pause
      if (signal.aborted) return undefined
    }
    return result
  }

  /** 0 where the pack was accepted, now or before; otherwise why not. Undefined where it was stopped. */
  private async codeOf(
    app: UserId,
    jobId: string,
    pack: ReturnType<typeof packFor>,
    signal: AbortSignal,
  ): Promise<number | undefined> {
    const answer = await this.settled(this.packOf(app, jobId, pack), signal)
    if (answer === undefined || answer.type === 'ack') return answer && 0
    return answer.code === Code.EXPIRED.number ? this.formerCode(app, pack, signal) : answer.code
  }

  /** What became of a pack that is no longer remembered. */
  private async formerCode(
    app: UserId,
    { from, sessionId, packId }: ReturnType<typeof packFor>,
    signal: AbortSignal,
  ): Promise<number | undefined> {
    const { calls, clock } = this.options
    const identity = { userId: from, device: NO_DEVICE, actor: { kind: 'APP', id: app } as const }
    while (!signal.aborted) {
      try {
        const { found, code } = await calls().ask(identity, { type: 'outcome', sessionId, packId })
        return found === true ? (code as number) : Code.EXPIRED.number
      } catch (error) {
        if (!(error instanceof QuestionFailed)) throw error
        await clock.sleep(RETRY_MS, signal)
      }
    }
    return undefined
  }

  private async usersOf(spec: PackJobSpec, part: UsersPart): Promise<readonly UserId[]> {
    const named = usersOf(spec)
    if (!('partition' in part)) return named === 'all' ? [] : named.slice(part.start, part.start + part.count)
    const { partition, after, to } = part
    const users: UserId[] = []
    for (let from = after; ; from = users.at(-1)!) {
      const page = await this.options.apps.users({ partition, after: from, limit: PART_USERS_MAX })
      const wanted = page.filter(userId => userId <= to)
      users.push(...wanted)
      if (wanted.length < PART_USERS_MAX) return users.filter(userId => isReceiver(spec, userId))
    }
  }

  private async partBehind(spec: PackJobSpec, part: UsersPart | undefined): Promise<UsersPart | undefined> {
    const named = usersOf(spec)
    const { apps, partitions, partUsers: limit = PART_USERS_MAX } = this.options
    if (named !== 'all') return partBehind(named, part, limit)
    const place = part !== undefined && 'partition' in part ? part : { partition: 0, to: '' }
    for (let { partition, to: after } = place; partition < partitions; partition++, after = '') {
      const page = await apps.users({ partition, after, limit })
      const to = page.at(-1)
      if (to !== undefined) return { partition, after, to }
    }
    return undefined
  }

  private async end(
    { app, jobId }: JobName,
    end: { done: number; failed: number; error?: string; result?: string },
    signal: AbortSignal,
  ): Promise<void> {
    const { done, failed, error, result } = end
    const said = { ...(error === undefined ? {} : { error }), ...(result === undefined ? {} : { result }) }
    await this.say(app, { kind: 'EndJob', jobId, done, failed, ...said }, signal)
  }

  /** Says something in the session of the app; under a new id, for the log knows by itself which step was begun. */
  private say(
    app: UserId,
    body: Extract<PackBody, { kind: 'StepJob' | 'EndJob' }>,
    signal: AbortSignal,
  ): Promise<Answer | undefined> {
    const { clock, random } = this.options
    const packId = makePackId(clock.now(), random.bytes(10))
    const sessionId = `a:${app}` as SessionId
    return this.settled(this.packOf(app, body.jobId, { packId, sessionId, from: app, flags: 0, body }), signal)
  }

  private packOf(app: UserId, jobId: string, pack: ReturnType<typeof packFor>): Pack {
    const { calls } = this.options
    const device = { type: 0, id: `job:${jobId}` }
    return makePack({ ...pack, actor: { kind: 'APP', id: app }, device, gateway: calls().gateway })
  }

  /** The final answer; what is refused for the moment is sent again. Undefined where it was stopped before. */
  private async settled(pack: Pack, signal: AbortSignal): Promise<Answer | undefined> {
    const { calls, clock } = this.options
    while (!signal.aborted) {
      const answer = await calls().submitPack(pack)
      if (answer.type === 'ack' || answer.retry !== 'same') return answer
      await clock.sleep(RETRY_MS, signal)
    }
    return undefined
  }
}

export interface JobWorkerOptions {
  /** False while no packs can be sent. */
  isOpen(): boolean
  calls(): Pick<Calls, 'submitPack' | 'ask' | 'gateway'>
  apps: Pick<AppsReader, 'apps' | 'jobs' | 'openJobs' | 'jobSpec' | 'users'>
  leases: JobLeases
  /** Without it there is no store for what is exported. */
  exports?: Pick<UserExports, 'write' | 'sweep'> | undefined
  /** Of im.packs: users are listed by the partition of their own session. */
  partitions: number
  /** Users of one step; PART_USERS_MAX unless told otherwise. */
  partUsers?: number
  clock: Clock
  random: Random
  logger: Logger
}

interface JobName {
  app: UserId
  jobId: string
}

/** Where a job is: the step that was begun last, and what became of those before it. */
interface JobPlace {
  step: number
  stepAt: Millis
  done: number
  failed: number
  /** Undefined: no step was begun. */
  part?: Part
  failures: JobFailure[]
}

interface JobResult {
  done: number
  failed: number
  failures: JobFailure[]
}

/** How often it is looked for jobs that somebody else has left. */
export const LOOK_MS: Millis = 2_000
/** How often it is looked at all jobs that are kept. */
export const SURVEY_MS: Millis = 60_000
/** How long a view that is well takes to know of what was said. */
const VIEW_MS: Millis = 200
/** Jobs that one gateway works on at a time. */
export const JOBS_RUNNING_MAX = 4
/** Pause before what was refused for the moment is sent again. */
const RETRY_MS: Millis = 500
/** A job sends in as many pieces. */
const CHUNKS_PER_SECOND = 10
const NO_DEVICE = { type: 0, id: '' }
const NOTHING_DONE: JobResult = { done: 0, failed: 0, failures: [] }

function specOf(json: string): JobSpec | undefined {
  try {
    return readSpec(json)
  } catch {
    return undefined
  }
}

function placeOf({ step, stepAt, done, failed, cursor }: JobEntry): JobPlace {
  if (step === 0) return { step, stepAt, done, failed, failures: [] }
  return { step, stepAt, done, failed, ...(JSON.parse(cursor) as JobCursor) }
}

/** Nobody chats with themselves. */
function isReceiver(spec: PackJobSpec, userId: UserId): boolean {
  return spec.job !== 'broadcast' || userId !== spec.from
}
