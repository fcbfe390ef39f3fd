import type { AcceptedEvent } from '../../../schemas/event.ts'
import type { UserId } from '../../../schemas/ids.ts'
import { Flag } from '../../../schemas/pack.ts'
import type { World } from '../world.ts'
import type { Say } from './audit.ts'
import { changesOf, wrongFrame } from './shown.ts'

/**
 * SIM16: when all is quiet, the priority queue of everybody has exactly what must not be missed of what they may see,
 * each once, the oldest first, messages as they are now (docs/protocol.md).
 */
export function checkUrgent(world: World, say: Say): void {
  for (const [user, { urgent }] of world.surveyed) {
    const due = dueTo(world, user)
    const keys = urgent.map(({ sessionId, seq, packId }) => `${sessionId} #${seq} ${packId}`)
    const got = new Set(keys)
    if (got.size !== keys.length) say('SIM16', `${user}: something stands twice in the priority queue`)
    for (const key of due) if (!got.has(key)) say('SIM16', `${user}: ${key} is missing in the priority queue`)
    for (const key of got) if (!due.has(key)) say('SIM16', `${user}: ${key} does not belong in the priority queue`)
    let before = 0
    for (const frame of urgent) {
      const session = world.truth.session(frame.sessionId)
      const wrong = wrongFrame(session, frame)
      const last = changesOf(session, frame.seq).at(-1)
      const isNow = frame.body.kind !== 'MessageAccepted' || frame.state?.seq === last?.seq
      if (wrong !== undefined || !isNow || frame.at < before) {
        say(
          'SIM16',
          `${user}: in the priority queue ${frame.sessionId} #${frame.seq} ${wrong ?? 'is not as it is now'}`,
        )
      }
      before = frame.at
    }
  }
}

function dueTo({ truth }: World, user: UserId): Set<string> {
  const due = new Set<string>()
  for (const [sessionId, session] of truth.sessions) {
    for (const event of [...session.events, ...session.facts]) {
      const { seq, packId, from } = event
      const isSeen = session.isVisible(user, seq) && !truth.isHidden(user, sessionId, seq)
      const isTold = TOLD.includes(event.body.kind) && from !== user && sessionId.split(':').includes(user)
      if ((isUrgent(event) && isSeen) || isTold) due.add(`${sessionId} #${seq} ${packId}`)
    }
  }
  return due
}

/** What another user does to one, and no timeline holds. */
const TOLD: readonly string[] = ['FriendRequested', 'FriendAccepted', 'FriendRefused', 'FriendDeleted'] as const

const ALWAYS: readonly string[] = [
  ...(['MessageRevoked', 'MessageOverridden', 'MessageDeleted', 'MembersRemoved', 'GroupDismissed'] as const),
]

function isUrgent({ body, flags }: AcceptedEvent): boolean {
  return ALWAYS.includes(body.kind) || (body.kind === 'MessageAccepted' && (flags & Flag.HIGH_PRIORITY) !== 0)
}
