import type { Clock } from '../../infra/clock.ts'
import type { AcceptedEvent, EventBody } from '../../schemas/event.ts'
import type { ServerFrame } from '../../schemas/frames.ts'
import { NUDGE_MS, NUDGES_PER_CONNECTION_MAX } from '../limits.ts'
import type { ClientConnection } from './client-connection.ts'

/**
 * Tells devices that a list of which they may keep a copy is another one, so that they ask for what has changed: to
 * whoever got the event that says so, a moment later and once for many changes. A hint: who misses it asks anyway.
 */

type Nudge = Extract<ServerFrame, { type: 'nudge' }>

/** True where an event makes some list another one. */
export function changesList(kind: EventBody['kind']): boolean {
  return listOf(kind, true) !== undefined
}

/** The list that an event makes another one for who gets it; `hasMoved`: they came or went by it. */
function listOf(kind: EventBody['kind'], hasMoved: boolean): Nudge['what'] | undefined {
  switch (kind) {
    case 'GroupCreated':
    case 'GroupDismissed':
      return 'groups'
    case 'MemberJoined':
    case 'MemberQuit':
    case 'MembersAdded':
    case 'MembersRemoved':
      return hasMoved ? 'groups' : 'members'
    case 'OwnerChanged':
    case 'GroupInfoUpdated':
    case 'GroupSettingsUpdated':
      return 'groupInfo'
    case 'RolesSet':
    case 'AliasSet':
    case 'MemberMuted':
      return 'members'
    case 'FriendRequested':
    case 'FriendAccepted':
    case 'FriendRefused':
    case 'FriendDeleted':
    case 'FriendRemarked':
    case 'UserBlocked':
    case 'UserUnblocked':
      return 'friends'
    case 'SettingsUpdated':
    case 'UserAttributesSet':
      return 'settings'
    default:
      return undefined
  }
}

export class Nudges {
  private readonly clock: Clock
  private readonly waiting = new Map<ClientConnection, Map<string, Nudge>>()
  private cancelTimer: (() => void) | undefined

  constructor(clock: Clock) {
    this.clock = clock
  }

  /** Notes that the connection got an event of which a list is another one now. */
  add(connection: ClientConnection, { body, sessionId }: AcceptedEvent, hasMoved: boolean): void {
    const what = listOf(body.kind, hasMoved)
    if (what === undefined) return
    const waiting = this.waiting.get(connection) ?? new Map<string, Nudge>()
    this.waiting.set(connection, waiting)
    const isOfSession = what === 'groupInfo' || what === 'members'
    // Of too many sessions nothing is said one by one: without a session it means all of them.
    const named = isOfSession && waiting.size < NUDGES_PER_CONNECTION_MAX
    const nudge: Nudge = named ? { type: 'nudge', what, sessionId } : { type: 'nudge', what }
    waiting.set(`${what} ${nudge.sessionId ?? ''}`, nudge)
    this.cancelTimer ??= this.clock.schedule(NUDGE_MS, () => this.flush())
  }

  private flush(): void {
    this.cancelTimer = undefined
    const waiting = [...this.waiting]
    this.waiting.clear()
    for (const [connection, nudges] of waiting) for (const nudge of nudges.values()) connection.send(nudge)
  }

  stop(): void {
    this.cancelTimer?.()
    this.cancelTimer = undefined
    this.waiting.clear()
  }
}
