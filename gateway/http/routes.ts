import type { CallsNow } from './frame-routes.ts'
import type { Route } from './route.ts'
import { auditRoutes } from './routes-audit.ts'
import { friendRoutes } from './routes-friends.ts'
import { groupRoutes } from './routes-groups.ts'
import { type KeyRouteParts, keyRoutes } from './routes-keys.ts'
import { type MediaRouteParts, mediaRoutes } from './routes-media.ts'
import { messageRoutes } from './routes-messages.ts'
import { notificationRoutes } from './routes-notifications.ts'
import { peopleRoutes } from './routes-people.ts'
import { pushRoutes } from './routes-push.ts'
import { sessionRoutes } from './routes-sessions.ts'
import { type TokenRouteParts, tokenRoutes } from './routes-tokens.ts'
import { type WebhookRouteParts, webhookRoutes } from './routes-webhooks.ts'

/** What routes work with. */
export interface RouteParts extends KeyRouteParts, TokenRouteParts, MediaRouteParts, WebhookRouteParts {
  calls: CallsNow
}

/** Everything that can be called over HTTP, in the order of the reference. */
export function allRoutes(parts: RouteParts): Route[] {
  const { calls } = parts
  return [
    ...messageRoutes(calls),
    ...sessionRoutes(calls),
    ...groupRoutes(calls),
    ...friendRoutes(calls),
    ...peopleRoutes(calls),
    ...pushRoutes(calls),
    ...mediaRoutes(parts),
    ...notificationRoutes(calls),
    ...tokenRoutes(parts),
    ...keyRoutes(parts),
    ...webhookRoutes(parts),
    ...auditRoutes(calls),
  ]
}
