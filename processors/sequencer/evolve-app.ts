import { type AcceptedBody, type AcceptedEvent, isWebhookAct } from '../../schemas/event.ts'
import { APP_EMPTY, type AppRow, type Change, jobKey, type StateView } from './session.ts'

type AppBody = Extract<
  AcceptedBody,
  { kind: 'KeySet' | 'KeyRevoked' | 'ActRecorded' | 'JobStarted' | 'JobStepped' | 'JobEnded' }
>

/** The rows of an app's own session (evolve.ts). Pure. */
export function appChanges(view: StateView, { sessionId }: AcceptedEvent, body: AppBody): Change[] {
  const app = (changed: (before: AppRow) => Partial<AppRow>): Change[] => {
    const before = view.get('appKeys', sessionId) ?? APP_EMPTY
    return [{ table: 'appKeys', key: sessionId, row: { ...before, ...changed(before) } }]
  }
  switch (body.kind) {
    case 'KeySet':
      return app(({ keys }) => ({ keys: [...without(keys, body.key.keyId), body.key] }))
    case 'KeyRevoked':
      return app(({ keys }) => ({ keys: without(keys, body.keyId) }))
    case 'JobStarted':
      return [{ table: 'jobs', key: jobKey(sessionId, body.jobId), row: { step: 0, ended: false } }]
    case 'JobStepped':
      return [{ table: 'jobs', key: jobKey(sessionId, body.jobId), row: { step: body.step, ended: false } }]
    case 'JobEnded': {
      const key = jobKey(sessionId, body.jobId)
      return [{ table: 'jobs', key, row: { step: view.get('jobs', key)?.step ?? 0, ended: true } }]
    }
    case 'ActRecorded': {
      const { act, subject } = body
      if (!isWebhookAct(body)) return []
      if (act === 'deleteWebhook') return app(({ webhooks }) => ({ webhooks: webhooks.filter(id => id !== subject) }))
      return app(({ webhooks }) => ({ webhooks: webhooks.includes(subject) ? webhooks : [...webhooks, subject] }))
    }
  }
}

function without(keys: AppRow['keys'], keyId: string): AppRow['keys'] {
  return keys.filter(key => key.keyId !== keyId)
}
