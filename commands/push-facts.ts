import type { PresenceStore } from '../gateway/presence/presence-store.ts'
import type { Clock } from '../infra/clock.ts'
import { SharedQuestion } from '../infra/shared-question.ts'
import type { HistoryReader, HotSession } from '../processors/history/history-store.ts'
import type { MembershipReader } from '../processors/membership/membership-store.ts'
import type { DevicesReader, PeopleReader } from '../processors/membership/people-store.ts'
import type { Member, PushFacts, Seen } from '../processors/push/facts.ts'
import { badgeOf, receiverOf, type UserFacts } from '../processors/push/plan.ts'
import type { EventFrame } from '../schemas/frames.ts'
import { type Offset, type Partition, parseSessionId, type SessionId, type UserId } from '../schemas/ids.ts'
import type { UserSettings } from '../schemas/settings.ts'

/** What push asks of the views and of presence, put together from their readers. */

export interface FactsParts {
  history: HistoryReader
  membership: MembershipReader
  people: PeopleReader & DevicesReader
  presence: Pick<PresenceStore, 'online'>
  clock: Clock
}

/** Sessions of one user that the badge counts: as many as the list of a user holds. */
const BADGE_PAGES_MAX = 10
const SESSIONS_PAGE = 100

export function pushFacts({ history, membership, people, presence, clock }: FactsParts): PushFacts {
  // As far as membership was seen to be. Devices of its users are in any partition: while it is filled again, none may be missing.
  const reached = new Map<Partition, Offset>()
  const look = async (partition: Partition): Promise<Seen> => {
    // Before the positions: a store that is filled again afterwards is as far as it was.
    const fillings = (await Promise.all([history.filling(), membership.filling()])).join()
    const [seen, positions] = await Promise.all([history.position(partition), membership.positions()])
    const isFilled = [...reached].every(([other, offset]) => (positions.get(other)?.offset ?? -1) >= offset)
    if (!isFilled) return { offset: -1, fillings }
    for (const [other, { offset }] of positions) reached.set(other, offset)
    return { offset: Math.min(seen?.offset ?? -1, positions.get(partition)?.offset ?? -1), fillings }
  }
  // Jobs of a partition are done side by side.
  const looks = new Map<Partition, SharedQuestion<Seen>>()
  return {
    seen: partition => {
      const shared = looks.get(partition) ?? new SharedQuestion(() => look(partition))
      looks.set(partition, shared)
      return shared.ask()
    },
    isGone: async (sessionId, seq) => {
      const page = await history.page({ sessionId, afterSeq: seq - 1, limit: 1 })
      if (page.seqs[0] !== seq) return false
      const { state } = JSON.parse(page.events[0]!) as EventFrame
      return state?.change === 'revoked' || state?.change === 'deleted'
    },
    audience: async ({ sessionId, from, cursor, limit }) => {
      const receiver = receiverOf({ sessionId, from })
      if (receiver !== undefined) return { users: [{ userId: receiver, joinSeq: 0 }] }
      if (parseSessionId(sessionId)?.kind !== 'Group') return { users: [] }
      const page = await membership.members({ sessionId, limit, ...(cursor === undefined ? {} : { cursor }) })
      const users = page.members.filter(({ userId }) => userId !== from)
      return { users, ...(page.cursor === undefined ? {} : { cursor: page.cursor }) }
    },
    devices: userIds => people.devices(userIds),
    users: ({ members, sessionId, seq }) => usersOf({ history, people, presence, clock }, { members, sessionId, seq }),
    names: async ({ sessionId, from }) => {
      const session = parseSessionId(sessionId)
      const [profile] = await people.profiles([from])
      const sender = profile === undefined || profile.profile.name === '' ? from : profile.profile.name
      if (session?.kind !== 'Group') return { sender }
      const group = await membership.groupFor({ sessionId, userId: from })
      return { sender, group: group?.info.name || session.groupId }
    },
    badges: users => Promise.all(users.map(user => badgeFor(history, user))),
    tokenUsers: token => people.tokenUsers(token),
  }
}

async function usersOf(
  { history, people, presence, clock }: Omit<FactsParts, 'membership'>,
  { members, sessionId, seq }: { members: readonly Member[]; sessionId: SessionId; seq: number },
): Promise<UserFacts[]> {
  const userIds = members.map(({ userId }) => userId)
  if (userIds.length === 0) return []
  const [devices, online, settings, readSeqs, kept] = await Promise.all([
    people.devices(userIds),
    presence.online(userIds, clock.now()),
    people.settings(userIds),
    history.readSeqs({ sessionId, userIds }),
    Promise.all(userIds.map(async userId => (await history.kept({ userId, sessionIds: [sessionId] }))[0])),
  ])
  return members.map(({ userId, joinSeq }, i) => {
    const own = kept[i]
    return {
      userId,
      joinSeq,
      devices: devices[i]!,
      connections: online[i]!.connections.map(({ device, at }) => ({ deviceId: device.id, since: at })),
      settings: settings[i]!,
      notify: own?.attributes?.notify,
      readSeq: Math.max(readSeqs[i] ?? 0, own?.read.seq ?? 0, own?.cleared.seq ?? 0),
      isHidden: own?.hidden.includes(seq) ?? false,
    }
  })
}

/** The exact unread of the sessions in a user's list that are not muted. */
async function badgeFor(
  history: HistoryReader,
  { userId, settings }: { userId: UserId; settings: UserSettings },
): Promise<number> {
  let badge = 0
  let cursor: string | undefined
  for (let pages = 0; pages < BADGE_PAGES_MAX; pages++) {
    const page = await history.hotSessions({
      userId,
      limit: SESSIONS_PAGE,
      ...(cursor === undefined ? {} : { cursor }),
    })
    badge += badgeOf(page.sessions.map(unreadOf), settings)
    cursor = page.cursor
    if (cursor === undefined) break
  }
  return badge
}

function unreadOf({ unread, mentions = 0, attributes }: HotSession) {
  return { unread, mentions, notify: attributes?.notify ?? 'all' }
}
