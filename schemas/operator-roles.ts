const VIEWER = [
  'users:read',
  'groups:read',
  'presence:read',
  'push:read',
  'statistics:read',
  'health:read',
  'jobs:read',
  'webhooks:read',
  'dead:read',
  'keys:read',
  'audit:read',
] as const

/**
 * What operators of the console may do, as scopes of their keys: a viewer looks on and reads no message, a moderator
 * keeps order among users, and an admin, who is not here, has every scope.
 */
export const OPERATOR_SCOPES = {
  viewer: VIEWER,
  moderator: [...VIEWER, 'search:read', 'moderation:read', 'moderation:write', 'users:write', 'tokens:write'],
} as const

export const OPERATOR_ROLES = ['viewer', 'moderator', 'admin'] as const
export type OperatorRole = (typeof OPERATOR_ROLES)[number]
