import type { GroupsVersion, MembersVersion } from '../../processors/membership/membership-store.ts'
import type { Offset, Partition, SessionId } from '../../schemas/ids.ts'
import { QuestionFailed } from './views.ts'

/**
 * `cursor` and `since` of lists, as clients carry them: base64url of JSON. A `since` that cannot be read is as good as
 * none: the list comes from its beginning. A cursor that cannot be read is the client's fault. Pure.
 */

interface MembersToken {
  epoch: string
  seq: number
  /** In cursors: the page goes on behind this one. */
  after?: string
}

interface GroupsToken {
  epoch: string
  offsets: [Partition, Offset][]
  after?: string
}

export function membersToken({ epoch, seq }: MembersVersion, after?: string): string {
  return encode(after === undefined ? { epoch, seq } : { epoch, seq, after })
}

export function readMembersToken(text: string): (MembersVersion & { after?: string }) | undefined {
  const token = decode(text) as Partial<MembersToken> | undefined
  if (typeof token?.epoch !== 'string' || !isCount(token.seq)) return undefined
  const version = { epoch: token.epoch, seq: token.seq }
  return typeof token.after === 'string' ? { ...version, after: token.after } : version
}

export function groupsToken({ epoch, offsets }: GroupsVersion, after?: SessionId): string {
  const version = { epoch, offsets: [...offsets] }
  return encode(after === undefined ? version : { ...version, after })
}

export function readGroupsToken(text: string): (GroupsVersion & { after?: SessionId }) | undefined {
  const token = decode(text) as Partial<GroupsToken> | undefined
  if (typeof token?.epoch !== 'string' || !Array.isArray(token.offsets)) return undefined
  const pairs = token.offsets.filter(pair => Array.isArray(pair) && pair.length === 2 && pair.every(isOffset))
  const version = { epoch: token.epoch, offsets: new Map(pairs) }
  return typeof token.after === 'string' ? { ...version, after: token.after as SessionId } : version
}

/** The cursor of a question, read; throws where there is one that cannot be. */
export function cursorOf<Token extends { after?: string }>(
  cursor: string | undefined,
  read: (text: string) => Token | undefined,
): Token | undefined {
  if (cursor === undefined) return undefined
  const token = read(cursor)
  if (token?.after === undefined) throw new QuestionFailed('PARAM', 'cursor: not one of this list')
  return token
}

function encode(value: MembersToken | GroupsToken): string {
  return Buffer.from(JSON.stringify(value)).toString('base64url')
}

function decode(text: string): unknown {
  try {
    return JSON.parse(Buffer.from(text, 'base64url').toString('utf8'))
  } catch {
    return undefined
  }
}

function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0
}

function isOffset(value: unknown): boolean {
  return Number.isSafeInteger(value) && (value as number) >= -1
}
