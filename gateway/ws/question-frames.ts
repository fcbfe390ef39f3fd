import type { ContentKind } from '../../schemas/content.ts'
import {
  HISTORY_PAGE_MAX,
  MEMBERS_PAGE_MAX,
  type MessageFilter,
  type QuestionFrame,
  RESUME_SESSIONS_MAX,
  SEARCH_CHARS_MAX,
  SEARCH_PAGE_MAX,
  SESSIONS_PAGE_MAX,
  USERS_ASKED_MAX,
} from '../../schemas/frames.ts'
import type { SessionId } from '../../schemas/ids.ts'
import {
  bad,
  booleanOf,
  countOf,
  type Fields,
  groupOf,
  isAbsent,
  isCount,
  isFields,
  listOf,
  oneOf,
  packIdOf,
  pageOf,
  presentOf,
  requestIdOf,
  SEQ_RULE,
  sessionOf,
  sincePageOf,
  textOf,
  userOf,
} from './frame-fields.ts'

/** Reads the questions of clients, one reader for each type. Every reader throws BadField. */

type FrameOf<Type extends QuestionFrame['type']> = Extract<QuestionFrame, { type: Type }>
type Readers = { [Type in QuestionFrame['type']]: (raw: Fields) => Omit<FrameOf<Type>, 'type' | 'requestId'> }

const READERS: Readers = {
  history: readHistory,
  sessions: raw => sincePageOf(raw, SESSIONS_PAGE_MAX),
  members: raw => ({ sessionId: groupOf(raw), ...sincePageOf(raw, MEMBERS_PAGE_MAX) }),
  outcome: raw => ({ sessionId: sessionOf(raw), packId: packIdOf(raw) }),
  resume: raw => ({ sessions: resumedOf(raw) }),
  ping: () => ({}),
  priority: raw => pageOf(raw, HISTORY_PAGE_MAX),
  groups: raw => sincePageOf(raw, MEMBERS_PAGE_MAX),
  group: raw => ({ sessionId: groupOf(raw) }),
  member: raw => ({ sessionId: groupOf(raw), userId: userOf(raw.userId, 'userId') }),
  joinRequests: raw => ({ sessionId: groupOf(raw), ...pageOf(raw, MEMBERS_PAGE_MAX) }),
  invites: raw => ({ sessionId: groupOf(raw) }),
  friends: raw => sincePageOf(raw, MEMBERS_PAGE_MAX),
  profiles: raw => ({ users: listOf(raw, 'users', profileWanted, { max: USERS_ASKED_MAX }) }),
  findUsers: raw => ({ name: textOf(raw, 'name'), limit: pageOf(raw, USERS_ASKED_MAX).limit }),
  settings: () => ({}),
  receipts: raw => ({ sessionId: sessionOf(raw), seq: countOf(raw, 'seq'), ...pageOf(raw, MEMBERS_PAGE_MAX) }),
  presence: raw => ({
    userIds: listOf(raw, 'userIds', userOf, { max: USERS_ASKED_MAX }),
    ...presentOf(raw, '', { subscribe: booleanOf }),
  }),
  logins: () => ({}),
  watch: raw => ({ sessionId: groupOf(raw), on: booleanOf(raw, 'on') }),
  search: readSearch,
}

export function isQuestionType(type: unknown): type is QuestionFrame['type'] {
  return typeof type === 'string' && Object.hasOwn(READERS, type)
}

export function readQuestionFrame(type: QuestionFrame['type'], raw: Fields): QuestionFrame {
  return { type, requestId: requestIdOf(raw), ...READERS[type](raw) } as QuestionFrame
}

function readHistory(raw: Fields): Omit<FrameOf<'history'>, 'type' | 'requestId'> {
  const sessionId = sessionOf(raw)
  const { limit } = pageOf(raw, HISTORY_PAGE_MAX)
  const { afterSeq, beforeSeq } = raw
  if (isAbsent(afterSeq) === isAbsent(beforeSeq)) throw bad('afterSeq', 'exactly one of afterSeq and beforeSeq')
  if (!isAbsent(afterSeq)) {
    if (!isCount(afterSeq)) throw bad('afterSeq', SEQ_RULE)
    return { sessionId, afterSeq, limit }
  }
  if (!isCount(beforeSeq) || beforeSeq === 0) throw bad('beforeSeq', 'must be a whole number from 1')
  return { sessionId, beforeSeq, limit }
}

/** What can be searched for by its kind: everything that a message holds. */
const CONTENT_KINDS: readonly ContentKind[] = Object.keys({
  Text: true,
  Markdown: true,
  Custom: true,
  Image: true,
  Voice: true,
  Video: true,
  File: true,
  Location: true,
  Card: true,
  MergedForward: true,
} satisfies Record<Exclude<ContentKind, 'Removed'>, true>) as ContentKind[]

function readSearch(raw: Fields): Omit<FrameOf<'search'>, 'type' | 'requestId'> {
  const filter = presentOf<Required<MessageFilter>>(raw, '', {
    words: searchedOf,
    sessionId: (fields, _name, path) => sessionOf(fields, path),
    from: (fields, name, path) => userOf(fields[name], path),
    contentKind: (fields, name, path) => oneOf(fields, name, path, CONTENT_KINDS),
    sinceAt: countOf,
    beforeAt: countOf,
  })
  return { ...filter, ...pageOf(raw, SEARCH_PAGE_MAX) }
}

function searchedOf(fields: Fields, name: string, path: string): string {
  const words = textOf(fields, name, path)
  if (words.length > SEARCH_CHARS_MAX) throw bad(path, `at most ${SEARCH_CHARS_MAX} characters`)
  return words
}

function resumedOf(raw: Fields): FrameOf<'resume'>['sessions'] {
  const seen = new Set<SessionId>()
  return listOf(
    raw,
    'sessions',
    (item, path) => {
      if (!isFields(item)) throw bad(path, 'must be an object')
      const sessionId = sessionOf(item, `${path}.sessionId`)
      const seq = countOf(item, 'seq', `${path}.seq`)
      if (seen.has(sessionId)) throw bad(`${path}.sessionId`, 'named twice')
      seen.add(sessionId)
      return { sessionId, seq }
    },
    { max: RESUME_SESSIONS_MAX },
  )
}

function profileWanted(item: unknown, path: string) {
  if (!isFields(item)) throw bad(path, 'must be an object')
  return { userId: userOf(item.userId, `${path}.userId`), ...presentOf(item, path, { seq: countOf }) }
}
