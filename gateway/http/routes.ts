import type { AppsReader } from '../../processors/membership/apps-store.ts'
import type { Route } from './route.ts'
import { auditRoutes } from './routes-audit.ts'
import { type DeadRouteParts, deadRoutes } from './routes-dead.ts'
import { friendRoutes } from './routes-friends.ts'
import { groupRoutes } from './routes-groups.ts'
import { type HealthRouteParts, healthRoutes } from './routes-health.ts'
import { type JobRouteParts, jobRoutes } from './routes-jobs.ts'
import { type KeyRouteParts, keyRoutes } from './routes-keys.ts'
import { type MediaRouteParts, mediaRoutes } from './routes-media.ts'
import { messageRoutes } from './routes-messages.ts'
import { type ModerationRouteParts, moderationRoutes } from './routes-moderation.ts'
import { notificationRoutes } from './routes-notifications.ts'
import { peopleRoutes } from './routes-people.ts'
import { type PushRouteParts, pushRoutes } from './routes-push.ts'
import { searchRoutes } from './routes-search.ts'
import { sessionRoutes } from './routes-sessions.ts'
import { type StatisticsRouteParts, statisticsRoutes } from './routes-statistics.ts'
import { type TokenRouteParts, tokenRoutes } from './routes-tokens.ts'
import { type UserRouteParts, userRoutes } from './routes-users.ts'
import { webhookDeliveryRoutes } from './routes-webhook-deliveries.ts'
import { webhookRoutes } from './routes-webhooks.ts'
import type { WebhookRouteParts } from './webhooks-of-app.ts'

/** What routes work with. */
export interface RouteParts
  extends KeyRouteParts,
    TokenRouteParts,
    MediaRouteParts,
    PushRouteParts,
    UserRouteParts,
    JobRouteParts,
    StatisticsRouteParts,
    DeadRouteParts,
    WebhookRouteParts,
    HealthRouteParts,
    ModerationRouteParts {
  apps(): AppsReader
}

/** Everything that can be called over HTTP, in the order of the reference. */
export function allRoutes(parts: RouteParts): Route[] {
  const { calls } = parts
  return [
    ...messageRoutes(calls),
    ...sessionRoutes(calls),
    ...groupRoutes(calls),
    ...moderationRoutes(parts),
    ...friendRoutes(calls),
    ...peopleRoutes(calls),
    ...userRoutes(parts),
    ...searchRoutes(calls),
    ...pushRoutes(parts),
    ...mediaRoutes(parts),
    ...notificationRoutes(calls),
    ...jobRoutes(parts),
    ...tokenRoutes(parts),
    ...keyRoutes(parts),
    ...webhookRoutes(parts),
    ...webhookDeliveryRoutes(parts),
    ...auditRoutes(calls),
    ...statisticsRoutes(parts),
    ...deadRoutes(parts),
    ...healthRoutes(parts),
  ]
}
