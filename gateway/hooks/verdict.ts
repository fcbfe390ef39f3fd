import { Code, codeName, isRemembered } from '../../schemas/codes.ts'
import type { Content } from '../../schemas/content.ts'
import type { Pack } from '../../schemas/pack.ts'
import { contentOf } from '../ws/frame-contents.ts'
import { BadField, isFields } from '../ws/frame-fields.ts'

/** What a before-hook is asked and what it may answer. Pure. */

export const REASON_CHARS_MAX = 200

export type Verdict =
  | { kind: 'Allow' }
  | { kind: 'Refuse'; code: number; reason: string }
  | { kind: 'Rewrite'; content: Content }

/** An answer that says nothing that could be done. */
export class BadVerdict extends Error {
  override readonly name = 'BadVerdict'
}

/** The body of the question: the pack as it would go to the log, masked words included. */
export function questionOf(pack: Pack, { app, webhookId }: { app: string; webhookId: string }): string {
  const { packId, sessionId, from, actor, device, flags, pushInfo, body } = pack
  // A secret that lets in is nobody's business but the group's.
  const said = body.kind === 'JoinGroup' ? { kind: body.kind, message: body.message } : body
  const asked = { packId, sessionId, from, actor, device, flags, pushInfo, body: said }
  return JSON.stringify({ id: packId, webhookId, app, pack: asked })
}

/**
 * Reads an answer: nothing or `{"verdict":"allow"}`; `{"verdict":"refuse","code":10,"reason":"..."}`; for messages
 * `{"verdict":"rewrite","content":{...}}`. Throws BadVerdict.
 */
export function parseVerdict(answer: string, kind: Pack['body']['kind']): Verdict {
  if (answer.trim() === '') return { kind: 'Allow' }
  const said = parse(answer)
  switch (said.verdict) {
    case 'allow':
      return { kind: 'Allow' }
    case 'refuse':
      return refusal(said)
    case 'rewrite':
      return rewritten(said, kind)
    default:
      throw new BadVerdict('the verdict is none of allow, refuse, rewrite')
  }
}

function parse(answer: string): Record<string, unknown> {
  let said: unknown
  try {
    said = JSON.parse(answer)
  } catch {
    throw new BadVerdict('the answer is not a JSON text')
  }
  if (!isFields(said)) throw new BadVerdict('the answer is no object')
  return said
}

/** A hook refuses for good: what may be tried again under the same packId could pass the next time. */
function refusal({ code, reason }: Record<string, unknown>): Verdict {
  const name = code === undefined ? 'SERVER_REFUSED' : codeName(Number(code))
  if (name === undefined || name === 'SUCCESS' || !isRemembered(name)) {
    throw new BadVerdict('the code is none of a final refusal')
  }
  const text = typeof reason === 'string' && reason !== '' ? reason.slice(0, REASON_CHARS_MAX) : Code[name].text
  return { kind: 'Refuse', code: Code[name].number, reason: text }
}

function rewritten(said: Record<string, unknown>, kind: Pack['body']['kind']): Verdict {
  if (kind !== 'SendMessage' && kind !== 'OverrideMessage') throw new BadVerdict('only messages can be rewritten')
  try {
    return { kind: 'Rewrite', content: contentOf(said) }
  } catch (error) {
    if (error instanceof BadField) throw new BadVerdict(error.message)
    throw error
  }
}
