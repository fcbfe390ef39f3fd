import { createHash } from 'node:crypto'
import { isDeepStrictEqual } from 'node:util'
import type { CodeName } from '../../../schemas/codes.ts'
import type { AcceptedEvent } from '../../../schemas/event.ts'
import type { Seq, UserId } from '../../../schemas/ids.ts'
import { Flag, type Pack, type PackBody, type Rules } from '../../../schemas/pack.ts'
import type { GroupInfo, GroupSettings } from '../../../schemas/settings.ts'
import type { Judgement, Policy } from './policies.ts'
import { MessagePolicy } from './policy-message.ts'

/** The rules of one group (SPEC.md SQ14-SQ17, SQ29-SQ33), written here once more, as a book of who is what. */

interface Invite {
  secretHash: string
  expiresAt: number
  usesLeft: number
}

interface Book {
  owner: UserId
  isDismissed: boolean
  members: Set<UserId>
  admins: Set<UserId>
  info: GroupInfo
  settings: GroupSettings
  requests: Set<UserId>
  mutes: Map<UserId, number>
  lastSlowed: Map<UserId, number>
  invites: Map<string, Invite>
  stays: { userId: UserId; joinSeq: Seq; leaveSeq: Seq }[]
}

const PLAIN: GroupSettings = {
  joinPolicy: 'open',
  addPolicy: 'members',
  historyShown: 'fromJoining',
  mutedAll: false,
  slowModeMs: 0,
  membersMax: 0,
  isPublic: false,
}

/** What only owner and admins do, without anybody else being looked at. */
const RUNNING = ['AnswerJoin', 'UpdateGroupInfo', 'UpdateGroupSettings', 'MuteMember', 'CreateInvite', 'RevokeInvite']
/** What is said in a group, so that a mute is in its way. */
const TALKING = ['SendMessage', 'OverrideMessage', 'AddReaction']

export class GroupPolicy implements Policy {
  private book: Book | undefined
  private readonly messages = new MessagePolicy()

  judge(pack: Pack, at: number, rules: Rules): Judgement {
    const { body, from } = pack
    const { book } = this
    if (body.kind === 'CreateGroup') return this.create(body, from, rules)
    if (book === undefined || book.isDismissed) return only('GROUP_NOT_EXIST')
    if (body.kind === 'JoinGroup') return join(book, body, from, at, rules)
    if (!book.members.has(from)) return only('GROUP_USER_NOT_EXIST')
    const judgement = member(book, body, from, at, rules)
    if (RUNNING.includes(body.kind) && !runs(book, from)) judgement.objections.add('GROUP_NO_PRIVILEGE')
    if (TALKING.includes(body.kind)) talk(book, body, from, at, judgement.objections)
    const sees = (seq: Seq) => book.settings.historyShown === 'all' || seesStay(book, from, seq)
    const message = this.messages.judge(pack, at, rules, { isRunner: runs(book, from), sees })
    return message === undefined
      ? judgement
      : { ...message, objections: new Set([...judgement.objections, ...message.objections]) }
  }

  private create(body: Extract<PackBody, { kind: 'CreateGroup' }>, from: UserId, rules: Rules): Judgement {
    const size = new Set([...body.members, from]).size
    const objections = new Set<CodeName>()
    if (this.book !== undefined) objections.add('GROUP_EXISTS')
    if (size > most(rules, { ...PLAIN, ...body.settings })) objections.add('MEMBER_LIMIT')
    return { objections }
  }

  took(event: AcceptedEvent): void {
    const { body, from, flags, at, seq } = event
    this.messages.took(event)
    if (body.kind === 'GroupCreated') {
      this.book = {
        owner: from,
        isDismissed: false,
        members: new Set([from, ...body.members]),
        admins: new Set(),
        info: body.info,
        settings: { ...PLAIN, ...body.settings },
        requests: new Set(),
        mutes: new Map(),
        lastSlowed: new Map(),
        invites: new Map(),
        stays: [from, ...body.members].map(userId => ({ userId, joinSeq: seq, leaveSeq: Number.POSITIVE_INFINITY })),
      }
    }
    if (this.book === undefined) return
    if (body.kind === 'MessageAccepted' && (flags & Flag.SLOWED) !== 0) this.book.lastSlowed.set(from, at)
    write(this.book, body, from, seq)
  }
}

function seesStay({ stays }: Book, from: UserId, seq: Seq): boolean {
  return stays.some(({ userId, joinSeq, leaveSeq }) => userId === from && joinSeq <= seq && seq <= leaveSeq)
}

function only(code: CodeName): Judgement {
  return { objections: new Set([code]) }
}

function runs(book: Book, userId: UserId): boolean {
  return book.owner === userId || book.admins.has(userId)
}

/** True where the first stands above the second. */
function isAbove(book: Book, one: UserId, other: UserId): boolean {
  if (one === book.owner) return other !== book.owner
  return book.admins.has(one) && other !== book.owner && !book.admins.has(other)
}

