import type { Seq, SessionId } from '../../schemas/ids.ts'
import type { PackRequest } from '../network/client.ts'
import { BadArguments } from './arguments.ts'
import type { ShownMessages } from './message-commands.ts'

/** What one does as a reader: /read, /readers, /hide, /clear. */
export interface ReadingCommand {
  kind: 'Reading'
  name: 'read' | 'readers' | 'hide' | 'clear'
  /** Undefined: the last one. */
  seq: Seq | undefined
}

export const READING_COMMANDS_HELP = `/read [#N]              mark this conversation as read (up to N)
/readers #N             who has read a message
/hide #N                delete a message for yourself
/clear                  hide everything here from yourself`

/** What follows the name of the command. Undefined where it is none of these. Throws BadArguments. */
export function parseReadingCommand(name: string, rest: string): ReadingCommand | undefined {
  if (name !== 'read' && name !== 'readers' && name !== 'hide' && name !== 'clear') return undefined
  const [, number] = /^(?:#?([1-9]\d{0,14}))?$/.exec(rest.trim()) ?? [undefined, 'wrong']
  const seq = number === undefined ? undefined : Number(number)
  const needsSeq = name === 'readers' || name === 'hide'
  if (Number.isNaN(seq) || (needsSeq && seq === undefined) || (name === 'clear' && seq !== undefined)) {
    throw new BadArguments(`/${name}${needsSeq ? ' #N' : name === 'read' ? ' [#N]' : ''}`)
  }
  return { kind: 'Reading', name, seq }
}

/** The pack that the command asks for; undefined for what is a question. Throws BadArguments. */
export function readingRequest(
  sessionId: SessionId,
  { name, seq }: ReadingCommand,
  { lastSeq, shown }: { lastSeq: Seq; shown: ShownMessages },
): { request: PackRequest; shown: string } | undefined {
  if (name === 'readers') return undefined
  if (name === 'hide') {
    const target = shown.find(seq, undefined)
    return { request: { type: 'deleteForMe', sessionId, targets: [target] }, shown: `hiding #${target.seq}` }
  }
  if (lastSeq === 0) throw new BadArguments('there is nothing here yet')
  const upTo = seq ?? lastSeq
  if (name === 'clear') return { request: { type: 'clearSession', sessionId, seq: upTo }, shown: 'clearing' }
  return { request: { type: 'markRead', sessionId, seq: upTo }, shown: `reading up to #${upTo}` }
}
