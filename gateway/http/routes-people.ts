import { z } from 'zod'
import { USERS_ASKED_MAX } from '../../schemas/frames.ts'
import { userIdsQuery, wholeNumber } from './common-schemas.ts'
import { type CallsNow, packRoute, questionRoute } from './frame-routes.ts'
import type { Route } from './route.ts'

/** Profiles, one's own settings and logins, and who is online. */
export function peopleRoutes(calls: CallsNow): Route[] {
  const tag = 'users'
  const write = { tag, scope: 'users:write' } as const
  const read = { tag, scope: 'users:read' } as const
  const usersQuery = z.strictObject({ userIds: userIdsQuery })
  const listOf = ({ userIds }: { userIds: string }) => userIds.split(',')
  return [
    questionRoute(calls, {
      ...read,
      url: '/v1/profiles',
      id: 'getProfiles',
      frame: 'profiles',
      summary: 'Get the profiles of users',
      query: usersQuery,
      fields: query => ({ users: listOf(query).map(userId => ({ userId })) }),
    }),
    questionRoute(calls, {
      ...read,
      url: '/v1/profiles/search',
      id: 'findUsers',
      frame: 'findUsers',
      summary: 'Find users by id or by the beginning of their name',
      query: z.strictObject({
        name: z.string().min(1).max(100),
        limit: wholeNumber(1, USERS_ASKED_MAX).optional(),
      }),
    }),
    packRoute(calls, {
      ...write,
      method: 'PATCH',
      url: '/v1/me/profile',
      id: 'updateProfile',
      frame: 'updateProfile',
      summary: 'Change the profile of the user',
    }),
    questionRoute(calls, {
      ...read,
      url: '/v1/me/settings',
      id: 'getSettings',
      frame: 'settings',
      summary: 'Get settings and attributes of the user',
    }),
    packRoute(calls, {
      ...write,
      method: 'PATCH',
      url: '/v1/me/settings',
      id: 'updateSettings',
      frame: 'updateSettings',
      summary: 'Change settings of the user',
    }),
    packRoute(calls, {
      ...write,
      method: 'PATCH',
      url: '/v1/me/attributes',
      id: 'setUserAttributes',
      frame: 'setUserAttributes',
      summary: 'Set attributes of the user',
    }),
    questionRoute(calls, {
      tag: 'presence',
      scope: 'presence:read',
      url: '/v1/presence',
      id: 'getPresence',
      frame: 'presence',
      summary: 'Who is online',
      query: usersQuery,
      fields: query => ({ userIds: listOf(query) }),
    }),
    questionRoute(calls, {
      tag: 'presence',
      scope: 'presence:read',
      url: '/v1/me/logins',
      id: 'listLogins',
      frame: 'logins',
      summary: 'Where the user is connected',
    }),
    packRoute(calls, {
      tag: 'tokens',
      scope: 'tokens:write',
      method: 'POST',
      url: '/v1/me/logout',
      id: 'logout',
      frame: 'logout',
      summary: 'Close connections of the user; none named: all',
    }),
  ]
}
