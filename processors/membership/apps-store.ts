import type { Millis } from '../../infra/clock.ts'
import type { AppKey, KeyQuota } from '../../schemas/apps.ts'
import type { Seq, UserId } from '../../schemas/ids.ts'
import type { WebhookEntry } from '../../schemas/webhook-acts.ts'
import type { Webhook } from '../../schemas/webhooks.ts'
import type { JobEndRegister, JobStartRegister, JobStepRegister } from './apps.ts'
import type { Stored } from './people-store.ts'

/** A key of an app as it was set last, or that it was revoked. */
export interface KeyEntry {
  keyId: string
  /** Of the event that said so. */
  position: Seq
  /** Undefined: revoked. */
  key: AppKey | undefined
}

/** How much a key may do in a day, as it was set last. */
export interface QuotaEntry extends KeyQuota {
  /** Of the event that said so. */
  position: Seq
}

/** A webhook of an app as it was set last. */
export interface StoredWebhook extends WebhookEntry {
  /** Of the event that said so. */
  position: Seq
}

/** How far a job is. */
export interface JobEntry {
  jobId: string
  job: string
  total: number
  startedAt: Millis
  /** The step that was begun last, and what it begins with. */
  step: number
  stepAt: Millis
  done: number
  failed: number
  cursor: string
  ended?: { at: Millis; error?: string; result?: string }
}

/** What is asked of apps. Every call rejects when the store cannot be reached. */
export interface AppsReader {
  /** Every key that the app ever had. */
  keys(app: UserId): Promise<KeyEntry[]>
  /** Of every key that the app ever gave one. */
  quotas(app: UserId): Promise<QuotaEntry[]>
  /** Every webhook that the app ever had. */
  webhooks(app: UserId): Promise<StoredWebhook[]>
  /** The webhooks of all apps. */
  allWebhooks(): Promise<Webhook[]>
  /** Jobs, the newest first; of those that have ended the ones of the last JOB_KEPT_MS, and maybe older ones. */
  jobs(app: UserId): Promise<JobEntry[]>
  job(request: { app: UserId; jobId: string }): Promise<JobEntry | undefined>
  /** Those that have not ended, however many others there are. */
  openJobs(app: UserId): Promise<JobEntry[]>
  /** What is to be done by a job that has not ended. */
  jobSpec(request: { app: UserId; jobId: string }): Promise<string | undefined>
  /** Every app that ever had a key or a job. */
  apps(): Promise<UserId[]>
  /** Users of whom anything is known, by id; `after` goes on behind one, within a partition. */
  users(request: { partition: number; after: string; limit: number }): Promise<UserId[]>
  /** How many there are in a partition. */
  userCount(partition: number): Promise<number>
}

export function keyEntries(rows: Iterable<readonly [string, Stored]>): KeyEntry[] {
  return [...rows].map(([keyId, { position, json }]) => ({
    keyId,
    position,
    key: json === '' ? undefined : (JSON.parse(json) as AppKey),
  }))
}

export function quotaEntries(rows: Iterable<readonly [string, Stored]>): QuotaEntry[] {
  return [...rows].map(([, { position, json }]) => ({ ...(JSON.parse(json) as KeyQuota), position }))
}

export function storedWebhooks(rows: Iterable<readonly [string, Stored]>): StoredWebhook[] {
  return [...rows].map(([, { position, json }]) => ({ ...(JSON.parse(json) as WebhookEntry), position }))
}

/** What the events of a job have said, by the name of its register. */
export const JOB_PARTS = ['start', 'step', 'end'] as const

/** From registers by `<jobId>#start`, `#step` and `#end`. A job whose start is not there yet is left out. */
export function jobEntries(rows: ReadonlyMap<string, Stored>): JobEntry[] {
  const read = <T>(jobId: string, name: string): T | undefined => {
    const json = rows.get(`${jobId}#${name}`)?.json
    return json === undefined ? undefined : (JSON.parse(json) as T)
  }
  const entries = [...rows.keys()].flatMap((name): JobEntry[] => {
    const [jobId = '', part] = name.split('#')
    if (part !== 'start') return []
    const { job, total, at } = read<JobStartRegister>(jobId, 'start')!
    const step = read<JobStepRegister>(jobId, 'step')
    const end = read<JobEndRegister>(jobId, 'end')
    const { done, failed } = end ?? step ?? { done: 0, failed: 0 }
    const entry: JobEntry = {
      jobId,
      job,
      total,
      startedAt: at,
      step: step?.step ?? 0,
      stepAt: step?.at ?? at,
      done,
      failed,
      cursor: step?.cursor ?? '',
    }
    if (end === undefined) return [entry]
    const { error, result } = end
    return [
      {
        ...entry,
        ended: {
          at: end.at,
          ...(error === undefined ? {} : { error }),
          ...(result === undefined ? {} : { result }),
        },
      },
    ]
  })
  return entries.sort((a, b) => b.startedAt - a.startedAt || (a.jobId < b.jobId ? 1 : -1))
}
