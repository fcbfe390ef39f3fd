import { z } from 'zod'
import type { Clock } from '../../infra/clock.ts'
import { JOB_KEPT_MS } from '../../processors/membership/apps.ts'
import type { AppsReader, JobEntry } from '../../processors/membership/apps-store.ts'
import { JOB_SPEC_BYTES_MAX } from '../../processors/sequencer/decide-app.ts'
import { codeName } from '../../schemas/codes.ts'
import type { PackId, UserId } from '../../schemas/ids.ts'
import type { Profile } from '../../schemas/settings.ts'
import { type Broadcast, type JobFailure, type JobSpec, usersOf } from '../jobs/job-spec.ts'
import type { UserExports } from '../jobs/user-exports.ts'
import { appSessionId, NOTIFY_FLAGS, noteAct, notifySessionId, submitAppPack } from './app-packs.ts'
import { ID_PATTERN, recordFields } from './avro-schemas.ts'
import { pageQuery, userIdSchema } from './common-schemas.ts'
import type { CallsNow } from './frame-routes.ts'
import { derivedPackId } from './idempotency.ts'
import { outcomeOf, outcomeSchema } from './outcome.ts'
import { fromView, Problem } from './problem.ts'
import { type Route, type RouteCall, route } from './route.ts'
import { type Message, messageFields, sendFrame } from './routes-messages.ts'

/**
 * Work that takes long: 202 and a job, which goes on whatever becomes of the gateway (jobs/job-worker.ts). The job has
 * the packId of the request as its id, so that a request that is sent again under its Idempotency-Key is the same job.
 */

export interface JobRouteParts {
  calls: CallsNow
  clock: Clock
  /** Throws Problem where nobody keeps jobs. */
  apps(): Pick<AppsReader, 'jobs' | 'job' | 'openJobs' | 'jobSpec' | 'userCount'>
  /** Of im.packs. */
  partitions: number
  /** There is a job to begin. */
  jobStarted(): void
  /** Throws Problem where this installation has no store of files. */
  exports(): UserExports
  /** Messages that a user sent. Rejects when the archive cannot be reached. */
  sentCount(userId: UserId): Promise<number>
}

/** Jobs of an app that have not ended. */
export const JOBS_OPEN_MAX = 20
const JOBS_PAGE_MAX = 200
/** Users that one request names. */
const USERS_MAX = 20_000
const PER_SECOND_DEFAULT = 500
const PER_SECOND_MAX = 5_000
const CANCELLED = 'cancelled'

const failureSchema = z.strictObject({ userId: z.string(), code: z.int(), name: z.string() })
const jobSchema = z
  .strictObject({
    jobId: z.string(),
    job: z.string().describe('broadcast, importUsers, eraseUsers or exportUser.'),
    state: z.enum(['waiting', 'running', 'done', CANCELLED, 'failed']),
    total: z
      .int()
      .describe(
        'Users that it is for; of all users: as many as were known when it began. Of an export: messages, likewise.',
      ),
    done: z.int().describe('Users, or messages, that it has dealt with, those where it failed among them.'),
    failed: z.int(),
    failures: z.array(failureSchema).describe('The first that failed, with the code of each.'),
    startedAt: z.int(),
    endedAt: z.int().optional(),
    error: z.string().optional().describe('Why it went no further.'),
  })
  .meta({ id: 'Job' })
type JobBody = z.infer<typeof jobSchema>
const resultSchema = z
  .strictObject({
    files: z.array(z.strictObject({ url: z.string().describe('To be got without a key.') })).describe('In order.'),
    expiresAt: z.int().describe('Until then the links are good; ask again for others.'),
  })
  .meta({ id: 'JobResult' })

const perSecond = z
  .int()
  .min(1)
  .max(PER_SECOND_MAX)
  .optional()
  .describe(`Packs in a second, at most; absent: ${PER_SECOND_DEFAULT}.`)
