import type { EventFrame } from '../../schemas/frames.ts'
import type { Seq, SessionId, UserId } from '../../schemas/ids.ts'
import type { BookDraft } from './book-draft.ts'
import { amend, emptiedEdit, messageRow, targetSeq } from './fold-message.ts'
import { foldRead, foldSession } from './fold-session.ts'
import { emptySession, type MessageRow } from './rows.ts'

/** Takes an event into a draft: the session, the event itself, and the message that it is about. */
export async function foldEvent(draft: BookDraft, event: EventFrame, me: UserId): Promise<void> {
  draft.folded(event)
  const { sessionId, seq } = event
  const row = draft.session(sessionId)
  // A mark or a request of a session that is not in the list says nothing that its summary will not say.
  if (seq === 0 && row === undefined) return
  const folded = foldSession(row ?? emptySession(sessionId), event, me)
  if (folded !== row) draft.putSession(folded)
  if (seq === 0) return
  // Of the user's own session only what it says is kept: nobody reads it as a conversation.
  if (sessionId === `u:${me}`) return foldOwn(draft, event)
  if ((await draft.message(sessionId, seq)) === undefined) draft.putMessage(messageRow(event))
  await foldTarget(draft, event)
}

/** Applies an event to the message that it is about, where that is kept. */
export async function foldTarget(draft: BookDraft, event: EventFrame): Promise<void> {
  const { sessionId } = event
  const target = targetSeq(event)
  if (target === undefined) return
  const message = await draft.message(sessionId, target)
  if (message === undefined) return
  const amended = amend(message, event)
  if (amended !== message) putAmended(draft, amended)
  for (const seq of [event.seq, message.event.state?.seq]) await forgetEdit(draft, seq, amended.event)
}

/** What an edit said is not kept once the message says something else. */
export async function forgetEdit(draft: BookDraft, seq: Seq | undefined, message: EventFrame): Promise<void> {
  const edit = seq === undefined ? undefined : await draft.message(message.sessionId, seq)
  const emptied = edit && emptiedEdit(edit, message)
  if (emptied !== undefined) putAmended(draft, emptied)
}

function putAmended(draft: BookDraft, amended: MessageRow): void {
  draft.putMessage(amended)
  const { event } = amended
  const row = draft.session(event.sessionId)
  if (row?.last?.seq === event.seq) draft.putSession({ ...row, last: event })
}

/** What the user has said about sessions, in their own one. */
async function foldOwn(draft: BookDraft, { body }: EventFrame): Promise<void> {
  if (!('sessionId' in body)) return
  const row = draft.session(body.sessionId) ?? emptySession(body.sessionId)
  switch (body.kind) {
    case 'SessionAttributesSet':
      draft.putSession({ ...row, attributes: body.attributes })
      break
    case 'SessionReadMarked':
      draft.putSession(foldRead(row, body.seq, body.count))
      break
    case 'SessionCleared': {
      const clearedSeq = Math.max(row.clearedSeq ?? 0, body.seq)
      draft.putSession({ ...foldRead(row, body.seq, body.count), clearedSeq })
      break
    }
    case 'DeletedForMe':
      await hide(draft, body.sessionId, body.seqs)
      break
    default:
  }
}

async function hide(draft: BookDraft, sessionId: SessionId, seqs: readonly Seq[]): Promise<void> {
  for (const seq of seqs) {
    const message = await draft.message(sessionId, seq)
    if (message !== undefined) draft.putMessage({ ...message, isHidden: true })
  }
}
