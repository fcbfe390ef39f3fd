import { factSum, SUM_MODULUS } from '../infra/redis/key-sums.ts'
import { hotTime } from '../processors/history/history-store.ts'
import type { Seq, SessionId, UserId } from '../schemas/ids.ts'
import type { Kept } from './compare-history.ts'
import type { PartitionFold, SessionFold } from './fold.ts'
import type { KeptFold } from './fold-reading.ts'
import { isKept } from './users.ts'
import type { Place, ViewSums } from './view-sums.ts'

/**
 * What the views must hold, as sums of facts: the same facts that processors/history/sum-keys.lua and
 * processors/membership/sum-keys.lua make of what is stored. All that compare-history.ts, compare-membership.ts and users.ts
 * compare is in them, so that equal sums stand for an equal comparison; a sum that differs proves nothing, because a view
 * may be right in another way (what it has dropped by its limits, what it has learnt since): that is compared row by row.
 * Of friends and of a user's own facts the sums only say that there are any: those are always compared row by row.
 */
export interface ExpectedOptions {
  kept: Kept
  views: { history: boolean; membership: boolean }
}

/** Adds what a partition says of sessions and of users. */
export function expectPartition(fold: PartitionFold, options: ExpectedOptions, sums: ViewSums): void {
  const expected = new Expected(sums, options)
  for (const session of fold.sessions.values()) expected.session(session, fold)
  for (const { userId, partition, offset, at, json } of fold.told) {
    expected.history(expected.user(userId), `told ${partition}/${offset}/${json}/${at}`)
  }
  for (const refusal of fold.refusals) {
    if (!isKept(refusal)) continue
    const { userId, packId, sessionId, code, at } = refusal
    expected.history(expected.user(userId), `refusal ${packId}/${sessionId}/${code}/${at}`)
  }
  for (const [userId, own] of fold.people.own) {
    if (own.size > 0) expected.membership(sums.placeOf(tagOf(userId)), 'own')
  }
}

/** Adds that these users have, or had, friends or are asked for it. */
export function expectFriends(userIds: Iterable<UserId>, options: ExpectedOptions, sums: ViewSums): void {
  const expected = new Expected(sums, options)
  for (const userId of userIds) expected.membership(sums.placeOf(tagOf(userId)), 'friends')
}

export function tagOf(userId: UserId): string {
  return `u:${userId}`
}

class Expected {
  private readonly sums: ViewSums
  private readonly options: ExpectedOptions

  constructor(sums: ViewSums, options: ExpectedOptions) {
    this.sums = sums
    this.options = options
  }

  /** Where the sums of a user are, of whom the log says something. */
  user(userId: UserId): Place {
    const place = this.sums.placeOf(tagOf(userId))
    this.sums.noteUser(place)
    return place
  }

  history(place: Place, fact: string): void {
    if (this.options.views.history) this.sums.expect('history', place, factSum(fact))
  }

  membership(place: Place, fact: string): void {
    if (this.options.views.membership) this.sums.expect('membership', place, factSum(fact))
  }

  session(session: SessionFold, { partition, newestAt }: Pick<PartitionFold, 'partition' | 'newestAt'>): void {
    const { sessionId, kind } = session
    const { views, kept } = this.options
    const place = this.sums.placeOf(sessionId)
    this.sums.noteSession(place, partition)
    if (views.history) this.sums.expect('history', place, historySum(session, { kept, newestAt }))
    if (kind.kind === 'Group') {
      if (views.membership) this.sums.expect('membership', place, groupSum(session))
      this.members(session)
    }
    if (kind.kind === 'Single') for (const userId of [kind.a, kind.b]) this.seen(this.user(userId), session)
    if (kind.kind === 'Notify') this.seen(this.user(kind.user), session)
    if (kind.kind === 'User') {
      this.sums.noteUser(place)
      for (const [about, own] of session.reading.kept) {
        for (const fact of keptFacts(about, own)) this.history(place, fact)
      }
    }
  }

  private seen(user: Place, { sessionId, at }: Pick<SessionFold, 'sessionId' | 'at'>): void {
    this.history(user, `hot ${sessionId}/${hotTime(at)}`)
  }

  private members(session: SessionFold): void {
    const { sessionId, at, dismissedSeq, group } = session
    for (const [userId, { left, metLarge, stays }] of session.people) {
      const user = this.user(userId)
      if (metLarge) this.history(user, `large ${sessionId}`)
      else this.seen(user, { sessionId, at: left?.at ?? at })
      const stay = left === undefined && dismissedSeq === 0 ? stays.at(-1) : undefined
      if (stay === undefined) continue
      this.membership(user, `group ${sessionId}=${stay.joinSeq}`)
      const role = group.roleOf(userId)
      if (role !== 'member') this.membership(user, `role ${sessionId}=${role}`)
    }
  }
}

