import type { CodeName } from '../../../schemas/codes.ts'
import type { AcceptedEvent } from '../../../schemas/event.ts'
import type { UserId } from '../../../schemas/ids.ts'
import type { Pack, Rules } from '../../../schemas/pack.ts'
import type { Judgement, Policy } from './policies.ts'
import { MessagePolicy } from './policy-message.ts'

/** What two users are to each other, and what that forbids (SPEC.md RL rules, docs/adr/0008), written here once more. */
export class RelationPolicy implements Policy {
  private readonly users: readonly string[]
  private readonly messages = new MessagePolicy()
  private areFriends = false
  private asker: UserId | undefined
  /** Who blocks the other. */
  private readonly blockers = new Set<string>()

  constructor(sessionId: string) {
    this.users = sessionId.split(':').slice(1)
  }

  judge(pack: Pack, at: number, rules: Rules): Judgement {
    const { body, from, stamp } = pack
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
    const message = this.messages.judge(pack, at, rules, { isRunner: false, sees: () => true })
    if (message !== undefined) return { ...message, objections: new Set([...objections, ...message.objections]) }
    return { objections, fault: event => (due === undefined || event.body.kind === due ? undefined : `due is ${due}`) }
  }

  private other(userId: UserId): string {
    return this.users[0] === userId ? this.users[1]! : this.users[0]!
  }

  took(event: AcceptedEvent): void {
    const { body, from } = event
    this.messages.took(event)
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
