import type { Millis } from '../../infra/clock.ts'
import type { Content } from '../../schemas/content.ts'
import type { EventBody } from '../../schemas/event.ts'
import type { EventFrame, MemberSummary, SessionSummary } from '../../schemas/frames.ts'
import type { SessionId, UserId } from '../../schemas/ids.ts'
import type { AnswerTo } from '../network/questions.ts'
import { relationText } from './people-commands.ts'

/** How things look; pure text in, text out. With `colour` false no escape sequence is written. */
export interface Style {
  colour: boolean
  me: UserId
}

const RESET = '\u001b[0m'
const DIM = '\u001b[2m'
const BOLD = '\u001b[1m'
const RED = '\u001b[31m'
/** Colours of names: readable on dark and light ground. */
const NAME_COLOURS = [32, 33, 34, 35, 36, 91, 92, 94, 95, 96]

export function dim(text: string, { colour }: Style): string {
  return colour ? DIM + text + RESET : text
}

export function alarm(text: string, { colour }: Style): string {
  return colour ? RED + text + RESET : text
}

/** One event of the open conversation: time, seq, who, what. */
export function eventLine(event: EventFrame, style: Style): string {
  const head = dim(`${clockTime(event.at)} #${event.seq}`, style)
  if (event.body.kind !== 'MessageAccepted') return `${head} ${dim(`* ${happening(event, style)}`, style)}`
  const rest = dim(afterwards(event), style)
  return `${head} ${userName(event.from, style)}: ${message(event.body)}${rest}`
}

/** What an event without a place in a conversation says to the user; undefined where that is nothing. */
export function asideLine(event: EventFrame, style: Style): string | undefined {
  const { body, from, sessionId } = event
  if (from === style.me || sessionId.startsWith('u:') || body.kind === 'DeliveredMarked') return undefined
  if (body.kind === 'ReadMarked') return `${readIn(sessionId, from)} up to #${body.seq}`
  return `${sessionLabel(sessionId, style.me)}: ${happening(event, style)}`
}

function readIn(sessionId: SessionId, from: UserId): string {
  return sessionId.startsWith('g:') ? `${from} has read ${sessionId}` : `${from} has read`
}

/** Who has read a message. */
export function readersLine({ seq, readCount, memberCount, readers }: AnswerTo<'receipts'>): string {
  const names = readers.length === 0 ? '' : `: ${readers.join(', ')}`
  return `#${seq} was read by ${readCount} of ${memberCount}${names}`
}

/** One event of another conversation, with how many of its messages are unread. */
export function elsewhereLine(event: EventFrame, unread: number, style: Style): string {
  const what = event.body.kind === 'MessageAccepted' ? message(event.body) : happening(event, style)
  const where = `${sessionLabel(event.sessionId, style.me)}, ${unread} unread`
  return dim(`${clockTime(event.at)} (${where}) ${event.from}: ${what}`, style)
}

/** An own message that has no answer yet. */
export function sendingLine(text: string, style: Style): string {
  return dim(`sending... ${visible(text)}`, style)
}

export function sessionLine(session: SessionSummary, style: Style): string {
  const { sessionId, lastSeq, unread, at, last, mentions = 0, attributes } = session
  const named = mentions > 0 ? `, ${mentions} for you` : ''
  const pinned = attributes?.pinned === true ? ' pinned' : ''
  const mark = unread > 0 ? ` ${style.colour ? BOLD : ''}${unread} unread${named}${style.colour ? RESET : ''}` : ''
  const shown = last?.body.kind === 'MessageAccepted' ? ` ${last.from}: ${message(last.body)}` : ''
  return `  ${sessionLabel(sessionId, style.me)} (#${lastSeq}, ${clockTime(at)})${pinned}${mark}${dim(shown.slice(0, 60), style)}`
}

export function memberLine({ userId, role, alias }: MemberSummary, style: Style): string {
  const called = alias === undefined ? '' : `, called ${visible(alias)}`
  return `  ${userName(userId, style)}${role === 'member' ? '' : ` (${role})`}${called}`
}

/** `bob` for a single chat with bob, the session id for a group. */
export function sessionLabel(sessionId: SessionId, me: UserId): string {
  const [prefix, a, b] = sessionId.split(':')
  if (prefix !== 's') return sessionId
  return (a === me ? b : a) ?? sessionId
}

/** Hours, minutes and seconds of this machine's time zone. */
export function clockTime(at: Millis): string {
  const date = new Date(at)
  return [date.getHours(), date.getMinutes(), date.getSeconds()].map(part => String(part).padStart(2, '0')).join(':')
}

