import type { AcceptedEvent } from '../schemas/event.ts'
import type { UserId } from '../schemas/ids.ts'
import type { GroupInfo, GroupSettings, MemberRole } from '../schemas/settings.ts'

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
  readonly admins = new Set<UserId>()
  readonly aliases = new Map<UserId, string>()
  readonly mutes = new Map<UserId, number>()
  readonly requests = new Map<UserId, { at: number; message?: string }>()
  readonly invites = new Map<string, FoldedInvite>()

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
        this.admins.delete(body.userId)
        break
      case 'RolesSet':
        for (const userId of body.userIds) {
          if (body.role === 'admin') this.admins.add(userId)
          else this.admins.delete(userId)
        }
        break
      case 'MemberQuit':
        this.admins.delete(from)
        break
      case 'MembersRemoved':
        for (const userId of body.userIds) this.admins.delete(userId)
        break
      case 'MembersAdded':
        for (const userId of body.userIds) this.requests.delete(userId)
        break
      case 'MemberJoined':
        this.requests.delete(from)
        if (body.inviteId !== undefined) this.use(body.inviteId)
        break
      case 'JoinRequested':
        this.requests.set(from, body.message === undefined ? { at } : { at, message: body.message })
        break
      case 'JoinRefused':
        this.requests.delete(body.userId)
        break
      case 'InviteCreated': {
        for (const [inviteId, { expiresAt, uses, usesMax }] of this.invites) {
          if (expiresAt <= at || uses >= usesMax) this.invites.delete(inviteId)
        }
        this.invites.set(body.inviteId, { by: from, expiresAt: body.expiresAt, usesMax: body.usesMax, uses: 0 })
        break
      }
      case 'InviteRevoked':
        this.invites.delete(body.inviteId)
        break
      case 'MemberMuted':
        this.mutes.set(body.userId, body.until)
        break
      case 'ContentErased':
        this.aliases.set(body.userId, '')
        this.requests.delete(body.userId)
        break
      case 'AliasSet':
        this.aliases.set(body.userId, body.alias)
        break
      default:
        break
    }
  }

  private use(inviteId: string): void {
    const invite = this.invites.get(inviteId)
    if (invite !== undefined) invite.uses++
  }
}
