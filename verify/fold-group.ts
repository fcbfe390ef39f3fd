import type { AcceptedEvent } from '../schemas/event.ts'
import type { UserId } from '../schemas/ids.ts'
import type { GroupInfo, GroupSettings, MemberRole } from '../schemas/settings.ts'
import { NO_ENTRIES, NO_MEMBERS, ownMap, ownSet } from './lazily.ts'

/** How a group is run, as the log tells it; who is in is the session's own (fold.ts). Pure. */

export interface FoldedInvite {
  by: UserId
  expiresAt: number
  usesMax: number
  uses: number
}

export class GroupFold {
  owner = '' as UserId
  info: GroupInfo = { name: '', avatar: '', notice: '' }
  settings: GroupSettings | undefined
  admins: ReadonlySet<UserId> = NO_MEMBERS
  aliases: ReadonlyMap<UserId, string> = NO_ENTRIES
  mutes: ReadonlyMap<UserId, number> = NO_ENTRIES
  requests: ReadonlyMap<UserId, { at: number; message?: string }> = NO_ENTRIES
  invites: ReadonlyMap<string, FoldedInvite> = NO_ENTRIES

  roleOf(userId: UserId): MemberRole {
    if (userId === this.owner) return 'owner'
    return this.admins.has(userId) ? 'admin' : 'member'
  }

  add({ body, from, at }: AcceptedEvent): void {
    switch (body.kind) {
      case 'GroupCreated':
        this.owner = from
        this.info = body.info
        this.settings = body.settings
        break
      case 'GroupInfoUpdated':
        this.info = body.info
        break
      case 'GroupSettingsUpdated':
        this.settings = body.settings
        break
      case 'OwnerChanged':
        this.owner = body.userId
        this.dismiss([body.userId])
        break
      case 'RolesSet':
        this.dismiss(body.userIds)
        if (body.role === 'admin') this.admins = new Set([...this.admins, ...body.userIds])
        break
      case 'MemberQuit':
        this.dismiss([from])
        break
      case 'MembersRemoved':
        this.dismiss(body.userIds)
        break
      case 'MembersAdded':
        for (const userId of body.userIds) this.answer(userId)
        break
      case 'MemberJoined':
        this.answer(from)
        if (body.inviteId !== undefined) this.use(body.inviteId)
        break
      case 'JoinRequested': {
        const request = body.message === undefined ? { at } : { at, message: body.message }
        this.requests = ownMap(this.requests).set(from, request)
        break
      }
      case 'JoinRefused':
        this.answer(body.userId)
        break
      case 'InviteCreated': {
        const invites = ownMap(this.invites)
        for (const [inviteId, { expiresAt, uses, usesMax }] of invites) {
          if (expiresAt <= at || uses >= usesMax) invites.delete(inviteId)
        }
        const { inviteId, expiresAt, usesMax } = body
        this.invites = invites.set(inviteId, { by: from, expiresAt, usesMax, uses: 0 })
        break
      }
      case 'InviteRevoked':
        ownMap(this.invites).delete(body.inviteId)
        break
      case 'MemberMuted':
        this.mutes = ownMap(this.mutes).set(body.userId, body.until)
        break
      case 'ContentErased':
        this.aliases = ownMap(this.aliases).set(body.userId, '')
        this.answer(body.userId)
        break
      case 'AliasSet':
        this.aliases = ownMap(this.aliases).set(body.userId, body.alias)
        break
      default:
        break
    }
  }

  private dismiss(userIds: readonly UserId[]): void {
    for (const userId of userIds) ownSet(this.admins).delete(userId)
  }

  private answer(userId: UserId): void {
    ownMap(this.requests).delete(userId)
  }

  private use(inviteId: string): void {
    const invite = this.invites.get(inviteId)
    if (invite !== undefined) invite.uses++
  }
}
