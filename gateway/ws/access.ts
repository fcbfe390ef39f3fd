import { Generations } from '../../infra/generations.ts'
import type { PeopleReader } from '../../processors/membership/people-store.ts'
import type { Revoked } from '../../schemas/apps.ts'
import type { Event } from '../../schemas/event.ts'
import type { UserId } from '../../schemas/ids.ts'
import { ACCESS_KEPT_MAX, ACCESS_SAID_MAX } from '../limits.ts'
import type { Identity } from './asker.ts'
import type { Views } from './views.ts'

/** How a user is let in. */
export interface LetIn {
  /** False: disabled or erased. */
  isActive: boolean
  revoked: Revoked
}

/**
 * Whether users are let in: who is disabled, and which tokens were revoked. Asked of the membership view once per user.
 * What has passed since this gateway began to read goes before the answer: it began where the view stood, so that what
 * is older is in the view, however far that is behind now.
 */
export class AccessIndex {
  private readonly options: {
    people: Pick<PeopleReader, 'access' | 'revoked'>
    views: Pick<Views, 'ask'>
    /** A user is let in otherwise from now on. */
    onChanged(userId: UserId, letIn: LetIn): void
  }
  private readonly known = new Generations<UserId, LetIn>(ACCESS_KEPT_MAX)
  private readonly asking = new Map<UserId, Promise<LetIn>>()
  /** What has passed, the newest: what is older the membership view has long since. */
  private readonly said = new Map<UserId, Partial<LetIn>>()

  constructor(options: AccessIndex['options']) {
    this.options = options
  }

  /** At once where it is known. Rejects with QuestionFailed where nobody can say. */
  of(userId: UserId): LetIn | Promise<LetIn> {
    return this.known.get(userId) ?? this.asking.get(userId) ?? this.ask(userId)
  }

  /** Why the user is not let in now; undefined where they are. Rejects with QuestionFailed. */
  async fault(identity: Identity): Promise<AccessFault | undefined> {
    return accessFault(await this.of(identity.userId), identity)
  }

  /** The same by what is known at this moment: for what must not wait. */
  knownFault(identity: Identity): AccessFault | undefined {
    const { userId } = identity
    return accessFault(this.known.get(userId) ?? { ...NOTHING_SAID, ...this.said.get(userId) }, identity)
  }

  /** Takes what passes on im.events. */
  passed({ body, from }: Event): void {
    switch (body.kind) {
      case 'UserDisabled':
      case 'UserErased':
        this.change(from, { isActive: false })
        break
      case 'UserEnabled':
        this.change(from, { isActive: true })
        break
      case 'TokensRevoked':
        this.change(from, { revoked: body.revoked })
        this.options.onChanged(from, { isActive: true, revoked: body.revoked })
        break
      default:
        break
    }
  }

  private change(userId: UserId, said: Partial<LetIn>): void {
    const all = { ...this.said.get(userId), ...said }
    this.said.delete(userId)
    this.said.set(userId, all)
    if (this.said.size > ACCESS_SAID_MAX) this.said.delete(this.said.keys().next().value!)
    const known = this.known.get(userId)
    if (known !== undefined) this.known.set(userId, { ...known, ...said })
  }

  private ask(userId: UserId): Promise<LetIn> {
    const { people, views } = this.options
    const read = async () => ({ access: await people.access([userId]), revoked: await people.revoked(userId) })
    const answer = views
      .ask('REDIS_ERROR', read)
      .then(({ access, revoked }) => {
        const letIn = { isActive: access[0] === 'active', revoked, ...this.said.get(userId) }
        this.known.set(userId, letIn)
        return letIn
      })
      .finally(() => this.asking.delete(userId))
    this.asking.set(userId, answer)
    return answer
  }
}

const NOTHING_SAID: LetIn = { isActive: true, revoked: { notBefore: 0, tokens: [] } }

export interface AccessFault {
  name: 'ACCESS_DENIED' | 'BAD_CREDENTIALS'
  detail: string
}

/** Why somebody with this token is not let in; what an app does in their name needs no token. Pure. */
export function accessFault(
  { isActive, revoked }: LetIn,
  { issuedAt = 0, tokenId, actor }: Identity,
): AccessFault | undefined {
  if (!isActive) return { name: 'ACCESS_DENIED', detail: 'the user is disabled' }
  if (actor !== undefined) return undefined
  const isRevoked = issuedAt < revoked.notBefore || revoked.tokens.some(token => token.tokenId === tokenId)
  return isRevoked ? { name: 'BAD_CREDENTIALS', detail: 'the token was revoked' } : undefined
}
