import { z } from 'zod'
import { MEMBERS_PAGE_MAX } from '../../schemas/frames.ts'
import { type GroupId, groupSessionId, type UserId } from '../../schemas/ids.ts'
import { recordFields } from './avro-schemas.ts'
import { groupIdSchema, groupParams, memberParams, pageQuery, sinceQuery } from './common-schemas.ts'
import { type CallsNow, packRoute, questionRoute } from './frame-routes.ts'
import type { Route } from './route.ts'

/** Groups and members. */
export function groupRoutes(calls: CallsNow): Route[] {
  const tag = 'groups'
  const write = { tag, scope: 'groups:write' } as const
  const read = { tag, scope: 'groups:read' } as const
  const sessionId = ({ groupId }: { groupId: GroupId }) => groupSessionId(groupId)
  const inGroup = { params: groupParams, path: { sessionId } }
  const ofMember = {
    params: memberParams,
    path: { sessionId, userId: ({ userId }: { userId: UserId }) => userId },
  }
  const inviteParams = z.strictObject({ groupId: groupIdSchema, inviteId: z.string().min(1).max(64) })
  const ofInvite = {
    params: inviteParams,
    path: { sessionId, inviteId: ({ inviteId }: { inviteId: string }) => inviteId },
  }
  const { name, avatar, notice, attributes } = recordFields('GroupInfo')
  const newInfo = z.strictObject({
    name: name!,
    avatar: avatar!.optional(),
    notice: notice!.optional(),
    attributes: attributes!,
  })
  const url = '/v1/groups/:groupId'
  return [
    packRoute(calls, {
      ...write,
      method: 'POST',
      url: '/v1/groups',
      id: 'createGroup',
      frame: 'createGroup',
      fields: { info: newInfo },
      summary: 'Create a group',
    }),
    questionRoute(calls, {
      ...read,
      url: '/v1/groups',
      id: 'listGroups',
      frame: 'groups',
      summary: 'List the groups of the user',
      query: sinceQuery(MEMBERS_PAGE_MAX),
    }),
    questionRoute(calls, {
      ...read,
      ...inGroup,
      actsFor: 'userOrApp',
      url,
      id: 'getGroup',
      frame: 'group',
      summary: 'Get a group',
    }),
    packRoute(calls, {
      ...write,
      ...inGroup,
      method: 'DELETE',
      url,
      id: 'dismissGroup',
      frame: 'dismissGroup',
      summary: 'Dismiss a group',
    }),
    packRoute(calls, {
      ...write,
      ...inGroup,
      method: 'PATCH',
      url: `${url}/info`,
      id: 'updateGroupInfo',
      frame: 'updateGroupInfo',
      summary: 'Change name, avatar, notice and attributes',
    }),
    packRoute(calls, {
      ...write,
      ...inGroup,
      method: 'PATCH',
      url: `${url}/settings`,
      id: 'updateGroupSettings',
      frame: 'updateGroupSettings',
      summary: 'Change how a group is run',
    }),
    packRoute(calls, {
      ...write,
      ...inGroup,
      method: 'POST',
      url: `${url}/join`,
      id: 'joinGroup',
      frame: 'joinGroup',
      summary: 'Join a group, or ask to',
    }),
    packRoute(calls, {
      ...write,
      ...inGroup,
      method: 'POST',
      url: `${url}/quit`,
      id: 'quitGroup',
      frame: 'quitGroup',
      summary: 'Quit a group',
    }),
    questionRoute(calls, {
      ...read,
      ...inGroup,
      actsFor: 'userOrApp',
      url: `${url}/members`,
      id: 'listMembers',
      frame: 'members',
      summary: 'List the members of a group',
      query: sinceQuery(MEMBERS_PAGE_MAX),
    }),
    questionRoute(calls, {
      ...read,
      ...ofMember,
      actsFor: 'userOrApp',
      url: `${url}/members/:userId`,
      id: 'getMember',
      frame: 'member',
      summary: 'Is a user a member, and what in the group',
    }),
    packRoute(calls, {
      ...write,
      ...inGroup,
      method: 'POST',
      url: `${url}/members`,
      id: 'addMembers',
      frame: 'addMembers',
      summary: 'Add members',
    }),
    packRoute(calls, {
      ...write,
      ...inGroup,
      method: 'POST',
      url: `${url}/members/remove`,
      id: 'removeMembers',
      frame: 'removeMembers',
      summary: 'Remove members',
    }),
    packRoute(calls, {
      ...write,
      ...inGroup,
      method: 'PUT',
      url: `${url}/owner`,
      id: 'changeOwner',
      frame: 'changeOwner',
      summary: 'Make another member the owner',
    }),
    packRoute(calls, {
      ...write,
      ...inGroup,
      method: 'PUT',
      url: `${url}/roles`,
      id: 'setRole',
      frame: 'setRole',
      summary: 'Make members admins, or admins members',
    }),
    packRoute(calls, {
      ...write,
      ...ofMember,
      method: 'PUT',
      url: `${url}/members/:userId/mute`,
      id: 'muteMember',
      frame: 'muteMember',
      summary: 'Mute a member, or no longer',
    }),
    packRoute(calls, {
      ...write,
      ...ofMember,
      method: 'PUT',
      url: `${url}/members/:userId/alias`,
      id: 'setAlias',
      frame: 'setAlias',
      summary: 'Set what a member is called in the group',
    }),
    questionRoute(calls, {
      ...read,
      ...inGroup,
      actsFor: 'userOrApp',
      url: `${url}/requests`,
      id: 'listJoinRequests',
      frame: 'joinRequests',
      summary: 'List who asks to come in',
      query: pageQuery(MEMBERS_PAGE_MAX),
    }),
    packRoute(calls, {
      ...write,
      ...ofMember,
      method: 'POST',
      url: `${url}/requests/:userId`,
      id: 'answerJoin',
      frame: 'answerJoin',
      summary: 'Let somebody in who asked, or refuse',
    }),
    questionRoute(calls, {
      ...read,
      ...inGroup,
      actsFor: 'userOrApp',
      url: `${url}/invites`,
      id: 'listInvites',
      frame: 'invites',
      summary: 'List the invites that can be used',
    }),
    packRoute(calls, {
      ...write,
      ...inGroup,
      method: 'POST',
      url: `${url}/invites`,
      id: 'createInvite',
      frame: 'createInvite',
      summary: 'Create an invite',
    }),
    packRoute(calls, {
      ...write,
      ...ofInvite,
      method: 'DELETE',
      url: `${url}/invites/:inviteId`,
      id: 'revokeInvite',
      frame: 'revokeInvite',
      summary: 'End an invite',
    }),
  ]
}
