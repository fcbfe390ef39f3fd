import type { Millis } from '../../infra/clock.ts'
import { type Event, isAccepted } from '../../schemas/event.ts'
import { eventJson } from '../../schemas/frames.ts'
import { type Offset, type Partition, parseSessionId, RULES_SESSION, type SessionId } from '../../schemas/ids.ts'
import { SESSION_KINDS, type Webhook } from '../../schemas/webhooks.ts'
import type { ViewBatch } from '../view.ts'

/** Which webhooks are told of which events, and what they are told. Pure. */

/** One event for one webhook. Those of one webhook and session, a lane, are delivered in the order of their offsets. */
export interface Delivery {
  /** `<app>/<webhookId>`, see hookName. */
  hook: string
  sessionId: SessionId
  offset: Offset
  kind: string
  /** Log time of the event. */
  at: Millis
  /** The body of the request: JSON. */
  body: string
}

/** The deliveries of a batch, in log order. Events before `notBefore` (log time) are left out. */
export function plan(
  { partition, events }: Pick<ViewBatch, 'partition' | 'events'>,
  webhooks: readonly Webhook[],
  notBefore: Millis,
): Delivery[] {
  const after = webhooks.filter(({ use }) => use === 'after')
  if (after.length === 0) return []
  const deliveries: Delivery[] = []
  for (const { event, position } of events) {
    if (!isAccepted(event) || event.at < notBefore || event.sessionId === RULES_SESSION) continue
    const wanting = after.filter(webhook => wants(webhook, event))
    if (wanting.length === 0) continue
    const { sessionId, at, body } = event
    const { offset } = position
    const json = eventJson(event)
    const id = eventIdOf(event.cause.era, partition, offset)
    for (const { webhookId, app } of wanting) {
      // Ids hold nothing that JSON escapes.
      const text = `{"id":"${id}","webhookId":"${webhookId}","app":"${app}","event":${json}}`
      deliveries.push({ hook: hookName({ app, webhookId }), sessionId, offset, kind: body.kind, at, body: text })
    }
  }
  return deliveries
}

/** Webhooks are known by their app and their id: two apps may use the same id. */
export function hookName({ app, webhookId }: Pick<Webhook, 'app' | 'webhookId'>): string {
  return `${app}/${webhookId}`
}

/** The same at every repeat: what a receiver tells repeats by. */
export function eventIdOf(era: number, partition: Partition, offset: Offset): string {
  return `${era}-${partition}-${offset}`
}

function wants(webhook: Webhook, event: Event): boolean {
  const { kinds, sessionKinds, since } = webhook
  if (event.at < since || !maySee(webhook, event.sessionId)) return false
  if (kinds.length > 0 && !kinds.includes(event.body.kind)) return false
  return sessionKinds.length === 0 || sessionKinds.some(kind => event.sessionId.startsWith(`${SESSION_KINDS[kind]}:`))
}

/** What an app writes to its users, and its own session, are no other app's business. */
export function maySee({ app }: Pick<Webhook, 'app'>, sessionId: SessionId): boolean {
  const session = parseSessionId(sessionId)
  if (session === undefined) return false
  return session.kind === 'Notify' || session.kind === 'App' ? session.app === app : true
}
