import { type AcceptedBody, isWebhookAct, type RefusedBody } from '../../schemas/event.ts'
import { isUserId } from '../../schemas/ids.ts'
import type { PackBody } from '../../schemas/pack.ts'
import { WEBHOOK_ID, WEBHOOKS_PER_APP_MAX } from '../../schemas/webhooks.ts'
import type { Desk } from './desk.ts'
import { notDecided, refused } from './outcome.ts'
import { fits } from './pack-kinds.ts'
import { APP_EMPTY, type AppRow, jobKey } from './session.ts'

/**
 * What is decided in an app's own session, `a:<app>`: its keys, what was done by it elsewhere, its jobs. It is written by
 * the app itself, by operators, and by the worker of its jobs (AP1).
 */

type Verdict = AcceptedBody | RefusedBody
type BodyOf<Kind extends PackBody['kind']> = Extract<PackBody, { kind: Kind }>

export const KEYS_MAX = 100
export const KEY_NAME_CHARS_MAX = 100
export const SCOPES_MAX = 64
export const KEY_PER_SECOND_MAX = 100_000
export const JOB_SPEC_BYTES_MAX = 400 * 1024
export const JOB_TEXT_BYTES_MAX = 4_096
export const ACT_CHARS_MAX = 64
export const SUBJECT_CHARS_MAX = 256
export const DETAIL_BYTES_MAX = 4_096

const HASH = /^[0-9a-f]{64}$/
const SCOPE = /^[a-z]{1,30}:[a-z]{1,30}$/
const WORD = /^[A-Za-z][A-Za-z0-9._-]*$/

export function decideApp(desk: Desk): Verdict {
  const { sessionId, from, actor, body } = desk.pack
  if (!fits(body.kind, 'App') || sessionId !== `a:${from}` || actor.kind === 'USER') {
    return refused('MSG_FORBIDDEN', 'no pack of this kind may be written to this session')
  }
  if (actor.kind === 'APP' && actor.id !== from) return refused('MSG_FORBIDDEN', 'the session is of another app')
  switch (body.kind) {
    case 'CreateKey':
      return createKey(desk, body)
    case 'SetKeyExpiry':
      return setKeyExpiry(desk, body)
    case 'RevokeKey':
      return revokeKey(desk, body)
    case 'RecordAct':
      return recordAct(desk, body)
    case 'StartJob':
      return startJob(desk, body)
    case 'StepJob':
      return stepJob(desk, body)
    case 'EndJob':
      return endJob(desk, body)
    default:
      return notDecided(`the pack ${body.kind} here`)
  }
}

function appOf({ view, pack }: Desk): AppRow {
  return view.get('appKeys', pack.sessionId) ?? APP_EMPTY
}

function createKey(desk: Desk, { kind: _, ...key }: BodyOf<'CreateKey'>): Verdict {
  const { at } = desk
  const { keyId, name, secretHash, scopes, expiresAt, perSecond } = key
  // A key reads pk.<app>.<keyId>.<secret>, and the id of an app may have dots.
  if (!isUserId(keyId) || keyId.includes('.')) return refused('PARAM', 'the keyId is not valid')
  if (name === '' || name.length > KEY_NAME_CHARS_MAX) return refused('PARAM', 'the name is empty or too long')
  if (!HASH.test(secretHash)) return refused('PARAM', 'the hash of the secret is not SHA-256 in hex')
  if (scopes.length === 0 || scopes.length > SCOPES_MAX || !scopes.every(scope => SCOPE.test(scope))) {
    return refused('PARAM', 'there is no scope, too many, or one that is not valid')
  }
  if (expiresAt !== undefined && expiresAt <= at) return refused('PARAM', 'the key would have expired already')
  if (perSecond !== undefined && (perSecond < 1 || perSecond > KEY_PER_SECOND_MAX)) {
    return refused('PARAM', `requests per second: 1 to ${KEY_PER_SECOND_MAX}`)
  }
  // What has expired makes room.
  const { keys } = appOf(desk)
  const living = keys.filter(other => other.expiresAt === undefined || other.expiresAt > at)
  if (keys.some(other => other.keyId === keyId)) return refused('MSG_REPEATED', 'there is such a key already')
  if (living.length >= KEYS_MAX) return refused('LIMIT_REACHED', `more than ${KEYS_MAX} keys`)
  return { kind: 'KeySet', key: { ...key, scopes: [...new Set(scopes)], at } }
}

