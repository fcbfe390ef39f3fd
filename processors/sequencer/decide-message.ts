import type { Content } from '../../schemas/content.ts'
import type { AcceptedBody, RefusedBody } from '../../schemas/event.ts'
import type { Pack, PackBody, PushInfo, Rules } from '../../schemas/pack.ts'
import { notDecided, refused } from './outcome.ts'

/** Rules of a message's content, the same in every kind of session (SQ12). */

/** Largest push text of a message: title, summary and link together, in bytes of UTF-8. */
export const PUSH_INFO_BYTES_MAX = 4_096
export const CUSTOM_TYPE_CHARS_MAX = 64

/** A message as it is accepted, or why it is not. */
export function decideMessage(
  rules: Rules,
  pack: Pick<Pack, 'pushInfo'>,
  { content, extra }: Extract<PackBody, { kind: 'SendMessage' }>,
): AcceptedBody | RefusedBody {
  if (extra !== undefined) return notDecided('mentions, quotes and forwards')
  return contentFault(rules, content, pack.pushInfo) ?? { kind: 'MessageAccepted', content }
}

/** Undefined where the content may stand. */
function contentFault(rules: Rules, content: Content, pushInfo: PushInfo | null): RefusedBody | undefined {
  if (pushInfo !== null) {
    const { title, summary, url } = pushInfo
    if (utf8Bytes(title) + utf8Bytes(summary) + utf8Bytes(url) > PUSH_INFO_BYTES_MAX) {
      return refused('MSG_TOO_LONG', 'the push text is too long')
    }
  }
  switch (content.kind) {
    case 'Text':
      return checkText(rules, content.text)
    case 'Custom':
      return checkCustom(rules, content)
    default:
      return notDecided(`content of the kind ${content.kind}`)
  }
}

function checkText(rules: Rules, text: string): RefusedBody | undefined {
  if (text.length === 0) return refused('MSG_TOO_SHORT', 'the text is empty')
  if (exceeds(text, rules.contentBytesMax)) return refused('MSG_TOO_LONG', 'the text is too long')
  return undefined
}

function checkCustom(rules: Rules, content: Extract<Content, { kind: 'Custom' }>): RefusedBody | undefined {
  if (content.data.length === 0) return refused('MSG_TOO_SHORT', 'the data is empty')
  if (utf8Bytes(content.type) + utf8Bytes(content.data) > rules.contentBytesMax) {
    return refused('MSG_TOO_LONG', 'the content is too long')
  }
  if (content.type.length === 0 || content.type.length > CUSTOM_TYPE_CHARS_MAX) {
    return refused('MSG_INVALID_FORMAT', 'the type is empty or too long')
  }
  if (!isJson(content.data)) return refused('MSG_INVALID_FORMAT', 'the data is not JSON')
  return undefined
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text)
    return true
  } catch {
    return false
  }
}

/** UTF-8 takes at most three bytes per UTF-16 unit, so that short texts need no counting. */
function exceeds(text: string, bytesMax: number): boolean {
  return text.length * 3 > bytesMax && utf8Bytes(text) > bytesMax
}

function utf8Bytes(text: string): number {
  return Buffer.byteLength(text)
}