const userIds = z.array(userIdSchema).min(1).max(USERS_MAX)
const jobParams = z.strictObject({ jobId: z.string().regex(ID_PATTERN) })
const profile = recordFields('UpdateProfile').profile as z.ZodType<Partial<Profile>>

export function jobRoutes(parts: JobRouteParts): Route[] {
  const { calls, clock, apps } = parts
  const start = { tag: 'jobs', method: 'POST', actsFor: 'app', status: 202, answer: jobSchema } as const
  const isTold = ({ ended }: JobEntry) => ended === undefined || ended.at >= clock.now() - JOB_KEPT_MS
  const find = async (app: UserId, jobId: string): Promise<JobEntry> => {
    const job = await fromView('REDIS_ERROR', () => apps().job({ app, jobId }))
    if (job === undefined || !isTold(job)) throw new Problem('NOT_EXIST', `there is no job ${jobId}`)
    return job
  }
  return [
    route({
      ...start,
      actsFor: 'userOrApp',
      scope: 'notifications:write',
      url: '/v1/jobs/broadcast',
      id: 'startBroadcast',
      summary: 'Send a message to many users, or to all, at a pace: each gets it once',
      description:
        'From the app, as a notification; or from the user in Packlog-User, each in a single chat, for which the key needs ' +
        `messages:write as well. A list may be as long as fits into ${JOB_SPEC_BYTES_MAX} bytes.`,
      body: z.strictObject({
        to: z.union([z.literal('all'), userIds]).describe('Users, or all of whom something is known.'),
        perSecond,
        ...messageFields,
      }),
      handle: call => {
        const { caller, identity, body } = call
        const { to, perSecond: pace = PER_SECOND_DEFAULT, ...said } = body
        if (caller.kind !== 'app') throw new Problem('ACCESS_DENIED', 'only an app may do this, with its key')
        const from = identity.userId
        if (from !== caller.app && !caller.scopes.has('messages:write')) {
          throw new Problem('ACCESS_DENIED', 'the key has no scope messages:write')
        }
        if (from !== caller.app && to !== 'all' && to.includes(from)) {
          throw new Problem('PARAM', 'to: nobody chats with themselves')
        }
        const receivers = to === 'all' ? to : [...new Set(to)]
        return begin(parts, call, {
          job: 'broadcast',
          perSecond: pace,
          from,
          to: receivers,
          ...broadcastMessage(call.packId, caller.app, said),
        })
      },
    }),
    route({
      ...start,
      scope: 'users:write',
      url: '/v1/jobs/import-users',
      id: 'startUserImport',
      summary: 'Bring in many users with their profiles',
      description: 'A user who is there already gets the fields that are named.',
      body: z.strictObject({
        users: z
          .array(z.strictObject({ userId: userIdSchema, profile }))
          .min(1)
          .max(USERS_MAX),
        perSecond,
      }),
      handle: call => {
        const { users, perSecond: pace = PER_SECOND_DEFAULT } = call.body
        if (new Set(users.map(({ userId }) => userId)).size < users.length) {
          throw new Problem('PARAM', 'users: somebody is named twice')
        }
        return begin(parts, call, { job: 'importUsers', perSecond: pace, users })
      },
    }),
    route({
      ...start,
      scope: 'users:erase',
      url: '/v1/jobs/erase-users',
      id: 'startUserErasure',
      summary: 'Erase many users',
      description: 'done counts users who are kept out; what they said goes session by session, as getErasure tells.',
      body: z.strictObject({ userIds, reason: z.string().max(500).optional(), perSecond }),
      handle: async call => {
        const { userIds: named, reason, perSecond: pace = PER_SECOND_DEFAULT } = call.body
        const said = reason === undefined ? {} : { reason }
        return begin(parts, call, { job: 'eraseUsers', perSecond: pace, userIds: [...new Set(named)], ...said })
      },
    }),
    route({
      ...start,
      scope: 'users:export',
      url: '/v1/jobs/export-user',
      id: 'startUserExport',
      summary: 'Export everything that is kept of a user',
      description:
        'The profile with settings, groups, friends, and the messages that the user sent, as they read now; not what others wrote. ' +
        'Once the job is done, getJobResult has the files.',
      body: z.strictObject({ userId: userIdSchema }),
      handle: call => {
        parts.exports()
        return begin(parts, call, { job: 'exportUser', userId: call.body.userId })
      },
    }),
    route({
      method: 'GET',
      url: '/v1/jobs',
      id: 'listJobs',
      tag: 'jobs',
      scope: 'jobs:read',
      actsFor: 'app',
      summary: 'List the jobs of the app, the newest first; those that ended more than 30 days ago are left out',
      query: pageQuery(JOBS_PAGE_MAX),
      answer: z.strictObject({ jobs: z.array(jobSchema), cursor: z.string().optional() }),
      handle: async ({ identity, query: { cursor, limit = JOBS_PAGE_MAX } }) => {
        const told = (await fromView('REDIS_ERROR', () => apps().jobs(identity.userId))).filter(isTold)
        const from = cursor === undefined ? 0 : told.findIndex(({ jobId }) => jobId === cursor) + 1
        if (cursor !== undefined && from === 0) throw new Problem('PARAM', 'cursor: not one of this list')
        const page = told.slice(from, from + limit)
        const more = from + limit < told.length
        return { jobs: page.map(bodyOf), ...(more ? { cursor: page.at(-1)!.jobId } : {}) }
      },
    }),
    route({
      method: 'GET',
      url: '/v1/jobs/:jobId',
      id: 'getJob',
      tag: 'jobs',
      scope: 'jobs:read',
      actsFor: 'app',
      summary: 'How far a job is, and what became of it',
      params: jobParams,
      answer: jobSchema,
      handle: async ({ identity, params }) => bodyOf(await find(identity.userId, params.jobId)),
    }),
    route({
      method: 'GET',
      url: '/v1/jobs/:jobId/result',
      id: 'getJobResult',
      tag: 'jobs',
      scope: 'users:export',
      actsFor: 'app',
      summary: 'Get links to the files of an export',
      description: `NDJSON, one fact a line; put one behind another they are the export. Kept for a day after the job has ended; that links were given is noted.`,
      params: jobParams,
      answer: resultSchema,
      handle: async call => {
        const app = call.identity.userId
        const job = await find(app, call.params.jobId)
        const isDone = job.job === 'exportUser' && job.ended !== undefined && job.ended.error === undefined
        const links = isDone ? await parts.exports().links({ app }, job) : undefined
        if (links === undefined) throw new Problem('NOT_EXIST', 'the job has no files, not yet or no longer')
        await noteAct(calls(), call, { act: 'readExport', subject: job.jobId })
        return { files: links.urls.map(url => ({ url })), expiresAt: links.expiresAt }
      },
    }),
    route({
      method: 'POST',
      url: '/v1/jobs/:jobId/cancel',
      id: 'cancelJob',
      tag: 'jobs',
      scope: 'jobs:write',
      actsFor: 'app',
      summary: 'Let a job go no further',
      description: 'What it has begun of its present step it may still do.',
      params: jobParams,
      answer: outcomeSchema,
      handle: async call => {
        const app = call.identity.userId
        const { jobId, done, failed } = await find(app, call.params.jobId)
        await noteAct(calls(), call, { act: 'cancelJob', subject: jobId })
        const body = { kind: 'EndJob', jobId, done, failed, error: CANCELLED } as const
        const pack = { packId: call.packId, sessionId: appSessionId(app), from: app, body }
        return outcomeOf(await submitAppPack(calls(), call.identity, pack))
      },
    }),
  ]
}