/**
 * Text of somebody else, safe to print: control characters could move the cursor, hide what was written or speak to
 * the terminal itself. Line breaks stay, indented.
 */
export function visible(text: string): string {
  return text.replace(/\r\n?/g, '\n').replace(CONTROL, '·').replace(/\n/g, '\n    ')
}

// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is looked for.
const CONTROL = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069]/g

/** What became of a message since, and how it was reacted to; only pages of history say it. */
function afterwards({ state, reactions = [] }: EventFrame): string {
  const changed = state === undefined || state.change !== 'edited' ? '' : ' (edited)'
  return changed + reactions.map(({ emoji, count }) => ` ${visible(emoji)}${count > 1 ? ` ${count}` : ''}`).join('')
}

function message({ content, extra }: Extract<EventBody, { kind: 'MessageAccepted' }>): string {
  const answered = extra?.quote === undefined ? '' : `(to #${extra.quote.seq}) `
  const forwarded = extra?.forward === undefined ? '' : `(of ${extra.forward.from}) `
  return answered + forwarded + shownContent(content)
}

function shownContent(content: Content): string {
  switch (content.kind) {
    case 'Text':
    case 'Markdown':
      return visible(content.text)
    case 'Custom':
      return `[${visible(content.type)}] ${visible(content.data)}`
    case 'Removed':
      return '[removed]'
    default: {
      const { kind, ...fields } = content
      return `[${kind.toLowerCase()}] ${visible(JSON.stringify(fields))}`
    }
  }
}

function happening({ from, body }: EventFrame, { me }: Style): string {
  const who = from === me ? 'you' : from
  switch (body.kind) {
    case 'GroupCreated': {
      const others = body.members.filter(userId => userId !== from)
      const company = others.length === 0 ? '' : ` with ${others.join(', ')}`
      return `${who} created the group "${visible(body.info.name)}"${company}`
    }
    case 'MemberJoined':
      return `${who} joined`
    case 'MemberQuit':
      return `${who} left`
    case 'MembersAdded':
      return `${who} added ${body.userIds.join(', ')}`
    case 'MembersRemoved':
      return `${who} removed ${body.userIds.join(', ')}`
    case 'GroupDismissed':
      return `${who} ended the group`
    case 'MessageRevoked':
      return `${who} took back #${body.target.seq}`
    case 'MessageDeleted':
      return `${who} deleted #${body.target.seq}`
    case 'MessageOverridden':
      return `${who} changed #${body.target.seq}: ${shownContent(body.content)}`
    case 'ReactionAdded':
      return `${who} reacted to #${body.target.seq}: ${visible(body.emoji)}`
    case 'ReactionRemoved':
      return `${who} took back ${visible(body.emoji)} from #${body.target.seq}`
    case 'GroupInfoUpdated':
      return `${who} changed how the group shows itself: "${visible(body.info.name)}"`
    case 'GroupSettingsUpdated':
      return `${who} changed how the group is run`
    case 'OwnerChanged':
      return `${who} handed the group over to ${body.userId}`
    case 'RolesSet':
      return `${who} made ${body.userIds.join(', ')} ${body.role === 'admin' ? 'admin' : 'members like any other'}`
    case 'JoinRequested':
      return `${who} asks to be let in${body.message === undefined ? '' : `: ${visible(body.message)}`} (/let ${from})`
    case 'JoinRefused':
      return `${who} refused ${body.userId}${body.reason === undefined ? '' : `: ${visible(body.reason)}`}`
    case 'MemberMuted':
      return body.until === 0 ? `${who} lets ${body.userId} speak again` : `${who} muted ${body.userId}`
    case 'AliasSet':
      return `${body.userId} is called ${body.alias === '' ? 'as always' : visible(body.alias)}`
    default: {
      const text = relationText(body, from)
      return text === undefined ? `${who}: ${body.kind}` : `${who} ${text}`
    }
  }
}

function userName(userId: UserId, { colour, me }: Style): string {
  if (!colour) return userId
  if (userId === me) return BOLD + userId + RESET
  return `\u001b[${NAME_COLOURS[hash(userId) % NAME_COLOURS.length]}m${userId}${RESET}`
}

function hash(text: string): number {
  let value = 0
  for (let at = 0; at < text.length; at++) value = (Math.imul(value, 31) + text.charCodeAt(at)) >>> 0
  return value
}
