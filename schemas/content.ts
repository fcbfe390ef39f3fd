import type { Millis } from '../infra/clock.ts'
import type { PackId, Seq, SessionId, UserId } from './ids.ts'

/**
 * What messages hold. The fields are those of pack.avsc, event.avsc and frames.avsc, which say what each means; a
 * field that is null there is absent here.
 */

export interface MediaFile {
  url: string
  mime: string
  size: number
  hash: string
  name?: string
}

/** The contents that a merged forward may hold. */
export type PlainContent =
  | { kind: 'Text'; text: string }
  | { kind: 'Custom'; type: string; data: string }
  | { kind: 'Image'; file: MediaFile; width: number; height: number; thumbnailUrl?: string; caption?: string }
  | { kind: 'Voice'; file: MediaFile; durationMs: Millis }
  | {
      kind: 'Video'
      file: MediaFile
      durationMs: Millis
      width: number
      height: number
      thumbnailUrl?: string
      caption?: string
    }
  | { kind: 'File'; file: MediaFile; caption?: string }
  | { kind: 'Location'; latitude: number; longitude: number; title: string; address?: string }
  | { kind: 'Card'; of: 'user' | 'group'; id: string; name?: string; avatar?: string }
  | { kind: 'Markdown'; text: string }

export interface ForwardedItem {
  from: UserId
  at: Millis
  content: PlainContent
}

/** What a message holds. */
export type Content =
  | PlainContent
  | { kind: 'MergedForward'; title: string; items: ForwardedItem[] }
  /** Stands where a content was and has been removed; nobody sends it. */
  | { kind: 'Removed' }

export type ContentKind = Content['kind']

/** A message that a pack names: seq and packId must both be its own. `from` lets the sequencer find it without a view. */
export interface Target {
  seq: Seq
  packId: PackId
  from?: UserId
}

/** Where a forwarded message comes from. */
export interface Origin {
  sessionId: SessionId
  seq: Seq
  packId: PackId
}

interface Mentions {
  mentions?: UserId[]
  mentionsAll?: boolean
}

/** What a client says besides the content; few messages have any of it. */
export interface SendExtra extends Mentions {
  quote?: Target
  forward?: Origin
}

/** What a message has besides its content. A quote never copies the content: what is revoked is gone there as well. */
export interface MessageExtra extends Mentions {
  quote?: { seq: Seq; packId: PackId; from: UserId }
  forward?: { from: UserId; at: Millis }
  rewritten?: boolean
}

/** A message that an event is about, with the facts that the sequencer found. */
export interface MessageRef {
  seq: Seq
  packId: PackId
  from: UserId
  at: Millis
  counted: boolean
}
