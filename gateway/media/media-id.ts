import type { Content, MediaFile, PlainContent } from '../../schemas/content.ts'
import { isUserId, type UserId } from '../../schemas/ids.ts'

/**
 * A file is known by `<owner>~<random>`: whose it is can be read from it, and nobody guesses one. Messages carry it as
 * the last part of a link to the gateway, `https://<gateway>/v1/media/<id>`. Pure.
 */

export interface MediaId {
  owner: UserId
  /** 22 characters of base64url: 16 random bytes. */
  name: string
}

export const MEDIA_PATH = '/v1/media/'
export const MEDIA_NAME_BYTES = 16
const MEDIA_ID = /^([A-Za-z0-9._@-]{1,64})~([A-Za-z0-9_-]{22})$/
export const MEDIA_ID_PATTERN = MEDIA_ID

export function formatMediaId({ owner, name }: MediaId): string {
  return `${owner}~${name}`
}

/** Undefined for what is none. */
export function parseMediaId(text: string): MediaId | undefined {
  const [, owner = '', name = ''] = MEDIA_ID.exec(text) ?? []
  return isUserId(owner) && name !== '' ? { owner, name } : undefined
}

/** Where it lies in the bucket. */
export function mediaKey({ owner, name }: MediaId): string {
  return `media/${owner}/${name}`
}

/** True where the content has the file, itself or in its preview. */
export function refersTo(content: Content, mediaId: string): boolean {
  if (content.kind === 'Removed') return false
  if (content.kind === 'MergedForward') return content.items.some(item => plainRefersTo(item.content, mediaId))
  return plainRefersTo(content, mediaId)
}

function plainRefersTo(content: PlainContent, mediaId: string): boolean {
  const links = [fileOf(content)?.url, 'thumbnailUrl' in content ? content.thumbnailUrl : undefined]
  return links.some(link => link !== undefined && idOfLink(link) === mediaId)
}

function fileOf(content: PlainContent): MediaFile | undefined {
  return 'file' in content ? content.file : undefined
}

/** The id that a link names; undefined where it names none. */
export function idOfLink(link: string): string | undefined {
  if (!URL.canParse(link)) return undefined
  const { pathname } = new URL(link)
  const at = pathname.indexOf(MEDIA_PATH)
  if (at < 0) return undefined
  const id = decode(pathname.slice(at + MEDIA_PATH.length))
  return parseMediaId(id) === undefined ? undefined : id
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    return ''
  }
}
