import { MEMBERS_PAGE_MAX } from '../../schemas/frames.ts'
import type { UserId } from '../../schemas/ids.ts'
import { sinceQuery, userParams } from './common-schemas.ts'
import { type CallsNow, packRoute, questionRoute } from './frame-routes.ts'
import type { Route } from './route.ts'

/** Friends and blocks of the user in whose name the route acts. */
export function friendRoutes(calls: CallsNow): Route[] {
  const tag = 'friends'
  const write = {
    tag,
    scope: 'friends:write',
    params: userParams,
    path: { userId: ({ userId }: { userId: UserId }) => userId },
  } as const
  const url = '/v1/friends/:userId'
  return [
    questionRoute(calls, {
      tag,
      scope: 'friends:read',
      url: '/v1/friends',
      id: 'listFriends',
      frame: 'friends',
      summary: 'List friends, requests and blocks',
      query: sinceQuery(MEMBERS_PAGE_MAX),
    }),
    packRoute(calls, {
      ...write,
      method: 'POST',
      url: `${url}/request`,
      id: 'requestFriend',
      frame: 'requestFriend',
      summary: 'Ask a user to be friends',
    }),
    packRoute(calls, {
      ...write,
      method: 'POST',
      url: `${url}/accept`,
      id: 'acceptFriend',
      frame: 'acceptFriend',
      summary: 'Accept a request',
    }),
    packRoute(calls, {
      ...write,
      method: 'POST',
      url: `${url}/refuse`,
      id: 'refuseFriend',
      frame: 'refuseFriend',
      summary: 'Refuse a request',
    }),
    packRoute(calls, {
      ...write,
      method: 'DELETE',
      url,
      id: 'deleteFriend',
      frame: 'deleteFriend',
      summary: 'End a friendship',
    }),
    packRoute(calls, {
      ...write,
      method: 'PUT',
      url: `${url}/remark`,
      id: 'remarkFriend',
      frame: 'remarkFriend',
      summary: 'Set what a friend is called',
    }),
    packRoute(calls, {
      ...write,
      method: 'PUT',
      url: '/v1/blocks/:userId',
      id: 'blockUser',
      frame: 'blockUser',
      summary: 'Block a user',
    }),
    packRoute(calls, {
      ...write,
      method: 'DELETE',
      url: '/v1/blocks/:userId',
      id: 'unblockUser',
      frame: 'unblockUser',
      summary: 'Unblock a user',
    }),
  ]
}
