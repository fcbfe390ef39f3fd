import type { CodeName } from '../../../schemas/codes.ts'
import type { AcceptedEvent } from '../../../schemas/event.ts'
import type { UserId } from '../../../schemas/ids.ts'
import type { Pack } from '../../../schemas/pack.ts'
import type { Judgement, Policy } from './policies.ts'

/** What two users are to each other, and what that forbids (SPEC.md RL rules, docs/adr/0008), written here once more. */
export class RelationPolicy implements Policy {
  private readonly users: readonly string[]
  private areFriends = false
  private asker: UserId | undefined
  /** Who blocks the other. */
  private readonly blockers = new Set<string>()

  constructor(sessionId: string) {
    this.users = sessionId.split(':').slice(1)
  }

  judge({ body, from, stamp }: Pack): Judgement {
    const objections = new Set<CodeName>()
    const object = (code: CodeName, holds: boolean) => {
      if (holds) objections.add(code)
    }
    const isBlocked = this.blockers.has(this.other(from))
    const isAsked = this.asker !== undefined && this.asker !== from
    let due: AcceptedEvent['body']['kind'] | undefined
    switch (body.kind) {
      case 'SendMessage':
      case 'OverrideMessage':
      case 'AddReaction':
        object('BLACKLIST', isBlocked)
        object('USER_RELATION_INVALID', stamp?.friendsOnly === true && !this.areFriends)
        break
      case 'RequestFriend':
        object('BLACKLIST', isBlocked)
        object('USER_RELATION_INVALID', this.areFriends || this.blockers.has(from))
        object('MSG_REPEATED', this.asker === from)
        due = isAsked ? 'FriendAccepted' : 'FriendRequested'
        break
      case 'AcceptFriend':
      case 'RefuseFriend':
        object('REQUEST_NOT_EXIST', !isAsked)
        break
      case 'DeleteFriend':
      case 'RemarkFriend':
        object('USER_RELATION_INVALID', !this.areFriends)
        break
      case 'BlockUser':
        object('MSG_REPEATED', this.blockers.has(from))
        break
      case 'UnblockUser':
        object('USER_RELATION_INVALID', !this.blockers.has(from))
        break
    }
    return { objections, fault: event => (due === undefined || event.body.kind === due ? undefined : `due is ${due}`) }
  }

  private other(userId: UserId): string {
    return this.users[0] === userId ? this.users[1]! : this.users[0]!
  }

  took({ body, from }: AcceptedEvent): void {
    switch (body.kind) {
      case 'FriendRequested':
        this.asker = from
        return
      case 'FriendAccepted':
        this.areFriends = true
        this.asker = undefined
        return
      case 'FriendRefused':
        this.asker = undefined
        return
      case 'FriendDeleted':
        this.areFriends = false
        return
      case 'UserBlocked':
        this.blockers.add(from)
        this.asker = undefined
        return
      case 'UserUnblocked':
        this.blockers.delete(from)
        return
    }
  }
}
