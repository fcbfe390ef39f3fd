import type { Millis } from '../infra/clock.ts'
import type { Content, MessageExtra } from '../schemas/content.ts'
import type { EventFrame } from '../schemas/frames.ts'
import type { PackId, Seq, SessionId, UserId } from '../schemas/ids.ts'
import type { Attribute, GroupInfo, Profile, UserSettings } from '../schemas/settings.ts'
import type { ArchiveReader, SentPlace } from './archive/archive-reader.ts'
import type { MembershipReader } from './membership/membership-store.ts'
import type { FriendEntry, PeopleReader } from './membership/people-store.ts'

/** One fact about a user, as a line of an export has it. Times are milliseconds since the epoch, UTC. */
export type ExportLine =
  | { kind: 'Profile'; userId: UserId; profile?: Profile; settings: UserSettings; attributes: Attribute[] }
  | { kind: 'Group'; sessionId: SessionId; info: GroupInfo; owner: UserId; role: string; alias?: string; joinSeq: Seq }
  | ({ kind: 'Friend' } & FriendEntry)
  | ExportedMessage

/** A message that the user sent: its content now, Removed where it was taken back or erased. */
export interface ExportedMessage {
  kind: 'Message'
  sessionId: SessionId
  seq: Seq
  packId: PackId
  at: Millis
  content: Content
  extra?: MessageExtra
  /** How often the content was changed. */
  edits: number
}

export interface ExportSources {
  people: Pick<PeopleReader, 'profiles' | 'own' | 'friends'>
  membership: Pick<MembershipReader, 'groupsFor'>
  archive: Pick<ArchiveReader, 'sentBy' | 'messagesAt'>
}

/** Entries that are asked for at once. */
export const EXPORT_PAGE = 200

/**
 * Everything that is kept of a user and belongs to them: the profile with settings and attributes, the groups that they are
 * in, friends, requests and blocks, and the messages that they sent, by session and seq. What others wrote is not theirs.
 * Views move meanwhile: each line is true of the moment at which it was read. Rejects when a store cannot be reached.
 */
export async function* exportUser(userId: UserId, sources: ExportSources): AsyncGenerator<ExportLine> {
  yield* standingOf(userId, sources)
  let after: SentPlace | undefined
  do {
    const page = await messagesOf(userId, after, sources.archive)
    yield* page.messages
    after = page.next
  } while (after !== undefined)
}

/** What comes before the messages: who the user is, and whom they have to do with. */
export async function* standingOf(
  userId: UserId,
  { people, membership }: Pick<ExportSources, 'people' | 'membership'>,
): AsyncGenerator<ExportLine> {
  yield await profileOf(userId, people)
  yield* groupsOf(userId, membership)
  yield* friendsOf(userId, people)
}

/** The messages behind a place, a page of them; `next` is the place behind which the next page begins, where there is one. */
export async function messagesOf(
  userId: UserId,
  after: SentPlace | undefined,
  archive: ExportSources['archive'],
): Promise<{ messages: ExportedMessage[]; next?: SentPlace }> {
  const places = await archive.sentBy({ userId, ...(after && { after }), limit: EXPORT_PAGE })
  const { events, changes } = await archive.messagesAt(places)
  const changesOf = changesByTarget(changes)
  const byPlace = new Map(events.map(event => [placeKey(event), event]))
  const messages = places.flatMap(place => {
    const event = byPlace.get(placeKey(place))
    if (event?.body.kind !== 'MessageAccepted') return []
    return [exportedMessage(event, event.body, changesOf.get(placeKey(place)) ?? [])]
  })
  return places.length < EXPORT_PAGE ? { messages } : { messages, next: places.at(-1)! }
}

async function profileOf(userId: UserId, people: ExportSources['people']): Promise<ExportLine> {
  const [[entry], { settings, attributes }] = await Promise.all([people.profiles([userId]), people.own(userId)])
  return { kind: 'Profile', userId, ...(entry && { profile: entry.profile }), settings, attributes }
}

async function* groupsOf(userId: UserId, membership: ExportSources['membership']): AsyncGenerator<ExportLine> {
  let cursor: SessionId | undefined
  do {
    const page = await membership.groupsFor({ userId, ...(cursor && { cursor }), limit: EXPORT_PAGE })
    for (const { sessionId, info, owner, me } of page.groups) {
      if (me === undefined) continue
      const { role, alias, joinSeq } = me
      yield { kind: 'Group', sessionId, info, owner, role, joinSeq, ...(alias !== undefined && { alias }) }
    }
    cursor = page.cursor
  } while (cursor !== undefined)
}

async function* friendsOf(userId: UserId, people: ExportSources['people']): AsyncGenerator<ExportLine> {
  let cursor: string | undefined
  do {
    const page = await people.friends({ userId, ...(cursor !== undefined && { cursor }), limit: EXPORT_PAGE })
    for (const friend of page.friends) yield { kind: 'Friend', ...friend }
    cursor = page.cursor
  } while (cursor !== undefined)
}

function placeKey({ sessionId, seq }: SentPlace): string {
  return `${sessionId} ${seq}`
}

function changesByTarget(changes: readonly EventFrame[]): ReadonlyMap<string, EventFrame[]> {
  const byTarget = new Map<string, EventFrame[]>()
  for (const change of changes) {
    const { sessionId, body } = change
    if (!('target' in body)) continue
    const key = placeKey({ sessionId, seq: body.target.seq })
    byTarget.set(key, [...(byTarget.get(key) ?? []), change])
  }
  return byTarget
}

/** The message with what became of it; `changes` ascending by seq. */
function exportedMessage(
  { sessionId, seq, packId, at }: EventFrame,
  sent: { content: Content; extra?: MessageExtra },
  changes: readonly EventFrame[],
): ExportedMessage {
  let { content, extra } = sent
  let edits = 0
  for (const { body } of [...changes].sort((a, b) => a.seq - b.seq)) {
    if (body.kind === 'MessageOverridden') {
      edits++
      content = body.content
      extra = body.extra
    }
    if (body.kind === 'MessageRevoked' || body.kind === 'MessageDeleted') {
      content = { kind: 'Removed' }
      extra = undefined
    }
  }
  return { kind: 'Message', sessionId, seq, packId, at, content, ...(extra && { extra }), edits }
}

/** A line of an export as it is written: NDJSON. */
export function exportText(line: ExportLine): string {
  return `${JSON.stringify(line)}\n`
}
