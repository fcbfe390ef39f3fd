import type { Millis } from '../../infra/clock.ts'
import { keyQuota } from '../../schemas/apps.ts'
import { type AcceptedEvent, isAccepted } from '../../schemas/event.ts'
import type { Seq, SessionId, UserId } from '../../schemas/ids.ts'
import { webhookEntry } from '../../schemas/webhook-acts.ts'
import type { ViewBatch } from '../view.ts'

/**
 * What the membership view keeps of apps: their keys, their webhooks, and how far their jobs are. Registers, as those of people: each
 * with the seq of the event that set it, the later one stays. Pure.
 */

/**
 * `keys`: keyId -> AppKey, empty: revoked. `quotas`: keyId -> KeyQuota. `webhooks`: webhookId -> WebhookEntry, those that were deleted, too. `jobs`: `<jobId>#start`, `#step` and `#end` -> what each event said, with its
 * time. `specs`: jobId -> what is to be done, empty once the job has ended. What is said of a job takes those away that
 * ended more than JOB_KEPT_MS before.
 */
export type AppTable = 'keys' | 'quotas' | 'webhooks' | 'jobs' | 'specs'

export interface AppWrite {
  app: UserId
  table: AppTable
  name: string
  position: Seq
  /** Log time of the event. */
  at: Millis
  json: string
}

/** How long it is told what became of a job, in log time. */
export const JOB_KEPT_MS: Millis = 30 * 86_400_000

export interface JobStartRegister {
  job: string
  total: number
  at: Millis
}
export interface JobStepRegister {
  step: number
  done: number
  failed: number
  cursor: string
  at: Millis
}
export interface JobEndRegister {
  done: number
  failed: number
  error?: string
  result?: string
  at: Millis
}

/** The writes of a batch, in log order. */
export function projectApps({ events }: Pick<ViewBatch, 'events'>): AppWrite[] {
  return events.flatMap(({ event }) => (isAccepted(event) ? appWrites(event) : []))
}

/** The app of a session `a:<app>`. */
export function appOf(sessionId: SessionId): UserId {
  return sessionId.slice(2) as UserId
}

export function appWrites(event: AcceptedEvent): AppWrite[] {
  const { body, sessionId, seq, at } = event
  const write = (table: AppTable, name: string, value: unknown): AppWrite => ({
    app: appOf(sessionId),
    table,
    name,
    position: seq,
    at,
    json: value === undefined ? '' : JSON.stringify(value),
  })
  switch (body.kind) {
    case 'KeySet':
      return [write('keys', body.key.keyId, body.key)]
    case 'KeyRevoked':
      return [write('keys', body.keyId, undefined)]
    case 'ActRecorded': {
      const entry = webhookEntry(event)
      if (entry !== undefined) return [write('webhooks', entry.webhookId, entry)]
      const quota = keyQuota(body)
      return quota === undefined ? [] : [write('quotas', quota.keyId, quota)]
    }
    case 'JobStarted': {
      const { jobId, job, total, spec } = body
      return [write('jobs', `${jobId}#start`, { job, total, at }), write('specs', jobId, spec)]
    }
    case 'JobStepped': {
      const { kind: _, jobId, ...step } = body
      return [write('jobs', `${jobId}#step`, { ...step, at })]
    }
    case 'JobEnded': {
      const { kind: _, jobId, ...end } = body
      return [write('jobs', `${jobId}#end`, { ...end, at }), write('specs', jobId, undefined)]
    }
    default:
      return []
  }
}
