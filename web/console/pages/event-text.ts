import type { EventFrame } from '../../../schemas/frames.ts'
import type { Translate } from '../app/i18n.ts'

/** True where the content of a message is gone for good. */
export function isGone({ state, body }: EventFrame): boolean {
  if (state?.change === 'revoked' || state?.change === 'deleted') return true
  return body.kind === 'MessageAccepted' && body.content.kind === 'Removed'
}

/** What became of a message; undefined where nothing did. */
export function stateText({ state }: EventFrame, t: Translate): string | undefined {
  switch (state?.change) {
    case 'revoked':
      return t('takenBack', { by: state.by })
    case 'deleted':
      return t('deletedFor', { by: state.by })
    case 'edited':
      return t('edited')
    default:
      return undefined
  }
}

/** What an event says, in words where it is a message of words, else as the log has it. */
export function eventText({ body }: EventFrame, t: Translate): string {
  if (body.kind === 'MessageRevoked') return t('tookBack', { seq: body.target.seq, from: body.target.from })
  if (body.kind === 'MessageDeleted') return t('deletedIt', { seq: body.target.seq, from: body.target.from })
  if (body.kind === 'MessageOverridden') return t('editedIt', { seq: body.target.seq, from: body.target.from })
  if (body.kind === 'ReactionAdded' || body.kind === 'ReactionRemoved') {
    const { emoji, target } = body
    return t(body.kind === 'ReactionAdded' ? 'reacted' : 'unreacted', { emoji, seq: target.seq, from: target.from })
  }
  if (body.kind !== 'MessageAccepted') {
    const { kind, ...fields } = body
    return Object.keys(fields).length === 0 ? kind : `${kind} ${JSON.stringify(fields)}`
  }
  const { content } = body
  switch (content.kind) {
    case 'Text':
    case 'Markdown':
      return content.text
    case 'Removed':
      return t('removed')
    default: {
      const words = wordsOf(content)
      return words === undefined ? content.kind : `${content.kind}: ${words}`
    }
  }
}

/** What a message that is no text says in words, where it does; all of it is in its details. */
function wordsOf(content: object): string | undefined {
  const { caption, title, name, file } = content as Record<string, unknown>
  const fileName = (file as { name?: unknown } | undefined)?.name
  return [caption, title, name, fileName].find((word): word is string => typeof word === 'string' && word !== '')
}
