/**
 * What a key of an app may be allowed to do. `read` looks, `write` changes; a key without a route's scope is refused
 * with ACCESS_DENIED. Clients with a token of their own need none: they see and do what is theirs.
 */
export const SCOPES = {
  'messages:write': 'Send, revoke, edit and delete messages, react and mark as read, in the name of users.',
  'messages:read': 'Read sessions, history, outcomes and receipts.',
  'notifications:write': 'Send business notifications of the app, take them back and change them; broadcast.',
  'groups:write': 'Create and run groups in the name of users.',
  'groups:read': 'Read groups and their members.',
  'friends:write': 'Change friends and blocks in the name of users.',
  'friends:read': 'Read friends and blocks of users.',
  'users:write': 'Import, update, disable and enable users.',
  'users:erase': 'Erase users for good.',
  'users:read': 'Read users and their settings.',
  'users:export': 'Export everything that is kept of a user, with the messages that they sent.',
  'tokens:write': 'Issue and revoke tokens of users, and log them out.',
  'presence:read': 'Read who is online.',
  'search:read': 'Search in messages.',
  'statistics:read': 'Read statistics.',
  'media:write': 'Upload media.',
  'media:read': 'Download media.',
  'push:write': 'Register devices for push, and push.',
  'push:read': 'Read devices that are registered for push.',
  'webhooks:write': 'Change webhooks, and send again what they did not take.',
  'webhooks:read': 'Read webhooks and what was delivered.',
  'jobs:read': 'Read how far jobs are.',
  'jobs:write': 'Cancel jobs.',
  'dead:read': 'Read records that could not be applied.',
  'dead:write': 'Try them again, and give them up.',
  'holds:write': 'Put legal holds on users and sessions, and lift them.',
  'moderation:read': 'Read any session as an operator; that it was read is noted.',
  'moderation:write': 'Revoke any message and dismiss any group, as an operator.',
  'health:read': 'Read how the installation is.',
  'keys:write': 'Create, rotate and revoke keys of the app.',
  'apps:write': 'Create keys of any app: for administrators.',
  'keys:read': 'Read the keys of the app, without their secrets.',
  'audit:read': 'Read what was done with keys of the app.',
} as const

export type Scope = keyof typeof SCOPES
export const ALL_SCOPES = Object.keys(SCOPES) as [Scope, ...Scope[]]

export function isScope(text: string): text is Scope {
  return Object.hasOwn(SCOPES, text)
}
