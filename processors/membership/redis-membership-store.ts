import { type Command, loadScript, runPipeline } from '../../infra/redis/pipeline.ts'
import type { RedisConnection } from '../../infra/redis/redis.ts'
import type { Partition, Seq, SessionId, UserId } from '../../schemas/ids.ts'
import type { Position } from '../../topics/valid-events.ts'
import type { GenerationWriter } from '../generation-writer.ts'
import type { MembershipStore } from './membership-store.ts'
import type { GroupEntry, GroupWrites, MembershipWrites } from './project.ts'
import { groupKeys, userGroupsKey } from './redis-membership-keys.ts'
import { writePeople } from './redis-people.ts'

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
    await this.writeUsers(keyPrefix, writes.users)
    for (const { sessionId, dismissedSeq } of writes.groups) {
      if (dismissedSeq !== undefined) await this.dismiss(keyPrefix, sessionId, dismissedSeq)
    }
    await writePeople(this.connection, keyPrefix, writes.people)
    await this.writer.storePosition(partition, position)
  }

  private async writeUsers(keyPrefix: string, users: MembershipWrites['users']): Promise<void> {
    const commands = [...users].map(([userId, entries]) => entriesCommand(keyPrefix, userId, entries))
    await runPipeline(this.connection, commands, SCRIPTS)
  }

  /** Takes a dismissed group off the lists of everyone who was in. */
  private async dismiss(keyPrefix: string, sessionId: SessionId, seq: Seq): Promise<void> {
    const { present } = groupKeys(keyPrefix, sessionId)
    const entry = new Map([[sessionId, { seq, joinSeq: 0 }]])
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
      await this.writeUsers(keyPrefix, new Map(userIds.map(userId => [userId, entry])))
      min = `(${userIds.at(-1)}`
    }
  }

  async close(): Promise<void> {
    await this.connection.close()
  }
}

function applyCommand(keyPrefix: string, { sessionId, created, dismissedSeq, changes }: GroupWrites): Command {
  const { head, stays, present } = groupKeys(keyPrefix, sessionId)
  const { name = '', avatar = '', notice = '' } = created?.info ?? {}
  const args = [created?.seq ?? 0, created?.owner ?? '', name, avatar, notice, dismissedSeq ?? 0, changes.length]
  for (const { kind, seq, userIds } of changes) {
    args.push(kind === 'join' ? '+' : '-', seq, userIds.length, ...userIds)
  }
  return applyGroup.call([head, stays, present], args)
}

function entriesCommand(keyPrefix: string, userId: UserId, entries: ReadonlyMap<SessionId, GroupEntry>): Command {
  const args = [...entries].flatMap(([sessionId, { seq, joinSeq }]) => [sessionId, seq, joinSeq])
  return setGroups.call([userGroupsKey(keyPrefix, userId)], args)
}