/** The part of a session in the history view. */
export function historySum(session: SessionFold, limits: { kept: Kept; newestAt: number }): number {
  const { reading, lastSeq, count, at, largeSince } = session
  const firstSeq = firstKept(session, limits)
  let text = `${lastSeq}/${count}/${at}\n${firstSeq}\n${largeSince}`
  for (let seq = firstSeq; seq <= lastSeq; seq++) {
    const frame = reading.frame(seq)
    if (frame !== undefined)
      text += `\n${frame.json}\np${frame.packId}/${frame.from}\n${seq}/${frame.count}/${frame.at}`
  }
  const sum = new Sum().add(text)
  for (const [userId, mark] of reading.marks) sum.add(`m${userId}=${mark.seq}/${mark.count}`)
  for (const [userId, seq] of reading.delivered) sum.add(`d${userId}=${seq}`)
  for (const [seq, ofMessage] of reading.reactions) {
    const reactions = [...ofMessage].filter(([, users]) => users.length > 0)
    if (seq >= firstSeq && reactions.length > 0) sum.add(`r${seq}=${JSON.stringify(reactions)}`)
  }
  for (const seq of reading.stopped) sum.add(`stopped ${seq}`)
  for (const { seq, whom } of reading.mentions) sum.add(`mention ${seq}/${whom}`)
  for (const urgent of reading.urgent) {
    sum.add(`urgent ${urgent.seq}/${urgent.at}/${urgent.offset}`)
    sum.add(`q${urgent.seq}=${reading.frame(urgent.seq)?.json}`)
  }
  for (const [userId, { left }] of session.people) {
    if (left !== undefined) sum.add(`left ${userId}/${left.seq}/${left.count}/${left.at}`)
  }
  for (const [userId] of session.members()) sum.add(`member ${userId}`)
  return sum.value
}

/** The first event that history keeps once it has dropped all that its limits let it drop. */
function firstKept(session: SessionFold, { kept, newestAt }: { kept: Kept; newestAt: number }): Seq {
  const { firstSeq, lastSeq, times } = session
  let first = Math.max(firstSeq, lastSeq - kept.eventsPerSessionMax + 1)
  while (first <= lastSeq && times[first - firstSeq]! < newestAt - kept.eventAgeMs) first++
  return first
}

/** The part of a group in the membership view. */
export function groupSum(session: SessionFold): number {
  const { group, createdSeq, dismissedSeq } = session
  const { owner, info, settings } = group
  const settingsJson = settings === undefined ? '' : JSON.stringify(settings)
  const sum = new Sum().add(`head ${createdSeq}\n${dismissedSeq}\n${owner}\n${JSON.stringify(info)}\n${settingsJson}`)
  for (const [userId, { stays }] of session.people) {
    const texts = stays.map(({ joinSeq, leaveSeq }) => `+${joinSeq}${leaveSeq === undefined ? '' : `-${leaveSeq}`}`)
    sum.add(`stays ${userId}=${texts.join('')}`)
  }
  for (const [userId] of session.members()) {
    sum.add(`present ${userId}`)
    const role = group.roleOf(userId)
    if (role !== 'member') sum.add(`role ${userId}=${role}`)
  }
  for (const [userId, alias] of group.aliases) if (alias !== '') sum.add(`alias ${userId}=${alias}`)
  for (const [userId, until] of group.mutes) if (until !== 0) sum.add(`mute ${userId}=${until}`)
  for (const [userId, { at, message }] of group.requests) sum.add(`request ${userId}=${at} ${message ?? ''}`)
  for (const [inviteId, { by, expiresAt, usesMax, uses }] of group.invites) {
    sum.add(`invite ${inviteId}=${uses} ${by} ${expiresAt} ${usesMax}`)
  }
  return sum.value
}

function keptFacts(sessionId: SessionId, { attributes, read, cleared, hidden }: KeptFold): string[] {
  const facts: string[] = []
  if (attributes !== undefined) facts.push(`kept a${sessionId}/${JSON.stringify(attributes)}`)
  if (read.seq > 0) facts.push(`kept m${sessionId}/${read.seq}/${read.count}`)
  if (cleared.seq > 0) facts.push(`kept c${sessionId}/${cleared.seq}/${cleared.count}`)
  if (hidden.length > 0) facts.push(`kept x${sessionId}/${hidden.join(',')}`)
  return facts
}

class Sum {
  value = 0

  add(fact: string): this {
    this.value = (this.value + factSum(fact)) % SUM_MODULUS
    return this
  }
}
