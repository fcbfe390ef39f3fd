import type { Command } from '../../infra/redis/pipeline.ts'
import type { Seq, UserId } from '../../schemas/ids.ts'
import type { HistoryOptions } from './history-store.ts'
import type { Line, MemberChange, SessionWrites } from './project.ts'
import { eventField, HEAD_FIELD, markField, packField, parseHead, type SessionKeys } from './redis-history-keys.ts'
import type { GroupState } from './user-lists.ts'

/**
 * What apply-sessions.lua does, as plain commands, for a writer that has no company and has read what is stored: the
 * script takes the server more than twice as long. Where more would have to be read (events that go because of newer
 * ones, a gap, a batch that comes again behind a group's growing large), the script it is. Pure.
 */

/** What is stored of a session before a batch. */
export interface StoredSession {
  /** As it is stored; '' where there is none. */
  head: string
  /** Groups that are not large: who is in. */
  members: readonly UserId[]
}

export type SessionPlan =
  | { kind: 'plain'; commands: Command[]; state: GroupState }
  /** `resets`: all that is stored goes, and the session begins anew with the events of `writes`. */
  | { kind: 'script'; writes: SessionWrites; resets: boolean }

type Limits = Pick<HistoryOptions, 'eventsPerSessionMax' | 'eventAgeMs' | 'hotGroupMembersMax'>

export function planSession(
  writes: SessionWrites,
  stored: StoredSession,
  { keys, limits }: { keys: SessionKeys; limits: Limits },
): SessionPlan {
  const { lines, isGroup } = writes
  const head = stored.head === '' ? NO_HEAD : parseHead(stored.head)
  const { lastSeq } = head
  const [first, last] = [lines[0]!, lines.at(-1)!]
  const byScript = { kind: 'script', writes, resets: false } as const
  if (first.seq > lastSeq + 1 || head.largeSince >= first.seq) return byScript
  const members = membersAfter(writes.changes, { ...stored, ...head }, limits)
  const { largeSince } = members
  const tells = isGroup && (largeSince === 0 || largeSince >= first.seq)
  const state = { largeSince, at: Math.max(head.at, last.at), members: tells ? [...members.all] : [] }
  if (last.seq <= lastSeq) return { kind: 'plain', commands: [], state: { ...state, at: head.at } }

  const firstKept = firstKeptOf(lines, head, limits)
  if (firstKept === undefined) return byScript
  // Of a batch that comes again in part, marks may have been raised further.
  const marks = [...writes.marks].filter(([, mark]) => first.seq > lastSeq || mark.seq > lastSeq)
  const added = lines.slice(Math.max(firstKept, lastSeq + 1) - first.seq)
  if (firstKept > head.firstSeq && head.firstSeq <= lastSeq) {
    if (firstKept <= lastSeq || writes.changes.length > 0) return byScript
    return { kind: 'script', writes: { ...writes, lines: added, marks: new Map(marks) }, resets: true }
  }
  const firstAt = firstKept > lastSeq ? added[0]!.at : head.firstAt
  const { seq, count, at } = last
  const hash: Command = ['hset', keys.session, HEAD_FIELD, [seq, count, at, firstKept, firstAt, largeSince].join('/')]
  for (const line of added) hash.push(...lineFields(line))
  for (const [userId, mark] of marks) hash.push(markField(userId), `${mark.seq}/${mark.count}`)
  return { kind: 'plain', commands: [hash, ...memberCommands(members, keys, lastSeq === 0)], state }
}

const NO_HEAD = { lastSeq: 0, count: 0, at: 0, firstSeq: 1, firstAt: 0, largeSince: 0 }

/** Fields and values of the session's hash. */
export function lineFields({ seq, count, at, packId, from, json }: Line): string[] {
  return [eventField(seq), json, packField(packId, from), `${seq}/${count}/${at}`]
}

/** The first event that is kept, of those stored and those that come; undefined where that cannot be told. */
function firstKeptOf(
  lines: readonly Line[],
  head: typeof NO_HEAD,
  { eventsPerSessionMax, eventAgeMs }: Limits,
): Seq | undefined {
  const [first, last] = [lines[0]!, lines.at(-1)!]
  let seq = Math.max(head.firstSeq, Math.min(last.seq, last.seq - eventsPerSessionMax + 1))
  for (; seq < last.seq; seq++) {
    if (seq <= head.lastSeq && seq !== head.firstSeq) return undefined
    const at = seq <= head.lastSeq ? head.firstAt : lines[seq - first.seq]!.at
    if (at >= last.at - eventAgeMs) break
  }
  return seq
}

interface Members {
  /** Not known where the group has been large before. */
  all: ReadonlySet<UserId>
  joined: ReadonlySet<UserId>
  left: ReadonlyMap<UserId, string>
  largeSince: Seq
}

function membersAfter(
  changes: readonly MemberChange[],
  stored: { members: readonly UserId[]; lastSeq: Seq; largeSince: Seq },
  { hotGroupMembersMax }: Limits,
): Members {
  const all = new Set(stored.members)
  const joined = new Set<UserId>()
  const left = new Map<UserId, string>()
  let { largeSince } = stored
  for (const { kind, seq, count, at, userIds } of changes) {
    if (seq <= stored.lastSeq) continue
    for (const userId of userIds) {
      if (kind === 'join') {
        all.add(userId)
        joined.add(userId)
        left.delete(userId)
      } else {
        all.delete(userId)
        joined.delete(userId)
        left.set(userId, `${seq}/${count}/${at}`)
      }
    }
    if (largeSince === 0 && all.size > hotGroupMembersMax) largeSince = seq
  }
  return { all, joined, left, largeSince }
}

function memberCommands({ joined, left }: Members, keys: SessionKeys, isNew: boolean): Command[] {
  const commands: Command[] = []
  if (joined.size > 0) commands.push(['sadd', keys.members, ...joined])
  if (joined.size > 0 && !isNew) commands.push(['hdel', keys.left, ...joined])
  if (left.size > 0 && !isNew) commands.push(['srem', keys.members, ...left.keys()])
  if (left.size > 0) commands.push(['hset', keys.left, ...[...left].flat()])
  return commands
}
