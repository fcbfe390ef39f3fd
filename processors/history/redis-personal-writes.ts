import { type Command, loadScript, type ScriptPart, type SharedCall, sharedCalls } from '../../infra/redis/pipeline.ts'
import type { RedisConnection } from '../../infra/redis/redis.ts'
import type { Partition, SessionId, UserId } from '../../schemas/ids.ts'
import type { Amendment } from './amendments.ts'
import { type HistoryOptions, hotTime } from './history-store.ts'
import type { KeptWrites, ReceiptWrites, ToldWrite } from './kept.ts'
import type { SessionWrites } from './project.ts'
import {
  ATTRIBUTES_LETTER,
  CLEARED_LETTER,
  DELIVERED_LETTER,
  HIDDEN_LETTER,
  MARK_LETTER,
  markField,
  sessionKeys,
  userKeys,
} from './redis-history-keys.ts'
import { toldMember } from './told.ts'

/** The commands that store amendments, receipts, and what users keep of sessions. */

const amendSessions = loadScript(new URL('./amend-sessions.lua', import.meta.url))
const raiseMarks = loadScript(new URL('./raise-marks.lua', import.meta.url))
const keep = loadScript(new URL('./keep.lua', import.meta.url))
export const PERSONAL_SCRIPTS = [amendSessions, raiseMarks, keep]

export function amendCommands(
  connection: Pick<RedisConnection, 'slotOf'>,
  keyPrefix: string,
  sessions: readonly SessionWrites[],
  { stoppedMax, mentionsMax, urgentMax, urgentAgeMs }: HistoryOptions,
): Command[] {
  const parts = sessions
    .filter(({ amendments }) => amendments.length > 0)
    .map(({ sessionId, amendments }): ScriptPart => {
      const { session, stopped, mentions, urgent } = sessionKeys(keyPrefix, sessionId)
      return { keys: [session, stopped, mentions, urgent], args: [amendments.length, ...amendments.flatMap(argsOf)] }
    })
  return commandsOf(sharedCalls(connection, amendSessions, [stoppedMax, mentionsMax, urgentMax, urgentAgeMs], parts))
}

function argsOf(amendment: Amendment): (string | number)[] {
  const { kind, seq } = amendment
  switch (kind) {
    case 'revise': {
      const { target, body, state, stops, stripped = '', mentions } = amendment
      const { version = '', ...rest } = state
      const opening = `${JSON.stringify(rest).slice(0, -1)},"version":`
      return [kind, seq, target, body, opening, version, stops ? 1 : 0, stripped, mentions.length, ...mentions]
    }
    case 'erase': {
      const { userId, body, state } = amendment
      return [kind, seq, userId, body, `${JSON.stringify(state).slice(0, -1)},"version":`]
    }
    case 'mention':
      return [kind, seq, amendment.whom.length, ...amendment.whom]
    case 'react':
      return [kind, seq, amendment.target, amendment.adds ? '+' : '-', amendment.emoji, amendment.userId]
    case 'urgent':
      return [kind, seq, amendment.offset, amendment.at, amendment.json]
  }
}

export function receiptCommands(
  connection: Pick<RedisConnection, 'slotOf'>,
  keyPrefix: string,
  receipts: ReadonlyMap<SessionId, ReceiptWrites>,
): Command[] {
  const parts = [...receipts].map(([sessionId, { read, delivered }]): ScriptPart => {
    const args: (string | number)[] = [read.size + delivered.size]
    for (const [userId, { seq, count }] of read) args.push(markField(userId), `${seq}/${count}`)
    for (const [userId, seq] of delivered) args.push(DELIVERED_LETTER + userId, seq)
    return { keys: [sessionKeys(keyPrefix, sessionId).session], args }
  })
  return commandsOf(sharedCalls(connection, raiseMarks, [], parts))
}

/** ZADD says the same twice, and the newest are the same in any order. */
export function toldCommands(
  keyPrefix: string,
  partition: Partition,
  told: ReadonlyMap<UserId, readonly ToldWrite[]>,
  { urgentMax }: HistoryOptions,
): Command[] {
  return [...told].flatMap(([userId, writes]): Command[] => {
    const key = userKeys(keyPrefix, userId).told
    return [
      ['zadd', key, ...writes.flatMap(write => [write.at, toldMember(partition, write)])],
      ['zremrangebyrank', key, 0, -urgentMax - 1],
    ]
  })
}

export function keptCommands(
  connection: Pick<RedisConnection, 'slotOf'>,
  keyPrefix: string,
  kept: ReadonlyMap<UserId, KeptWrites>,
  { hiddenMax, changedMax }: HistoryOptions,
): Command[] {
  const parts = [...kept].map(([userId, { attributes, read, cleared, hidden, changed, erasedAt }]): ScriptPart => {
    const args: (string | number)[] = []
    for (const [sessionId, { seq, attributes: value }] of attributes) {
      args.push('raise', ATTRIBUTES_LETTER + sessionId, `${seq}/${JSON.stringify(value)}`)
    }
    for (const [sessionId, { seq, count }] of read) args.push('raise', MARK_LETTER + sessionId, `${seq}/${count}`)
    for (const [sessionId, { seq, count }] of cleared) args.push('raise', CLEARED_LETTER + sessionId, `${seq}/${count}`)
    for (const [sessionId, seqs] of hidden) args.push('hide', HIDDEN_LETTER + sessionId, [...seqs].join(','))
    if (erasedAt !== undefined) args.push('forget', ATTRIBUTES_LETTER, erasedAt)
    for (const [member, at] of changed) args.push('touch', member, hotTime(at))
    const keys = userKeys(keyPrefix, userId)
    return { keys: [keys.own, keys.changed], args: [args.length / 3, ...args] }
  })
  return commandsOf(sharedCalls(connection, keep, [hiddenMax, changedMax], parts))
}

function commandsOf(calls: readonly SharedCall[]): Command[] {
  return calls.map(({ command }) => command)
}
