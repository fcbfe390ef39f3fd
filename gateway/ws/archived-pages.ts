import type { ArchivedTimeline } from '../../processors/archive/archive-reader.ts'
import { isFinal, type Revising, revisedJson, revisionOf } from '../../processors/history/amendments.ts'
import { type Reaction, reacted, withReactions } from '../../processors/history/session-summary.ts'
import type { EventFrame } from '../../schemas/frames.ts'
import type { Seq } from '../../schemas/ids.ts'

/**
 * Events of the archive as history would show them: messages with the content that they have now, and what happened to
 * them. Pure; what history does one event after the other (memory-amend.ts) is done here for a page at once.
 */
export function archivedTexts({
  events,
  changes,
}: Pick<ArchivedTimeline, 'events' | 'changes'>): { seq: Seq; text: string }[] {
  const page: Page = {
    texts: new Map(events.map(frame => [frame.seq, JSON.stringify(frame)])),
    edits: new Map(),
    reactions: new Map(),
  }
  for (const change of changes) apply(page, change)
  return events.map(({ seq }) => {
    const reactions = page.reactions.get(seq) ?? []
    const text = page.texts.get(seq)!
    return { seq, text: reactions.length > 0 ? withReactions(text, reactions) : text }
  })
}

interface Page {
  texts: Map<Seq, string>
  /** By the seq of the message: the event that changed its content last, and its text without the content. */
  edits: Map<Seq, { seq: Seq; text: string }>
  reactions: Map<Seq, readonly Reaction[]>
}

function apply(page: Page, change: EventFrame): void {
  const { body } = change
  switch (body.kind) {
    case 'MessageRevoked':
    case 'MessageDeleted':
    case 'MessageOverridden':
      revise(page, change, body)
      break
    case 'ReactionAdded':
    case 'ReactionRemoved': {
      const { seq } = body.target
      const text = page.texts.get(seq)
      if (text === undefined || isFinal(text)) return
      const reaction = { adds: body.kind === 'ReactionAdded', emoji: body.emoji, userId: change.from }
      page.reactions.set(seq, reacted(page.reactions.get(seq) ?? [], reaction))
      break
    }
  }
}

function revise({ texts, edits, reactions }: Page, change: EventFrame, body: Revising): void {
  const { target, state, body: revised, stripped } = revisionOf(change, body)
  const text = texts.get(target)
  if (text !== undefined && isFinal(text)) return
  const edit = edits.get(target)
  if (edit !== undefined && texts.has(edit.seq)) texts.set(edit.seq, edit.text)
  if (text !== undefined) {
    const version = state.version ?? (JSON.parse(text) as EventFrame).state?.version ?? 0
    texts.set(target, revisedJson(text, revised, { ...state, version }))
  }
  if (stripped === undefined) {
    edits.delete(target)
    reactions.delete(target)
  } else {
    edits.set(target, { seq: change.seq, text: stripped })
  }
}
