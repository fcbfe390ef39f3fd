import { unreachable } from '../../infra/assert.ts'
import { type Command, loadScript, runPipeline } from '../../infra/redis/pipeline.ts'
import type { RedisConnection } from '../../infra/redis/redis.ts'
import type { Partition, SessionId, UserId } from '../../schemas/ids.ts'
import type { Position } from '../../topics/valid-events.ts'
import type { GenerationWriter } from '../generation-writer.ts'
import type { GroupFact } from './group-facts.ts'
import type { MembershipStore } from './membership-store.ts'
import type { GroupEntry, GroupWrites, MembershipWrites } from './project.ts'
import { writeApps, writeUsers } from './redis-apps.ts'
import { groupKeys, userKeys } from './redis-membership-keys.ts'
import { writePeople } from './redis-people.ts'
import { inviteText } from './versioned.ts'

/**
 * The writing side of membership in Redis: groups, then the lists of users, then dismissals, then the position, each
 * confirmed before the next. Everything is kept by seq, so any step may be repeated, and events of a batch that the
 * store had lost may come late.
 */

const applyGroup = loadScript(new URL('./apply-group.lua', import.meta.url))
const setGroups = loadScript(new URL('./set-groups.lua', import.meta.url))
const SCRIPTS = [applyGroup, setGroups]

/** Members of a dismissed group that are told in one go. */
const DISMISS_PAGE = 1_000

export class RedisMembershipStore implements MembershipStore {
  private readonly connection: RedisConnection
  private readonly writer: GenerationWriter

  constructor({ connection, writer }: { connection: RedisConnection; writer: GenerationWriter }) {
    this.connection = connection
    this.writer = writer
  }

  position(partition: Partition): Promise<Position | undefined> {
    return this.writer.position(partition)
  }

  inPlace(partition: Partition): Promise<boolean> {
    return this.writer.inPlace(partition)
  }

  async write({ partition, writes, position }: Parameters<MembershipStore['write']>[0]): Promise<void> {
    const keyPrefix = this.writer.keyPrefix(partition)
    const groups = writes.groups.map(group => applyCommand(keyPrefix, group))
    await runPipeline(this.connection, groups, SCRIPTS)
    await this.writeUsers(keyPrefix, partition, writes.users)
    for (const { sessionId, dismissed } of writes.groups) {
      if (dismissed !== undefined) await this.dismiss(keyPrefix, partition, sessionId, dismissed)
    }
    await writePeople(this.connection, keyPrefix, writes.people)
    await writeUsers(this.connection, keyPrefix, { partition, own: writes.people.own })
    await writeApps(this.connection, keyPrefix, writes.apps)
    await this.writer.storePosition(partition, position)
  }

  private async writeUsers(keyPrefix: string, partition: Partition, users: MembershipWrites['users']): Promise<void> {
    const commands = [...users].map(([userId, entries]) => entriesCommand(keyPrefix, partition, userId, entries))
    await runPipeline(this.connection, commands, SCRIPTS)
  }

  /** Takes a dismissed group off the lists of everyone who was in. */
  private async dismiss(
    keyPrefix: string,
    partition: Partition,
    sessionId: SessionId,
    { seq, offset }: NonNullable<GroupWrites['dismissed']>,
  ): Promise<void> {
    const { present } = groupKeys(keyPrefix, sessionId)
    const entry = new Map([[sessionId, { stay: { seq, joinSeq: 0 }, offset }]])
    let min = '-'
    for (;;) {
      const userIds = (await this.connection.client.zrangebylex(
        present,
        min,
        '+',
        'LIMIT',
        0,
        DISMISS_PAGE,
      )) as UserId[]
      if (userIds.length === 0) return
      await this.writeUsers(keyPrefix, partition, new Map(userIds.map(userId => [userId, entry])))
      min = `(${userIds.at(-1)}`
    }
  }

  async close(): Promise<void> {
    await this.connection.close()
  }
}

function applyCommand(keyPrefix: string, { sessionId, facts, changedOffset = -1 }: GroupWrites): Command {
  const { head, stays, present, changes, roles, aliases, mutes, ...asking } = groupKeys(keyPrefix, sessionId)
  const { requests, invites, uses, endedRequests, endedInvites } = asking
  const members = [head, stays, present, changes, roles, aliases, mutes]
  const keys = [...members, requests, invites, uses, endedRequests, endedInvites]
  return applyGroup.call(keys, [changedOffset, ...facts.flatMap(factArguments)])
}

/** A fact as apply-group.lua takes it. */
function factArguments(fact: GroupFact): (string | number)[] {
  switch (fact.kind) {
    case 'created':
      return ['once', 'createdSeq', fact.seq]
    case 'dismissed':
      return ['once', 'dismissedSeq', fact.seq]
    case 'join':
      return ['join', fact.seq, fact.offset, fact.userIds.length, ...fact.userIds]
    case 'leave':
      return ['leave', fact.seq, fact.userIds.length, ...fact.userIds]
    case 'role':
      return ['role', fact.seq, fact.role, fact.userIds.length, ...fact.userIds]
    case 'alias':
      return ['alias', fact.seq, fact.userId, fact.alias]
    case 'mute':
      return ['mute', fact.seq, fact.userId, fact.until]
    case 'owner':
      return ['head', 'owner', fact.seq, fact.userId]
    case 'info':
      return ['head', 'info', fact.seq, JSON.stringify(fact.info)]
    case 'settings':
      return ['head', 'settings', fact.seq, JSON.stringify(fact.settings)]
    case 'asked':
      return ['asked', fact.offset, fact.userId, `${fact.at} ${fact.message ?? ''}`]
    case 'answered':
      return ['answered', fact.offset, fact.userId]
    case 'invited':
      return ['invited', fact.offset, fact.at, fact.inviteId, inviteText(fact)]
    case 'inviteUsed':
      return ['inviteUsed', fact.offset, fact.inviteId]
    case 'inviteEnded':
      return ['inviteEnded', fact.inviteId]
    default:
      return unreachable(fact)
  }
}

function entriesCommand(
  keyPrefix: string,
  partition: Partition,
  userId: UserId,
  entries: ReadonlyMap<SessionId, GroupEntry>,
): Command {
  const { groups, roles, touched } = userKeys(keyPrefix, userId)
  const args = [...entries].flatMap(([sessionId, { stay, role, offset }]) => {
    const came = [stay?.seq ?? 0, stay?.joinSeq ?? 0]
    return [sessionId, partition, offset, ...came, role?.seq ?? 0, role?.role ?? '']
  })
  return setGroups.call([groups, roles, touched], args)
}
