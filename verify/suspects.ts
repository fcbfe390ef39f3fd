import type { UserId } from '../schemas/ids.ts'

/** Sessions and users that are to be looked at more closely. Pure. */
export class Suspects {
  /** Session ids, and u:<userId>: the user's own session and all that is kept for the user. */
  readonly tags: ReadonlySet<string>
  readonly users: ReadonlySet<UserId>

  constructor(tags: Iterable<string>) {
    this.tags = new Set(tags)
    const ofUsers = [...this.tags].filter(tag => tag.startsWith('u:'))
    this.users = new Set(ofUsers.map(tag => tag.slice('u:'.length) as UserId))
  }

  /** True for a suspect, and for a session that may say something of a user who is one; of any group that is not known. */
  concerns(sessionId: string): boolean {
    if (this.tags.has(sessionId)) return true
    if (this.users.size === 0) return false
    const [kind, one, other] = sessionId.split(':')
    return kind === 'g' || this.users.has(one as UserId) || this.users.has(other as UserId)
  }
}
