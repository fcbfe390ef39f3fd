import { type ComponentType, lazy } from 'react'
import { AuditPage } from '../pages/audit-page.tsx'
import { BroadcastsPage } from '../pages/broadcasts-page.tsx'
import { DeadLettersPage } from '../pages/dead-letters-page.tsx'
import { GroupsPage } from '../pages/groups-page.tsx'
import { HealthPage } from '../pages/health-page.tsx'
import { KeysPage } from '../pages/keys-page.tsx'
import { MessagesPage } from '../pages/messages-page.tsx'
import { UsersPage } from '../pages/users-page.tsx'
import { WebhooksPage } from '../pages/webhooks-page.tsx'
import type { Place } from './route.ts'

/** What is shown at each place; charts are large and come when they are looked at. */
export const PAGES: Record<Place, ComponentType<{ id?: string }>> = {
  overview: lazy(() => import('../pages/overview-page.tsx').then(({ OverviewPage }) => ({ default: OverviewPage }))),
  health: HealthPage,
  users: UsersPage,
  groups: GroupsPage,
  messages: MessagesPage,
  broadcasts: BroadcastsPage,
  webhooks: WebhooksPage,
  deadLetters: DeadLettersPage,
  keys: KeysPage,
  audit: AuditPage,
}