/** What every receiver is sent. Throws BadField: a message that no gateway can send would keep its job for ever. */
function broadcastMessage(packId: PackId, app: UserId, said: Message): Omit<Broadcast, 'from' | 'to'> {
  const { flags = NOTIFY_FLAGS } = said
  const { pushInfo, content, extra } = sendFrame(packId, notifySessionId(app, app), { ...said, flags })
  return { flags, content, ...(pushInfo && { pushInfo }), ...(extra && { extra }) }
}

/** Writes the job to the log; from then on it is done. Throws Problem. */
async function begin(
  parts: JobRouteParts,
  { caller, identity, packId, requestId }: Pick<RouteCall, 'caller' | 'identity' | 'packId' | 'requestId'>,
  spec: JobSpec,
): Promise<JobBody> {
  if (caller.kind !== 'app') throw new Problem('ACCESS_DENIED', 'only an app may do this, with its key')
  const { calls, apps, jobStarted } = parts
  const { app, keyId } = caller
  const json = JSON.stringify(spec)
  if (Buffer.byteLength(json) > JOB_SPEC_BYTES_MAX) {
    throw new Problem('FRAME_TOO_LARGE', `a job takes ${JOB_SPEC_BYTES_MAX} bytes: make several`)
  }
  const [known, open] = await fromView('REDIS_ERROR', () => {
    return Promise.all([apps().job({ app, jobId: packId }), apps().openJobs(app)])
  })
  if (known !== undefined) {
    if (known.job !== spec.job) throw new Problem('PACK_CONFLICT')
    return bodyOf(known)
  }
  if (open.length >= JOBS_OPEN_MAX) {
    throw new Problem('LIMIT_REACHED', `${JOBS_OPEN_MAX} jobs have not ended yet`)
  }
  const total = await totalOf(spec, parts)
  await noteAct(
    calls(),
    { caller, identity, packId, requestId },
    { act: 'startJob', subject: packId, job: spec.job, ...detailOf(spec), inTheNameOf: identity.userId },
  )
  const answer = await submitAppPack(
    calls(),
    { userId: app, actor: { kind: 'APP', id: app }, device: { type: 0, id: `key:${keyId}` } },
    {
      packId: derivedPackId(packId, 'start'),
      sessionId: appSessionId(app),
      from: app,
      body: { kind: 'StartJob', jobId: packId, job: spec.job, spec: json, total },
    },
  )
  const { at } = outcomeOf(answer)
  jobStarted()
  const none = { done: 0, failed: 0, failures: [] }
  return { jobId: packId, job: spec.job, state: 'waiting', total, ...none, startedAt: at }
}