function isOpen({ invites }: Book, inviteId: string, at: number): boolean {
  const invite = invites.get(inviteId)
  return invite !== undefined && at < invite.expiresAt && invite.usesLeft > 0
}

function most(rules: Rules, { membersMax }: GroupSettings): number {
  return membersMax === 0 ? rules.groupMembersMax : Math.min(membersMax, rules.groupMembersMax)
}

function join(
  book: Book,
  { invite }: Extract<PackBody, { kind: 'JoinGroup' }>,
  from: UserId,
  at: number,
  rules: Rules,
): Judgement {
  const objections = new Set<CodeName>()
  const { joinPolicy } = book.settings
  if (book.members.has(from)) objections.add('ALREADY_MEMBER')
  if (book.members.size + 1 > most(rules, book.settings)) objections.add('MEMBER_LIMIT')
  if (invite !== undefined) {
    const hash = createHash('sha256').update(invite.secret).digest('hex')
    const isRight = book.invites.get(invite.inviteId)?.secretHash === hash
    if (!isRight || !isOpen(book, invite.inviteId, at)) objections.add('INVITE_INVALID')
  } else if (joinPolicy === 'inviteOnly') {
    objections.add('GROUP_NO_PRIVILEGE')
  } else if (joinPolicy === 'approval' && book.requests.has(from)) {
    objections.add('MSG_REPEATED')
  }
  const due = invite === undefined && joinPolicy === 'approval' ? 'JoinRequested' : 'MemberJoined'
  return { objections, fault: ({ body }) => (body.kind === due ? undefined : `due is ${due}`) }
}

/** The rules of what a member asks for, but for those of RUNNING and TALKING. */
function member(book: Book, body: PackBody, from: UserId, at: number, rules: Rules): Judgement {
  const objections = new Set<CodeName>()
  const object = (code: CodeName, holds: boolean) => {
    if (holds) objections.add(code)
  }
  switch (body.kind) {
    case 'QuitGroup': {
      const isLast = book.members.size === 1
      object('CREATOR_ERROR', book.owner === from && !isLast)
      return {
        objections,
        fault: event => (isLast === (event.body.kind === 'GroupDismissed') ? undefined : 'who is left'),
      }
    }
    case 'DismissGroup':
      object('GROUP_NO_PRIVILEGE', book.owner !== from)
      return { objections }
    case 'AddMembers': {
      const due = [...new Set(body.userIds)].filter(userId => !book.members.has(userId))
      object('GROUP_NO_PRIVILEGE', book.settings.addPolicy === 'admins' && !runs(book, from))
      object('ALREADY_MEMBER', due.length === 0)
      object('MEMBER_LIMIT', book.members.size + due.length > most(rules, book.settings))
      return { objections, fault: names(due) }
    }
    case 'RemoveMembers': {
      const due = [...new Set(body.userIds)].filter(userId => book.members.has(userId))
      object('GROUP_NO_PRIVILEGE', !runs(book, from))
      object(
        'GROUP_NO_PRIVILEGE',
        due.some(userId => userId !== book.owner && !isAbove(book, from, userId)),
      )
      object('CREATOR_ERROR', due.includes(book.owner))
      object('GROUP_USER_NOT_EXIST', due.length === 0)
      return { objections, fault: names(due) }
    }
    case 'AnswerJoin': {
      object('REQUEST_NOT_EXIST', !book.requests.has(body.userId))
      object('MEMBER_LIMIT', body.approved && book.members.size + 1 > most(rules, book.settings))
      const due = body.approved ? 'MembersAdded' : 'JoinRefused'
      return { objections, fault: event => (event.body.kind === due ? undefined : `due is ${due}`) }
    }
    case 'SetRole': {
      const members = [...new Set(body.userIds)].filter(userId => book.members.has(userId))
      const due = members.filter(userId => book.admins.has(userId) !== (body.role === 'admin'))
      object('GROUP_NO_PRIVILEGE', book.owner !== from)
      object('GROUP_USER_NOT_EXIST', members.length === 0)
      object('CREATOR_ERROR', members.includes(from))
      object('MSG_REPEATED', due.length === 0)
      object('LIMIT_REACHED', body.role === 'admin' && book.admins.size + due.length > rules.groupAdminsMax)
      return { objections, fault: names(due) }
    }
    case 'ChangeOwner':
      object('GROUP_NO_PRIVILEGE', book.owner !== from)
      object('CREATOR_ERROR', body.userId === from)
      object('GROUP_USER_NOT_EXIST', !book.members.has(body.userId))
      return { objections }
    case 'MuteMember':
      object('GROUP_USER_NOT_EXIST', !book.members.has(body.userId))
      object('CREATOR_ERROR', body.userId === book.owner)
      object('GROUP_NO_PRIVILEGE', body.userId !== book.owner && !isAbove(book, from, body.userId))
      return { objections }
    case 'SetAlias': {
      const target = body.userId ?? from
      object('GROUP_USER_NOT_EXIST', !book.members.has(target))
      object('CREATOR_ERROR', target !== from && target === book.owner)
      object('GROUP_NO_PRIVILEGE', target !== from && target !== book.owner && !isAbove(book, from, target))
      return { objections }
    }
    case 'RevokeInvite':
      object('INVITE_INVALID', !isOpen(book, body.inviteId, at))
      return { objections }
    case 'UpdateGroupInfo':
      return { objections, fault: event => patched(event, 'info', merged(book.info, body.info)) }
    case 'UpdateGroupSettings':
      return { objections, fault: event => patched(event, 'settings', { ...book.settings, ...body.settings }) }
    default:
      return { objections }
  }
}

