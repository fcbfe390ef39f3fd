import type { AcceptedEvent } from '../../../schemas/event.ts'
import type { EventFrame } from '../../../schemas/frames.ts'
import type { Seq, UserId } from '../../../schemas/ids.ts'
import type { World } from '../world.ts'
import type { Say } from './audit.ts'
import type { SessionTruth } from './truth.ts'

/**
 * SIM17: events without a seq are told to those whom they concern and to nobody else: marks to who is in the session,
 * requests to join and invites to owner and admins (and to who asked), friendships to both, what a user keeps about
 * another to the user alone. Who comes to run a group may ask for its requests and invites: a gateway that knows of that
 * already may tell them what it reads from before.
 */
export function checkRecipients(world: World, say: Say): void {
  const heard = new Map<string, Map<string, ReadonlySet<UserId>>>()
  for (const { sessionId, facts, factsAfter, events } of world.truth.sessions.values()) {
    const runs = new Runners()
    const told = new Map<string, Set<UserId>>()
    heard.set(sessionId, told)
    const session = world.truth.session(sessionId)
    const forManagers: Set<UserId>[] = []
    let next = 0
    const passTo = (seq: Seq) => {
      for (; next < seq; next++) {
        runs.took(events[next]!)
        for (const users of forManagers) for (const userId of runs.all) users.add(userId)
      }
    }
    for (const [index, fact] of facts.entries()) {
      const after = factsAfter[index]!
      passTo(after)
      const users = new Set(concerned(world, { session, fact, after, runs }))
      told.set(`${fact.from} ${fact.packId}`, users)
      if (FOR_MANAGERS.has(fact.body.kind)) forManagers.push(users)
    }
    passTo(events.length)
  }
  for (const { name, user, witness } of world.devices) {
    for (const seen of witness.seen) {
      if (seen.kind !== 'Received' || seen.frame.type !== 'event' || seen.frame.seq !== 0) continue
      const who = heard.get(seen.frame.sessionId)?.get(`${seen.frame.from} ${seen.frame.packId}`)
      if (who?.has(user) !== true) say('SIM17', `${name} was told of ${briefly(seen.frame)}`)
    }
  }
}

function briefly({ sessionId, from, body }: EventFrame): string {
  return `${body.kind} of ${from} in ${sessionId}, which is none of their business`
}

const FOR_MANAGERS: ReadonlySet<AcceptedEvent['body']['kind']> = new Set([
  'JoinRequested',
  'InviteCreated',
  'InviteRevoked',
  'JoinRefused',
] as const)

/** Owner and admins, by what has passed. */
class Runners {
  private owner: UserId | undefined
  private readonly admins = new Set<UserId>()

  took({ from, body }: AcceptedEvent): void {
    switch (body.kind) {
      case 'GroupCreated':
        this.owner = from
        return
      case 'OwnerChanged':
        this.owner = body.userId
        this.admins.delete(body.userId)
        return
      case 'RolesSet':
        for (const userId of body.userIds) body.role === 'admin' ? this.admins.add(userId) : this.admins.delete(userId)
        return
      case 'MemberQuit':
        this.admins.delete(from)
        return
      case 'MembersRemoved':
        for (const userId of body.userIds) this.admins.delete(userId)
        return
    }
  }

  get all(): UserId[] {
    return [...(this.owner === undefined ? [] : [this.owner]), ...this.admins]
  }
}

interface Place {
  session: SessionTruth
  fact: AcceptedEvent
  after: Seq
  runs: Runners
}

function concerned({ users }: World, { session, fact, after, runs }: Place): readonly UserId[] {
  const { body, from } = fact
  const isIn = (user: UserId) =>
    session.staysOf(user).some(({ joinSeq, leaveSeq }) => (joinSeq <= after || after === 0) && leaveSeq > after)
  switch (body.kind) {
    case 'ReadMarked':
    case 'DeliveredMarked':
    case 'FriendRequested':
    case 'FriendAccepted':
    case 'FriendRefused':
    case 'FriendDeleted':
      return users.filter(isIn)
    case 'JoinRequested':
    case 'InviteCreated':
    case 'InviteRevoked':
      return [from, ...runs.all]
    case 'JoinRefused':
      return [from, body.userId, ...runs.all]
    default:
      return [from]
  }
}