function setKeyExpiry(desk: Desk, { keyId, expiresAt }: BodyOf<'SetKeyExpiry'>): Verdict {
  const key = appOf(desk).keys.find(other => other.keyId === keyId)
  if (key === undefined) return refused('NOT_EXIST', 'there is no such key')
  return { kind: 'KeySet', key: { ...key, expiresAt } }
}

function revokeKey(desk: Desk, { keyId }: BodyOf<'RevokeKey'>): Verdict {
  if (!appOf(desk).keys.some(key => key.keyId === keyId)) return refused('NOT_EXIST', 'there is no such key')
  return { kind: 'KeyRevoked', keyId }
}

function recordAct(desk: Desk, { act, subject, detail }: BodyOf<'RecordAct'>): Verdict {
  if (act.length > ACT_CHARS_MAX || !WORD.test(act)) return refused('PARAM', 'the act is not a word')
  if (subject.length > SUBJECT_CHARS_MAX) return refused('PARAM', 'the subject is too long')
  if (detail !== undefined && Buffer.byteLength(detail) > DETAIL_BYTES_MAX) {
    return refused('PARAM', 'the detail is too long')
  }
  const recorded = { kind: 'ActRecorded', act, subject, ...(detail === undefined ? {} : { detail }) } as const
  return (isWebhookAct(recorded) && webhookFault(appOf(desk), recorded)) || recorded
}

/** Of two gateways that create one in the same moment neither knows of the other (AP8). */
function webhookFault(
  { webhooks }: AppRow,
  { act, subject }: { act: string; subject: string },
): RefusedBody | undefined {
  if (!WEBHOOK_ID.test(subject)) return refused('PARAM', 'the webhookId is not valid')
  if (act === 'deleteWebhook') return undefined
  if (webhooks.includes(subject)) {
    return act === 'createWebhook' ? refused('MSG_REPEATED', 'there is such a webhook already') : undefined
  }
  if (webhooks.length < WEBHOOKS_PER_APP_MAX) return undefined
  return refused('LIMIT_REACHED', `more than ${WEBHOOKS_PER_APP_MAX} webhooks`)
}

function startJob({ view, pack }: Desk, { jobId, job, spec, total }: BodyOf<'StartJob'>): Verdict {
  if (!isUserId(jobId)) return refused('PARAM', 'the jobId is not valid')
  if (job.length > ACT_CHARS_MAX || !WORD.test(job)) return refused('PARAM', 'the kind of job is not a word')
  if (Buffer.byteLength(spec) > JOB_SPEC_BYTES_MAX) return refused('PARAM', 'what is to be done is too long')
  if (total < 0) return refused('PARAM', 'the total is below 0')
  if (view.get('jobs', jobKey(pack.sessionId, jobId)) !== undefined) {
    return refused('MSG_REPEATED', 'there is such a job already')
  }
  return { kind: 'JobStarted', jobId, job, spec, total }
}

/** A step that was begun is not begun again: of two workers one is refused and looks at the log again. */
function stepJob(desk: Desk, { kind: _, ...step }: BodyOf<'StepJob'>): Verdict {
  const fault = goingFault(desk, step.jobId)
  if (fault !== undefined) return fault
  const last = desk.view.get('jobs', jobKey(desk.pack.sessionId, step.jobId))!.step
  if (step.step !== last + 1) return refused('MSG_REPEATED', `the step ${last} was begun last`)
  if (Buffer.byteLength(step.cursor) > JOB_TEXT_BYTES_MAX) return refused('PARAM', 'the cursor is too long')
  return { kind: 'JobStepped', ...step }
}

function endJob(desk: Desk, { kind: _, ...end }: BodyOf<'EndJob'>): Verdict {
  const fault = goingFault(desk, end.jobId)
  if (fault !== undefined) return fault
  if (Buffer.byteLength(`${end.error ?? ''}${end.result ?? ''}`) > JOB_TEXT_BYTES_MAX) {
    return refused('PARAM', 'the result is too long')
  }
  return { kind: 'JobEnded', ...end }
}

function goingFault({ view, pack }: Desk, jobId: string): RefusedBody | undefined {
  const job = view.get('jobs', jobKey(pack.sessionId, jobId))
  if (job === undefined) return refused('NOT_EXIST', 'there is no such job')
  return job.ended ? refused('MSG_REPEATED', 'the job has ended') : undefined
}
