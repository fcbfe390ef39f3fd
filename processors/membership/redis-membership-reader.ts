import { type Generations, pairsOf } from '../../infra/redis/generations.ts'
import { loadScript } from '../../infra/redis/pipeline.ts'
import type { Partition, Seq, SessionId, UserId } from '../../schemas/ids.ts'
import type { Position } from '../../topics/valid-events.ts'
import type { GroupMember, MembershipInterval, MembershipReader } from './membership-store.ts'
import { groupKeys, userGroupsKey } from './redis-membership-keys.ts'
import { intervalsOf, presentSince } from './stays.ts'

/** The reading side of membership in Redis. Every step is checked against the live generation (infra/redis/generations.ts). */

const membersScript = loadScript(new URL('./members.lua', import.meta.url))

export class RedisMembershipReader implements MembershipReader {
  private readonly generations: Generations

  constructor(generations: Generations) {
    this.generations = generations
  }

  async positions(): Promise<ReadonlyMap<Partition, Position>> {
    const stored = await this.generations.readPositions()
    return new Map([...stored].map(([partition, json]) => [partition, JSON.parse(json) as Position]))
  }

  async groupsOf(userId: UserId): Promise<{ sessionId: SessionId; joinSeq: Seq }[]> {
    const replies = await this.generations.read(keyPrefix => [['hgetall', userGroupsKey(keyPrefix, userId)]])
    return pairsOf(replies?.[0])
      .map(([sessionId, entry]) => ({ sessionId: sessionId as SessionId, joinSeq: Number(entry.split('/')[1]) }))
      .filter(({ joinSeq }) => joinSeq > 0)
  }

  async intervals(request: { sessionId: SessionId; userId: UserId }): Promise<MembershipInterval[]> {
    const replies = await this.generations.read(keyPrefix => {
      const { head, stays } = groupKeys(keyPrefix, request.sessionId)
      return [
        ['hget', stays, request.userId],
        ['hget', head, 'dismissedSeq'],
      ]
    })
    const [stays, dismissedSeq] = (replies ?? []) as (string | null)[]
    return intervalsOf(stays ?? '', Number(dismissedSeq ?? 0))
  }

  async members(request: Parameters<MembershipReader['members']>[0]): ReturnType<MembershipReader['members']> {
    const { sessionId, cursor, limit } = request
    const replies = await this.generations.read(
      keyPrefix => {
        const { head, stays, present } = groupKeys(keyPrefix, sessionId)
        const min = cursor === undefined ? '-' : `(${cursor}`
        return [membersScript.call([head, stays, present], [min, limit + 1])]
      },
      [membersScript],
    )
    const [owner, ...flat] = (replies?.[0] ?? ['']) as string[]
    const members = pairsOf(flat).map(([userId, stays]): GroupMember => {
      const role = userId === owner ? 'owner' : 'member'
      return { userId: userId as UserId, role, joinSeq: presentSince(stays) ?? 0 }
    })
    if (members.length <= limit) return { members }
    return { members: members.slice(0, limit), cursor: members[limit - 1]!.userId }
  }
}
