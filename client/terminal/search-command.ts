import type { ContentKind } from '../../schemas/content.ts'
import type { EventFrame, MessageFilter } from '../../schemas/frames.ts'
import { isUserId, type UserId } from '../../schemas/ids.ts'
import { BadArguments, targetSession } from './arguments.ts'
import { dim, eventLine, type Style, sessionLabel } from './render.ts'

/** What is typed to find messages: /search. */
export interface SearchCommand {
  kind: 'Search'
  filter: MessageFilter
}

export const SEARCH_COMMAND_HELP = `/search WORDS           your messages with all of these words; "in quotes" as they stand
/search from:USER in:USER|g:GROUP kind:Image WORDS   only from somebody, in one conversation, of a kind`

const USAGE = '/search [from:USER] [in:USER or in:g:GROUP] [kind:KIND] WORDS'

/** What follows the name of the command; undefined where it is another one. Throws BadArguments. */
export function parseSearchCommand(name: string, rest: string, me: UserId): SearchCommand | undefined {
  if (name !== 'search') return undefined
  const filter: MessageFilter = {}
  const words: string[] = []
  for (const piece of rest.match(/"[^"]*"|\S+/g) ?? []) {
    const [, key, value] = /^(from|in|kind):(.+)$/.exec(piece) ?? []
    if (value === undefined) words.push(piece)
    else if (key === 'from') {
      if (!isUserId(value)) throw new BadArguments(USAGE)
      filter.from = value
    } else if (key === 'in') filter.sessionId = targetSession(value, me)
    else filter.contentKind = value as ContentKind
  }
  if (words.length > 0) filter.words = words.join(' ')
  if (filter.words === undefined && filter.from === undefined && filter.contentKind === undefined) {
    throw new BadArguments(USAGE)
  }
  return { kind: 'Search', filter }
}

/** One message that was found, with where it stands. */
export function foundLine(event: EventFrame, style: Style): string {
  return `${dim(`(${sessionLabel(event.sessionId, style.me)})`, style)} ${eventLine(event, style)}`
}
