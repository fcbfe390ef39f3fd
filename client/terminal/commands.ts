import type { SessionId, UserId } from '../../schemas/ids.ts'
import type { InviteUse } from '../../schemas/pack.ts'
import { BadArguments, targetSession, userList } from './arguments.ts'
import { GROUP_COMMANDS_HELP, parseGroupCommand, type RunCommand } from './group-commands.ts'
import { MESSAGE_COMMANDS_HELP, type MessageCommand, parseMessageCommand } from './message-commands.ts'
import { PEOPLE_COMMANDS_HELP, type PeopleCommand, parsePeopleCommand } from './people-commands.ts'
import { parseReadingCommand, READING_COMMANDS_HELP, type ReadingCommand } from './reading-commands.ts'
import { parseSearchCommand, SEARCH_COMMAND_HELP, type SearchCommand } from './search-command.ts'

/** What a typed line means. */
export type Command =
  | { kind: 'Say'; text: string }
  | { kind: 'Open'; sessionId: SessionId }
  | { kind: 'Join'; sessionId: SessionId | undefined; invite?: InviteUse }
  | { kind: 'Watch'; sessionId: SessionId | undefined; on: boolean }
  | RunCommand
  | { kind: 'Quit' }
  | { kind: 'Dismiss' }
  | { kind: 'Add'; userIds: UserId[] }
  | { kind: 'Remove'; userIds: UserId[] }
  | { kind: 'Members' }
  | { kind: 'History'; limit: number }
  | { kind: 'Sessions' }
  | MessageCommand
  | ReadingCommand
  | PeopleCommand
  | SearchCommand
  | { kind: 'Help' }
  | { kind: 'Exit' }
  | { kind: 'Nothing' }
  | { kind: 'Wrong'; message: string }

/** Messages that /history shows unless told otherwise, and at most. */
export const HISTORY_LINES = 20
const HISTORY_LINES_MAX = 200

export const COMMANDS_HELP = `/open USER or g:GROUP   go to another conversation
/sessions               your conversations, newest first
/history [N]            N older messages (${HISTORY_LINES})
${MESSAGE_COMMANDS_HELP}
${READING_COMMANDS_HELP}
${SEARCH_COMMAND_HELP}
/members                who is in this group
/join [g:GROUP]         join a group and go there; /join g:GROUP ID SECRET uses an invite
/add USER ...           add people to this group
/remove USER ...        remove people from this group
/quit                   leave this group
/dismiss                end this group for everyone
${GROUP_COMMANDS_HELP}
${PEOPLE_COMMANDS_HELP}
/exit                   end the program
//TEXT                  say something that begins with a /`

/** Reads a typed line. */
export function parseCommand(line: string, me: UserId): Command {
  const text = line.trim()
  if (text === '') return { kind: 'Nothing' }
  if (text.startsWith('//')) return { kind: 'Say', text: text.slice(1) }
  if (!text.startsWith('/')) return { kind: 'Say', text }
  const [name = '', ...words] = text.slice(1).split(/\s+/)
  try {
    const rest = text.slice(1 + name.length)
    return (
      parseMessageCommand(name, rest) ??
      parseReadingCommand(name, rest) ??
      parseSearchCommand(name, rest, me) ??
      parsePeopleCommand(name, rest, me) ??
      parseNamed(name, words, me)
    )
  } catch (error) {
    if (error instanceof BadArguments) return { kind: 'Wrong', message: error.message }
    throw error
  }
}

function parseNamed(name: string, words: readonly string[], me: UserId): Command {
  switch (name) {
    case 'open':
      if (words[0] === undefined) throw new BadArguments('/open USER or g:GROUP')
      return { kind: 'Open', sessionId: targetSession(words[0], me) }
    case 'join':
      return joinOf(words, me)
    case 'watch':
    case 'unwatch':
      return {
        kind: 'Watch',
        sessionId: words[0] === undefined ? undefined : groupOf(words[0], me),
        on: name === 'watch',
      }
    case 'quit':
      return { kind: 'Quit' }
    case 'dismiss':
      return { kind: 'Dismiss' }
    case 'add':
      return { kind: 'Add', userIds: someUsers(name, words) }
    case 'remove':
      return { kind: 'Remove', userIds: someUsers(name, words) }
    case 'members':
      return { kind: 'Members' }
    case 'history':
      return { kind: 'History', limit: historyLimit(words[0]) }
    case 'sessions':
      return { kind: 'Sessions' }
    case 'help':
      return { kind: 'Help' }
    case 'exit':
      return { kind: 'Exit' }
    default: {
      const command = parseGroupCommand(name, words)
      if (command === undefined) throw new BadArguments(`there is no /${name}: /help lists what there is`)
      return command
    }
  }
}

function joinOf([group, inviteId, secret]: readonly string[], me: UserId): Command {
  const sessionId = group === undefined ? undefined : groupOf(group, me)
  if (inviteId === undefined) return { kind: 'Join', sessionId }
  if (secret === undefined) throw new BadArguments('/join g:GROUP ID SECRET')
  return { kind: 'Join', sessionId, invite: { inviteId, secret } }
}

function groupOf(word: string, me: UserId): SessionId {
  return targetSession(word.startsWith('g:') ? word : `g:${word}`, me)
}

function someUsers(name: string, words: readonly string[]): UserId[] {
  const userIds = userList(words.flatMap(word => word.split(',')))
  if (userIds.length === 0) throw new BadArguments(`/${name} USER ...`)
  return userIds
}

function historyLimit(word: string | undefined): number {
  if (word === undefined) return HISTORY_LINES
  const limit = Number(word)
  if (Number.isInteger(limit) && limit >= 1 && limit <= HISTORY_LINES_MAX) return limit
  throw new BadArguments(`/history takes a number from 1 to ${HISTORY_LINES_MAX}`)
}
