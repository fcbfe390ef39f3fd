import type { AcceptedBody, AcceptedEvent } from '../../schemas/event.ts'
import { type Change, jobKey, type StateView } from './session.ts'

type AppBody = Extract<
  AcceptedBody,
  { kind: 'KeySet' | 'KeyRevoked' | 'ActRecorded' | 'JobStarted' | 'JobStepped' | 'JobEnded' }
>

/** The rows of an app's own session (evolve.ts). Pure. */
export function appChanges(view: StateView, { sessionId }: AcceptedEvent, body: AppBody): Change[] {
  const keysOf = (keyId: string) => (view.get('appKeys', sessionId) ?? []).filter(key => key.keyId !== keyId)
  switch (body.kind) {
    case 'KeySet':
      return [{ table: 'appKeys', key: sessionId, row: [...keysOf(body.key.keyId), body.key] }]
    case 'KeyRevoked':
      return [{ table: 'appKeys', key: sessionId, row: keysOf(body.keyId) }]
    case 'JobStarted':
      return [{ table: 'jobs', key: jobKey(sessionId, body.jobId), row: { step: 0, ended: false } }]
    case 'JobStepped':
      return [{ table: 'jobs', key: jobKey(sessionId, body.jobId), row: { step: body.step, ended: false } }]
    case 'JobEnded': {
      const key = jobKey(sessionId, body.jobId)
      return [{ table: 'jobs', key, row: { step: view.get('jobs', key)?.step ?? 0, ended: true } }]
    }
    case 'ActRecorded':
      return []
  }
}
