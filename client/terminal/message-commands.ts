import type { Target } from '../../schemas/content.ts'
import type { EventFrame } from '../../schemas/frames.ts'
import type { Seq, SessionId, UserId } from '../../schemas/ids.ts'
import { Flag } from '../../schemas/pack.ts'
import type { PackRequest } from '../network/client.ts'
import { BadArguments } from './arguments.ts'

/** What is done to a message that was shown: /revoke, /edit, /delete, /react, /unreact, /reply. */
export interface MessageCommand {
  kind: 'OnMessage'
  name: 'revoke' | 'edit' | 'delete' | 'react' | 'unreact' | 'reply'
  /** Undefined: one's own last message. */
  seq: Seq | undefined
  text: string
}

export const MESSAGE_COMMANDS_HELP = `/revoke [#N]            take a message back (your last one)
/delete [#N]            delete a message for everyone
/edit [#N] TEXT         change a message
/reply #N TEXT          answer a message
/react #N EMOJI         react to a message; /unreact takes it back`

/** What follows the name of the command. Undefined where it is none of these. Throws BadArguments. */
export function parseMessageCommand(name: string, rest: string): MessageCommand | undefined {
  switch (name) {
    case 'revoke':
    case 'delete': {
      const { seq, text } = splitSeq(rest)
      if (text !== '') throw new BadArguments(`/${name} [#N]`)
      return { kind: 'OnMessage', name, seq, text }
    }
    case 'edit': {
      const { seq, text } = splitSeq(rest)
      if (text === '') throw new BadArguments('/edit [#N] TEXT')
      return { kind: 'OnMessage', name, seq, text }
    }
    case 'react':
    case 'unreact':
    case 'reply': {
      const { seq, text } = splitSeq(rest)
      if (seq === undefined || text === '') throw new BadArguments(`/${name} #N ${name === 'reply' ? 'TEXT' : 'EMOJI'}`)
      return { kind: 'OnMessage', name, seq, text }
    }
    default:
      return undefined
  }
}

/** `#12 and more` to 12 and `and more`. */
function splitSeq(rest: string): { seq: Seq | undefined; text: string } {
  const [, number, text = ''] = /^(?:#(\d{1,15})(?=\s|$))?\s*(.*)$/s.exec(rest.trim()) ?? []
  return { seq: number === undefined ? undefined : Number(number), text: text.trim() }
}

/** Messages that commands can name: the latest that were shown. */
export const SHOWN_MESSAGES_MAX = 2_000

/** Remembers which message stands at a seq, for one conversation at a time. */
export class ShownMessages {
  private readonly targets = new Map<Seq, Target & { from: UserId }>()

  clear(): void {
    this.targets.clear()
  }

  note({ seq, packId, from, body }: EventFrame): void {
    if (body.kind !== 'MessageAccepted') return
    this.targets.set(seq, { seq, packId, from })
    if (this.targets.size <= SHOWN_MESSAGES_MAX) return
    for (const oldest of this.targets.keys()) {
      this.targets.delete(oldest)
      break
    }
  }

  /** The message at the seq, or the last one of the user. Throws BadArguments. */
  find(seq: Seq | undefined, me: UserId | undefined): Target {
    const found = seq === undefined ? this.lastOf(me) : this.targets.get(seq)
    if (found !== undefined) return found
    throw new BadArguments(
      seq === undefined ? 'you have said nothing here' : `#${seq} is no message that was shown here`,
    )
  }

  private lastOf(me: UserId | undefined): Target | undefined {
    const own = [...this.targets.values()].filter(({ from }) => from === me).map(({ seq }) => seq)
    return own.length === 0 ? undefined : this.targets.get(Math.max(...own))
  }
}

/** The pack that the command asks for, and how it is shown while it has no answer. */
export function messageRequest(
  sessionId: SessionId,
  { name, text }: MessageCommand,
  target: Target,
): { request: PackRequest; shown: string } {
  switch (name) {
    case 'revoke':
      return { request: { type: 'revoke', sessionId, target }, shown: `taking back #${target.seq}` }
    case 'delete':
      return { request: { type: 'deleteForAll', sessionId, target }, shown: `deleting #${target.seq}` }
    case 'edit': {
      const content = { kind: 'Text', text } as const
      return { request: { type: 'override', sessionId, target, content }, shown: text }
    }
    case 'react':
      return { request: { type: 'addReaction', sessionId, target, emoji: text }, shown: text }
    case 'unreact':
      return { request: { type: 'removeReaction', sessionId, target, emoji: text }, shown: `no ${text}` }
    case 'reply': {
      const content = { kind: 'Text', text } as const
      const request = { type: 'send', sessionId, flags: Flag.COUNTER, content, extra: { quote: target } } as const
      return { request, shown: text }
    }
  }
}