/** Who is exported is to be seen in the audit log. */
function detailOf(spec: JobSpec): { userId?: UserId } {
  return spec.job === 'exportUser' ? { userId: spec.userId } : {}
}

async function totalOf(spec: JobSpec, { apps, partitions, sentCount }: JobRouteParts): Promise<number> {
  if (spec.job === 'exportUser') return fromView('DB_ERROR', () => sentCount(spec.userId))
  const named = usersOf(spec)
  return named === 'all' ? countUsers(apps(), partitions) : named.length
}

async function countUsers(apps: Pick<AppsReader, 'userCount'>, partitions: number): Promise<number> {
  const counts = Array.from({ length: partitions }, (_, partition) => apps.userCount(partition))
  return (await fromView('REDIS_ERROR', () => Promise.all(counts))).reduce((sum, count) => sum + count, 0)
}

function bodyOf({ jobId, job, total, step, done, failed, cursor, startedAt, ended }: JobEntry): JobBody {
  const told = ended === undefined ? cursor : (ended.result ?? '')
  const failures = told === '' ? [] : (JSON.parse(told) as { failures: JobFailure[] }).failures
  return {
    jobId,
    job,
    state: stateOf({ step, ended }),
    total,
    done,
    failed,
    failures: failures.map(({ userId, code }) => ({ userId, code, name: codeName(code) ?? String(code) })),
    startedAt,
    ...(ended === undefined ? {} : { endedAt: ended.at }),
    ...(ended?.error === undefined ? {} : { error: ended.error }),
  }
}

function stateOf({ step, ended }: Pick<JobEntry, 'step' | 'ended'>): JobBody['state'] {
  if (ended === undefined) return step === 0 ? 'waiting' : 'running'
  if (ended.error === undefined) return 'done'
  return ended.error === CANCELLED ? CANCELLED : 'failed'
}
