import type { Millis } from '../../infra/clock.ts'
import type { Offset, Partition } from '../../schemas/ids.ts'
import { QuestionFailed } from './views.ts'

/** What clients give back to lists that many partitions feed. Pure; text that is not ours is PARAM. */

const MINUTE_MS: Millis = 60_000
const TIMES = /^t([0-9a-z]{1,8})((?:\.[0-9a-z]{0,8})*)$/
const OFFSETS = /^o([0-9a-z]+\.[0-9a-z]+(?:_[0-9a-z]+\.[0-9a-z]+)*)?$/

/** Minutes by partition, as the newest of them and how far each lies before it. */
export function timesText(times: ReadonlyMap<Partition, Millis>): string {
  const minutes = Array.from({ length: Math.max(-1, ...times.keys()) + 1 }, (_, partition) =>
    Math.floor((times.get(partition) ?? 0) / MINUTE_MS),
  )
  const newest = Math.max(0, ...minutes)
  const behind = minutes.map(minute => (minute === newest ? '' : (newest - minute).toString(36)))
  return `t${newest.toString(36)}${behind.map(text => `.${text}`).join('')}`
}

export function parseTimes(text: string): ReadonlyMap<Partition, Millis> {
  const [, newest, behind = ''] = TIMES.exec(text) ?? fail('since')
  const minute = Number.parseInt(newest!, 36)
  return new Map(
    behind
      .split('.')
      .slice(1)
      .map((part, partition) => [partition, (minute - (part === '' ? 0 : Number.parseInt(part, 36))) * MINUTE_MS]),
  )
}

/** Offsets up to which a device has what must not be missed. */
export function offsetsText(offsets: ReadonlyMap<Partition, Offset>): string {
  return `o${[...offsets].map(([partition, offset]) => `${partition.toString(36)}.${offset.toString(36)}`).join('_')}`
}

export function parseOffsets(text: string | undefined): Map<Partition, Offset> {
  if (text === undefined) return new Map()
  const [, pairs] = OFFSETS.exec(text) ?? fail('cursor')
  if (pairs === undefined) return new Map()
  return new Map(
    pairs.split('_').map(pair => pair.split('.').map(part => Number.parseInt(part, 36)) as [Partition, Offset]),
  )
}

/** Where a list goes on, and what its last page will give as `since`: what was true when it began. */
export function pageCursor(cursor: string, since: string): string {
  return `${since}~${cursor}`
}

export function parsePageCursor(text: string): { cursor: string; since: string } {
  const at = text.indexOf('~')
  if (at < 0) fail('cursor')
  return { since: text.slice(0, at), cursor: text.slice(at + 1) }
}

function fail(name: string): never {
  throw new QuestionFailed('PARAM', `${name}: must be one of ours`)
}
