import type { HistorySessionRow } from '../processors/history/inspect.ts'
import type { EventFrame } from '../schemas/frames.ts'
import type { Seq, UserId } from '../schemas/ids.ts'
import { type Difference, NOTHING, show } from './difference.ts'
import type { SessionFold } from './fold.ts'

/** How much history keeps: what is older may be absent. */
export interface Kept {
  eventsPerSessionMax: number
  eventAgeMs: number
}

/** What differs between a session of the history view and the log. `newestAt` is the log time of its partition. Pure. */
export function compareHistory(
  fold: SessionFold,
  row: HistorySessionRow | undefined,
  { kept, newestAt }: { kept: Kept; newestAt: number },
): Difference[] {
  const differences: Difference[] = []
  const say = (what: string, expected: unknown, found: unknown, more: Partial<Difference> = {}) =>
    differences.push({
      view: 'history',
      sessionId: fold.sessionId,
      what,
      expected: show(expected),
      found: show(found),
      ...more,
    })
  if (row === undefined) {
    say('session', `seq ${fold.lastSeq}`, NOTHING, { seq: fold.lastSeq })
    return differences
  }
  const { lastSeq, count, at } = fold
  const head = { lastSeq: row.head.lastSeq, count: row.head.count, at: row.head.at }
  if (!isSame({ lastSeq, count, at }, head)) say('head', { lastSeq, count, at }, head, { seq: lastSeq })
  compareEvents(fold, row, { kept, newestAt }, say)
  compareOutcomes(row, say)
  const isWhole = fold.firstSeq === 1
  if (isWhole) comparePeople(fold, row, say)
  if (isWhole) compareReading(fold, row, say)
  return differences
}

type Say = (what: string, expected: unknown, found: unknown, more?: Partial<Difference>) => void

function compareEvents(fold: SessionFold, row: HistorySessionRow, options: { kept: Kept; newestAt: number }, say: Say) {
  const stored = new Map(row.events.map(({ seq, json }) => [seq, json]))
  const firstSeq = Math.max(fold.firstSeq, firstNeeded(fold, row.head.firstSeq, options))
  for (let seq = firstSeq; seq <= fold.lastSeq; seq++) {
    const json = stored.get(seq)
    if (json === undefined) say('event', 'one', NOTHING, { seq, offset: offsetOf(fold, seq) })
    else if (!fold.reading.isFrame(seq, json)) {
      say('event', 'what the log says', json, { seq, offset: offsetOf(fold, seq) })
    }
  }
  for (const { seq, json } of row.events) {
    const isKnown = seq >= fold.firstSeq && seq <= fold.lastSeq
    if (!isKnown && seq >= firstSeq) say('event', NOTHING, json, { seq })
    if (isKnown && seq < firstSeq && !fold.reading.isFrame(seq, json)) {
      say('event', 'what the log says', json, { seq, offset: offsetOf(fold, seq) })
    }
  }
}

/** The first event that must be there: what the view says that it keeps from, unless that is later than it may be. */
function firstNeeded(fold: SessionFold, firstKept: Seq, { kept, newestAt }: { kept: Kept; newestAt: number }): Seq {
  let latest = Math.max(fold.firstSeq, fold.lastSeq - kept.eventsPerSessionMax + 1)
  while (latest <= fold.lastSeq && fold.times[latest - fold.firstSeq]! < newestAt - kept.eventAgeMs) latest++
  return Math.min(firstKept, latest)
}

function offsetOf(fold: SessionFold, seq: Seq): number {
  return fold.offsets[seq - fold.firstSeq]!
}

/** The outcomes are those of the events that are kept, which were compared with the log. */
function compareOutcomes({ events, outcomes }: HistorySessionRow, say: Say): void {
  const expected = new Map<string, unknown>()
  for (const { json } of events) {
    const frame = parseFrame(json)
    if (frame === undefined) continue
    const { packId, from, seq, count, at } = frame
    expected.set(`${packId}/${from}`, { seq, count, at })
  }
  for (const { packId, from, seq, count, at } of outcomes) {
    const key = `${packId}/${from}`
    const found = { seq, count, at }
    if (!isSame(expected.get(key), found)) say(`outcome of pack ${packId}`, expected.get(key), found, { seq })
    expected.delete(key)
  }
  for (const [key, outcome] of expected) {
    say(`outcome of pack ${key.split('/')[0]}`, outcome, NOTHING, { seq: (outcome as { seq: Seq }).seq })
  }
}

