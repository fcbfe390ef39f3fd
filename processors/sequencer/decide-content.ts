import type { Content, ForwardedItem, MediaFile, PlainContent } from '../../schemas/content.ts'
import type { RefusedBody } from '../../schemas/event.ts'
import { isGroupId, isUserId } from '../../schemas/ids.ts'
import type { Rules } from '../../schemas/pack.ts'
import { refused } from './outcome.ts'

/**
 * What a message may hold, by kind (SQ12, SQ40). A content is as large as all of its texts together, in bytes of
 * UTF-8; `contentBytesMax` of the rules bounds it. Packs come from other writers than our gateways as well, so that
 * numbers and lists are checked here, not only in frames.
 */

export const CUSTOM_TYPE_CHARS_MAX = 64
export const LINK_BYTES_MAX = 2_048
export const MIME_CHARS_MAX = 127
export const FILE_NAME_BYTES_MAX = 255
/** Title and address of a place, name on a card, title of a merged forward. */
export const LABEL_BYTES_MAX = 1_024
/** Messages that one merged forward may hold. */
export const FORWARDED_ITEMS_MAX = 100

/** Undefined where the content may stand. */
export function contentFault(rules: Rules, content: Content): RefusedBody | undefined {
  if (content.kind === 'Text') return checkText(rules, content.text)
  // The words are part of the recorded outcomes (tests/replay).
  if (isEmpty(content))
    return refused('MSG_TOO_SHORT', `the ${content.kind === 'Custom' ? 'data' : 'content'} is empty`)
  if (contentBytes(content) > rules.contentBytesMax) return refused('MSG_TOO_LONG', 'the content is too long')
  const fault = formFault(content)
  return fault === undefined ? undefined : refused('MSG_INVALID_FORMAT', fault)
}

/** Most messages are texts; UTF-8 takes at most three bytes per UTF-16 unit, so that short ones need no counting. */
function checkText({ contentBytesMax }: Rules, text: string): RefusedBody | undefined {
  if (text.length === 0) return refused('MSG_TOO_SHORT', 'the text is empty')
  const isLong = text.length * 3 > contentBytesMax && utf8Bytes(text) > contentBytesMax
  return isLong ? refused('MSG_TOO_LONG', 'the text is too long') : undefined
}

function isEmpty(content: Content): boolean {
  switch (content.kind) {
    case 'Text':
    case 'Markdown':
      return content.text.length === 0
    case 'Custom':
      return content.data.length === 0
    case 'MergedForward':
      return content.items.length === 0
    default:
      return false
  }
}

/** The bytes of every text in a content, wherever it stands. */
export function contentBytes(value: unknown, isKind = false): number {
  if (typeof value === 'string') return isKind ? 0 : utf8Bytes(value)
  if (Array.isArray(value)) return value.reduce((sum: number, item) => sum + contentBytes(item), 0)
  if (typeof value !== 'object' || value === null) return 0
  return Object.entries(value).reduce((sum, [name, part]) => sum + contentBytes(part, name === 'kind'), 0)
}

/** What is wrong with the form; undefined where nothing is. */
function formFault(content: Content): string | undefined {
  if (content.kind === 'Removed') return 'nobody sends a removed content'
  return content.kind === 'MergedForward' ? mergedFault(content) : plainFault(content)
}

function plainFault(content: PlainContent): string | undefined {
  switch (content.kind) {
    case 'Text':
    case 'Markdown':
      return undefined
    case 'Custom':
      if (content.type.length === 0 || content.type.length > CUSTOM_TYPE_CHARS_MAX) {
        return 'the type is empty or too long'
      }
      return isJson(content.data) ? undefined : 'the data is not JSON'
    case 'Image':
      return fileFault(content.file) ?? pictureFault(content)
    case 'Voice':
      return fileFault(content.file) ?? durationFault(content.durationMs)
    case 'Video':
      return fileFault(content.file) ?? durationFault(content.durationMs) ?? pictureFault(content)
    case 'File':
      return fileFault(content.file)
    case 'Location':
      return placeFault(content)
    case 'Card':
      return cardFault(content)
  }
}

const MIME = /^[a-z0-9][a-z0-9.+-]*\/[a-z0-9][a-z0-9.+-]*$/i
const SHA_256 = /^[0-9a-f]{64}$/

function fileFault({ url, mime, size, hash, name }: MediaFile): string | undefined {
  if (!isLink(url)) return 'the url of the file is no link'
  if (mime.length > MIME_CHARS_MAX || !MIME.test(mime)) return 'the mime type of the file is none'
  if (!isCount(size)) return 'the size of the file is no number of bytes'
  if (hash !== '' && !SHA_256.test(hash)) return 'the hash of the file is no SHA-256 in lower-case hex'
  if (name !== undefined && utf8Bytes(name) > FILE_NAME_BYTES_MAX) return 'the name of the file is too long'
  return undefined
}

function pictureFault(content: { width: number; height: number; thumbnailUrl?: string }): string | undefined {
  if (!isCount(content.width) || !isCount(content.height)) return 'the picture has no size'
  if (content.thumbnailUrl !== undefined && !isLink(content.thumbnailUrl)) return 'the thumbnail is no link'
  return undefined
}

function durationFault(durationMs: number): string | undefined {
  return isCount(durationMs) ? undefined : 'the duration is none'
}

function placeFault({ latitude, longitude, title, address = '' }: Extract<Content, { kind: 'Location' }>) {
  // Written so that what is not a number is outside as well.
  if (!(Math.abs(latitude) <= 90)) return 'the latitude is not within -90 and 90'
  if (!(Math.abs(longitude) <= 180)) return 'the longitude is not within -180 and 180'
  const isLong = utf8Bytes(title) > LABEL_BYTES_MAX || utf8Bytes(address) > LABEL_BYTES_MAX
  return isLong ? 'the title or the address is too long' : undefined
}

function cardFault({ of, id, name = '', avatar }: Extract<Content, { kind: 'Card' }>): string | undefined {
  if (of === 'group' ? !isGroupId(id) : !isUserId(id)) return 'the card is of nobody'
  if (utf8Bytes(name) > LABEL_BYTES_MAX) return 'the name on the card is too long'
  return avatar === undefined || isLink(avatar) ? undefined : 'the avatar on the card is no link'
}

function mergedFault({ title, items }: Extract<Content, { kind: 'MergedForward' }>): string | undefined {
  if (utf8Bytes(title) > LABEL_BYTES_MAX) return 'the title is too long'
  if (items.length > FORWARDED_ITEMS_MAX) return `more than ${FORWARDED_ITEMS_MAX} messages are forwarded`
  for (const item of items) {
    const fault = itemFault(item)
    if (fault !== undefined) return fault
  }
  return undefined
}

function itemFault({ from, at, content }: ForwardedItem): string | undefined {
  if (!isUserId(from)) return 'the sender of a forwarded message is none'
  if (!isCount(at)) return 'the time of a forwarded message is none'
  return isEmpty(content) ? 'a forwarded message is empty' : plainFault(content)
}

/** http and https only: clients show what they get as a link or load it, and `javascript:` is one as well. */
function isLink(url: string): boolean {
  return utf8Bytes(url) <= LINK_BYTES_MAX && /^https?:\/\/[^\s]+$/i.test(url)
}

function isCount(value: number): boolean {
  return Number.isSafeInteger(value) && value >= 0
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text)
    return true
  } catch {
    return false
  }
}

function utf8Bytes(text: string): number {
  return Buffer.byteLength(text)
}
