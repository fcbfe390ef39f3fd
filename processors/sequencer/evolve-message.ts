import type { AcceptedBody, Event } from '../../schemas/event.ts'
import { type Amended, amendedKey, type Change, reactionsKey, type StateView } from './session.ts'

/** What events about messages do to the rows `amended` and `reactions` (evolve.ts). Pure. */

type MessageBody = Extract<
  AcceptedBody,
  { kind: 'MessageRevoked' | 'MessageOverridden' | 'MessageDeleted' | 'ReactionAdded' | 'ReactionRemoved' }
>

export function messageChanges(view: StateView, { sessionId, from }: Event, body: MessageBody): Change[] {
  const { seq } = body.target
  switch (body.kind) {
    case 'MessageRevoked':
    case 'MessageDeleted':
    case 'MessageOverridden': {
      const key = amendedKey(sessionId, seq)
      return [{ table: 'amended', key, row: amend(view.get('amended', key), body) }]
    }
    case 'ReactionAdded':
    case 'ReactionRemoved': {
      const key = reactionsKey(sessionId, seq, from)
      const others = (view.get('reactions', key) ?? []).filter(emoji => emoji !== body.emoji)
      const row = body.kind === 'ReactionAdded' ? [...others, body.emoji] : others
      return [{ table: 'reactions', key, row }]
    }
  }
}

type AmendingBody = Extract<MessageBody, { kind: 'MessageRevoked' | 'MessageOverridden' | 'MessageDeleted' }>

/** What was revoked or deleted stays so, whatever the log holds behind it. */
function amend(before: Amended | undefined, body: AmendingBody): Amended {
  if (before?.change === 'revoked' || before?.change === 'deleted') return before
  switch (body.kind) {
    case 'MessageOverridden':
      return { change: 'edited', version: body.version }
    case 'MessageRevoked':
      return { change: 'revoked', version: before?.version ?? 0 }
    case 'MessageDeleted':
      return { change: 'deleted', version: before?.version ?? 0 }
  }
}