/** What stands before the body of a frame. */
function parseFrame(json: string): Omit<EventFrame, 'body'> | undefined {
  const bodyAt = json.indexOf(',"body":')
  try {
    return JSON.parse(bodyAt < 0 ? json : `${json.slice(0, bodyAt)}}`) as EventFrame
  } catch {
    // Text that is no frame was told as a changed event.
    return undefined
  }
}

function comparePeople(fold: SessionFold, row: HistorySessionRow, say: Say): void {
  compareByUser(
    'mark',
    fold.reading.marks,
    new Map(row.marks.map(({ userId, seq, count }) => [userId, { seq, count }])),
    say,
  )
  if (fold.people.size > 0 || row.members.length > 0 || row.left.length > 0) {
    const present = new Map([...fold.members()].map(([userId]) => [userId, 'in']))
    compareByUser('member', present, new Map(row.members.map(userId => [userId, 'in'])), say)
    const left = new Map([...fold.people].flatMap(([userId, { left }]) => (left === undefined ? [] : [[userId, left]])))
    compareByUser('member who left', left, new Map(row.left.map(({ userId, ...at }) => [userId, at])), say)
    if (fold.largeSince !== row.largeSince) say('large since', fold.largeSince, row.largeSince)
  }
}

/** What is done to messages besides their text, and what says that they must not be missed. */
function compareReading({ reading }: SessionFold, row: HistorySessionRow, say: Say): void {
  compareByUser('delivered', reading.delivered, new Map(row.delivered.map(({ userId, seq }) => [userId, seq])), say)
  const stopped = [...reading.stopped].sort((a, b) => a - b)
  if (!isSame(stopped, row.stopped)) say('messages that stopped counting', stopped, row.stopped)
  const mentions = reading.mentions.map(({ seq, whom }) => `${seq}/${whom}`).sort()
  if (!isSame(mentions, row.mentions)) say('mentions', mentions, row.mentions)
  const reactions = new Map(row.reactions.map(({ seq, reactions }) => [seq, reactions]))
  for (const { seq } of row.events) {
    const expected = [...(reading.reactions.get(seq) ?? [])].filter(([, users]) => users.length > 0)
    const found = reactions.get(seq) ?? []
    if (!isSame(expected, found)) say('reactions', expected, found, { seq })
    reactions.delete(seq)
  }
  for (const [seq, found] of reactions) say('reactions', NOTHING, found, { seq })
  const urgent = row.urgent.map(({ json: _, ...event }) => event)
  if (!isSame(reading.urgent, urgent)) say('what must not be missed', reading.urgent, urgent)
  for (const { seq, offset, json } of row.urgent) {
    if (!reading.isFrame(seq, json)) say('text of what must not be missed', 'what the log says', json, { seq, offset })
  }
}

function compareByUser<T>(
  what: string,
  expected: ReadonlyMap<UserId, T>,
  found: ReadonlyMap<UserId, T>,
  say: Say,
): void {
  for (const [userId, value] of expected) {
    if (!isSame(value, found.get(userId))) say(what, value, found.get(userId), { userId, ...seqOf(value) })
  }
  for (const [userId, value] of found) {
    if (!expected.has(userId)) say(what, NOTHING, value, { userId, ...seqOf(value) })
  }
}

function seqOf(value: unknown): { seq?: Seq } {
  return typeof value === 'object' && value !== null && 'seq' in value ? { seq: value.seq as Seq } : {}
}

/** Equal as plain data, whatever the order of fields; a field that is undefined is none. */
export function isSame(a: unknown, b: unknown): boolean {
  if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null) return a === b
  const [one, other] = [a as Record<string, unknown>, b as Record<string, unknown>]
  for (const name of Object.keys(one)) if (!isSame(one[name], other[name])) return false
  for (const name of Object.keys(other)) if (other[name] !== undefined && one[name] === undefined) return false
  return true
}
