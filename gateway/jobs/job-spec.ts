import { createHash } from 'node:crypto'
import type { Millis } from '../../infra/clock.ts'
import type { SentPlace } from '../../processors/archive/archive-reader.ts'
import type { Content, SendExtra } from '../../schemas/content.ts'
import {
  makePackId,
  type PackId,
  type SessionId,
  singleSessionId,
  type UserId,
  userSessionId,
} from '../../schemas/ids.ts'
import type { PackBody, PushInfo } from '../../schemas/pack.ts'
import type { Profile } from '../../schemas/settings.ts'

/** What jobs do: the words of JobStarted.spec and of JobStepped.cursor, and the packs that follow from them. Pure. */

/** Receivers are packs of their own: a message from the app, or from a user to single chats. */
export interface Broadcast {
  /** The app, or the user in whose name it is sent. */
  from: UserId
  /** Each once; `all`: every user of whom something is known when the job comes to them. */
  to: readonly UserId[] | 'all'
  flags: number
  pushInfo?: PushInfo
  content: Content
  extra?: SendExtra
}

/** What is done by a pack for each user. `perSecond`: packs that are sent in a second at most. */
export type PackJobSpec = { perSecond: number } & (
  | ({ job: 'broadcast' } & Broadcast)
  | { job: 'importUsers'; users: readonly { userId: UserId; profile: Partial<Profile> }[] }
  | { job: 'eraseUsers'; userIds: readonly UserId[]; reason?: string }
)
/** What is kept of a user, as files: user-exports.ts. */
export interface ExportSpec {
  job: 'exportUser'
  userId: UserId
}
export type JobSpec = PackJobSpec | ExportSpec
export const JOB_KINDS = [
  'broadcast',
  'importUsers',
  'eraseUsers',
  'exportUser',
] as const satisfies readonly JobSpec['job'][]

/** The users of one step: of the list, or of a partition behind `after` up to `to`, included. Steps never overlap. */
export type UsersPart = { start: number; count: number } | { partition: number; after: string; to: string }
/** One file of an export: the first is about the user, each other has the messages behind a place. */
export interface ExportPart {
  file: number
  after?: SentPlace
}
export type Part = UsersPart | ExportPart

export interface JobFailure {
  userId: UserId
  code: number
}

/** What JobStepped.cursor says: the part of the step, and the first failures of those before. */
export interface JobCursor {
  part: Part
  failures: JobFailure[]
}

/** Failures that a job tells one by one. */
export const JOB_FAILURES_MAX = 10
/** Users of one step. */
export const PART_USERS_MAX = 500

/** Throws SyntaxError for what is no JSON, and TypeError for a job of a kind that is not known here. */
export function readSpec(json: string): JobSpec {
  const spec = JSON.parse(json) as JobSpec
  if (!JOB_KINDS.includes(spec.job)) throw new TypeError(`a job of the kind ${spec.job} is not known here`)
  return spec
}

/** The users that a job names; `all` where it names none. */
export function usersOf(spec: PackJobSpec): readonly UserId[] | 'all' {
  switch (spec.job) {
    case 'broadcast':
      return spec.to
    case 'importUsers':
      return spec.users.map(({ userId }) => userId)
    case 'eraseUsers':
      return spec.userIds
  }
}

/** The part of a list behind another one; undefined: there is none. */
export function partBehind(
  users: readonly UserId[],
  part: UsersPart | undefined,
  usersMax: number,
): UsersPart | undefined {
  const start = part === undefined || 'partition' in part ? 0 : part.start + part.count
  const count = Math.min(usersMax, users.length - start)
  return count <= 0 ? undefined : { start, count }
}

export interface JobPack {
  packId: PackId
  sessionId: SessionId
  from: UserId
  flags: number
  pushInfo?: PushInfo
  body: PackBody
}

/**
 * The pack of a job for a user. Its id follows from the job, the session and the time of the step that the user belongs
 * to, which the log says: however often and by whomever the step is done, the session takes it once.
 */
export function packFor(
  spec: PackJobSpec,
  userId: UserId,
  of: { app: UserId; jobId: string; stepAt: Millis },
): JobPack {
  const { sessionId, from, body } = wordsFor(spec, userId, of.app)
  const packId = makePackId(of.stepAt, createHash('sha256').update(`${of.jobId}\n${sessionId}`).digest())
  const sent = spec.job === 'broadcast' ? spec : { flags: 0 }
  const { flags, pushInfo } = sent as Pick<Broadcast, 'flags' | 'pushInfo'>
  return { packId, sessionId, from, flags, ...(pushInfo === undefined ? {} : { pushInfo }), body }
}

function wordsFor(spec: PackJobSpec, userId: UserId, app: UserId): Pick<JobPack, 'sessionId' | 'from' | 'body'> {
  switch (spec.job) {
    case 'broadcast': {
      const { from, content, extra } = spec
      const sessionId = from === app ? (`b:${app}:${userId}` as SessionId) : singleSessionId(from, userId)
      const said = extra === undefined ? { content } : { content, extra }
      return { sessionId, from, body: { kind: 'SendMessage', ...said } }
    }
    case 'importUsers': {
      const { profile } = spec.users.find(user => user.userId === userId)!
      return { sessionId: userSessionId(userId), from: userId, body: { kind: 'UpdateProfile', profile } }
    }
    case 'eraseUsers': {
      const { reason } = spec
      const body = { kind: 'EraseUser', ...(reason === undefined ? {} : { reason }) } as const
      return { sessionId: userSessionId(userId), from: userId, body }
    }
  }
}
