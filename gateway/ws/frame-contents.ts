import type { Content, MediaFile, Origin, PlainContent, SendExtra, Target } from '../../schemas/content.ts'
import {
  bad,
  booleanOf,
  countOf,
  type Fields,
  fieldsOf,
  intOf,
  isFields,
  listOf,
  numberOf,
  oneOf,
  packIdOf,
  presentOf,
  sessionOf,
  textOf,
  userOf,
  usersOf,
} from './frame-fields.ts'

/** Reads what a message holds. Whether it may stand is for the sequencer to say; here the fields have to be there. */

/** Messages that one merged forward may hold. */
export const FORWARDED_ITEMS_MAX = 100

export function contentOf(raw: Fields, path = 'content'): Content {
  const content = fieldsOf(raw, 'content', path)
  if (content.kind !== 'MergedForward') return plainContentOf(content, path)
  return {
    kind: 'MergedForward',
    title: textOf(content, 'title', `${path}.title`),
    items: listOf(content, 'items', forwardedItemOf, { max: FORWARDED_ITEMS_MAX, path: `${path}.items` }),
  }
}

function forwardedItemOf(item: unknown, path: string) {
  if (!isFields(item)) throw bad(path, 'must be an object')
  const from = userOf(item.from, `${path}.from`)
  const at = countOf(item, 'at', `${path}.at`)
  return { from, at, content: plainContentOf(fieldsOf(item, 'content', `${path}.content`), `${path}.content`) }
}

function plainContentOf(content: Fields, path: string): PlainContent {
  const text = (name: string) => textOf(content, name, `${path}.${name}`)
  const duration = () => countOf(content, 'durationMs', `${path}.durationMs`)
  const int = (name: string) => intOf(content, name, `${path}.${name}`)
  switch (content.kind) {
    case 'Text':
      return { kind: 'Text', text: text('text') }
    case 'Markdown':
      return { kind: 'Markdown', text: text('text') }
    case 'Custom':
      return { kind: 'Custom', type: text('type'), data: text('data') }
    case 'Image': {
      const size = { width: int('width'), height: int('height') }
      return { kind: 'Image', file: fileOf(content, path), ...size, ...pictureOf(content, path) }
    }
    case 'Voice':
      return { kind: 'Voice', file: fileOf(content, path), durationMs: duration() }
    case 'Video': {
      const size = { durationMs: duration(), width: int('width'), height: int('height') }
      return { kind: 'Video', file: fileOf(content, path), ...size, ...pictureOf(content, path) }
    }
    case 'File':
      return { kind: 'File', file: fileOf(content, path), ...presentOf(content, path, { caption: textOf }) }
    case 'Location': {
      const latitude = numberOf(content, 'latitude', `${path}.latitude`)
      const longitude = numberOf(content, 'longitude', `${path}.longitude`)
      const address = presentOf(content, path, { address: textOf })
      return { kind: 'Location', latitude, longitude, title: text('title'), ...address }
    }
    case 'Card': {
      const of = oneOf(content, 'of', `${path}.of`, ['user', 'group'])
      const names = presentOf<{ name: string; avatar: string }>(content, path, { name: textOf, avatar: textOf })
      return { kind: 'Card', of, id: text('id'), ...names }
    }
    default:
      throw bad(`${path}.kind`, 'is not one that can be sent')
  }
}

function pictureOf(content: Fields, path: string): { thumbnailUrl?: string; caption?: string } {
  return presentOf<{ thumbnailUrl: string; caption: string }>(content, path, { thumbnailUrl: textOf, caption: textOf })
}

function fileOf(content: Fields, path: string): MediaFile {
  const file = fieldsOf(content, 'file', `${path}.file`)
  const text = (name: string) => textOf(file, name, `${path}.file.${name}`)
  const size = countOf(file, 'size', `${path}.file.size`)
  const name = presentOf(file, `${path}.file`, { name: textOf })
  return { url: text('url'), mime: text('mime'), size, hash: text('hash'), ...name }
}

export function targetOf(fields: Fields, name = 'target', path = name): Target {
  return readTarget(fields[name], path)
}

export function readTarget(raw: unknown, path: string): Target {
  if (!isFields(raw)) throw bad(path, 'must be an object')
  const seq = countOf(raw, 'seq', `${path}.seq`)
  const from = presentOf(raw, path, { from: (fields, name, at) => userOf(fields[name], at) })
  return { seq, packId: packIdOf(raw, `${path}.packId`), ...from }
}

function originOf(fields: Fields, name: string, path: string): Origin {
  const origin = fieldsOf(fields, name, path)
  const seq = countOf(origin, 'seq', `${path}.seq`)
  return { sessionId: sessionOf(origin, `${path}.sessionId`), seq, packId: packIdOf(origin, `${path}.packId`) }
}

/** What a message has besides its content. */
export function extraOf(fields: Fields, name: string, path: string): SendExtra {
  return presentOf<Required<SendExtra>>(fieldsOf(fields, name, path), path, {
    mentions: usersOf,
    mentionsAll: booleanOf,
    quote: targetOf,
    forward: originOf,
  })
}