function talk(book: Book, body: PackBody, from: UserId, at: number, objections: Set<CodeName>): void {
  const { mutedAll, slowModeMs } = book.settings
  if (mutedAll && !runs(book, from)) objections.add('MUTED')
  if (from !== book.owner && (book.mutes.get(from) ?? 0) > at) objections.add('MUTED')
  if (body.kind !== 'SendMessage') return
  const last = book.lastSlowed.get(from)
  if (slowModeMs > 0 && !runs(book, from) && last !== undefined && at < last + slowModeMs) objections.add('SLOW_MODE')
  if (body.extra?.mentionsAll === true && !runs(book, from)) objections.add('GROUP_NO_PRIVILEGE')
}

/** The event must name exactly these users. */
function names(due: readonly UserId[]): Judgement['fault'] {
  return ({ body }) => {
    const named = 'userIds' in body ? body.userIds : []
    return isDeepStrictEqual([...named].sort(), [...due].sort()) ? undefined : `due are ${due.join(' ')}`
  }
}

/** Attributes of a patch replace those of their name; an empty one removes it. */
function merged(before: GroupInfo, patch: Partial<GroupInfo>): GroupInfo {
  const { attributes, ...rest } = { ...before, ...patch }
  const values = new Map(before.attributes?.map(({ name, value }) => [name, value]))
  for (const { name, value } of patch.attributes ?? []) values.set(name, value)
  const left = [...values].filter(([, value]) => value !== '').sort(([a], [b]) => (a < b ? -1 : 1))
  return left.length === 0 ? rest : { ...rest, attributes: left.map(([name, value]) => ({ name, value })) }
}

function patched({ body }: AcceptedEvent, field: 'info' | 'settings', due: object): string | undefined {
  const said = (body as unknown as Record<string, unknown>)[field]
  return isDeepStrictEqual(plain(said), plain(due)) ? undefined : `due is ${JSON.stringify(due)}`
}

/** Without the classes that a codec gives its records, and without what is undefined. */
function plain(value: unknown): unknown {
  return JSON.parse(JSON.stringify(value))
}

/** What an event has made of the group. */
function write(book: Book, body: AcceptedEvent['body'], from: UserId, seq: Seq): void {
  const enter = (userId: UserId) => {
    book.members.add(userId)
    book.stays.push({ userId, joinSeq: seq, leaveSeq: Number.POSITIVE_INFINITY })
    book.requests.delete(userId)
  }
  const leave = (userId: UserId) => {
    book.members.delete(userId)
    for (const stay of book.stays) if (stay.userId === userId) stay.leaveSeq = Math.min(stay.leaveSeq, seq)
    book.admins.delete(userId)
  }
  switch (body.kind) {
    case 'MemberJoined':
      enter(from)
      if (body.inviteId !== undefined) book.invites.get(body.inviteId)!.usesLeft--
      return
    case 'MembersAdded':
      body.userIds.forEach(enter)
      return
    case 'MemberQuit':
      leave(from)
      return
    case 'MembersRemoved':
      body.userIds.forEach(leave)
      return
    case 'GroupDismissed':
      book.isDismissed = true
      return
    case 'GroupInfoUpdated':
      book.info = body.info
      return
    case 'GroupSettingsUpdated':
      book.settings = body.settings
      return
    case 'OwnerChanged':
      book.owner = body.userId
      book.admins.delete(body.userId)
      return
    case 'RolesSet':
      for (const userId of body.userIds) body.role === 'admin' ? book.admins.add(userId) : book.admins.delete(userId)
      return
    case 'JoinRequested':
      book.requests.add(from)
      return
    case 'JoinRefused':
      book.requests.delete(body.userId)
      return
    case 'MemberMuted':
      book.mutes.set(body.userId, body.until)
      return
    case 'InviteCreated':
      book.invites.set(body.inviteId, { ...body, usesLeft: body.usesMax })
      return
    case 'InviteRevoked':
      book.invites.delete(body.inviteId)
      return
  }
}
