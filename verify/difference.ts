import type { Offset, Partition } from '../schemas/ids.ts'

/** Which part says something else than the log; `log`: the log itself breaks a rule. */
export type ViewName = 'log' | 'history' | 'membership' | 'archive'

/** One thing that is not as the log says. Texts are cut to TEXT_CHARS_MAX. */
export interface Difference {
  view: ViewName
  /** Empty where it is about no session. */
  sessionId: string
  /** Present where it is about one event of the session. */
  seq?: number
  /** Present where it is about what is kept for one user. */
  userId?: string
  /** What differs, for example `message`, `head`, `member`. */
  what: string
  expected: string
  found: string
  /** Where the log has the event. */
  partition?: Partition
  offset?: Offset
}

export const TEXT_CHARS_MAX = 300
/** Differences that are kept to be shown; the others are counted. */
export const DIFFERENCES_SHOWN_MAX = 100

/** What stands in `expected` or `found` where there is nothing. */
export const NOTHING = 'nothing'

/** Collects differences: bounded in memory, exact in number. */
export class Differences {
  readonly shown: Difference[] = []
  total = 0

  add(difference: Difference): void {
    this.total++
    if (this.isFull()) return
    this.shown.push({ ...difference, expected: cut(difference.expected), found: cut(difference.found) })
  }

  addAll(differences: readonly Difference[]): void {
    for (const difference of differences) this.add(difference)
  }

  /** Takes what another one has collected. */
  addFrom({ shown, total }: Differences): void {
    this.addAll(shown)
    this.total += total - shown.length
  }

  isFull(): boolean {
    return this.shown.length >= DIFFERENCES_SHOWN_MAX
  }
}

function cut(text: string): string {
  return text.length <= TEXT_CHARS_MAX ? text : `${text.slice(0, TEXT_CHARS_MAX)}...`
}

/** A value as it stands in a difference. */
export function show(value: unknown): string {
  if (value === undefined) return NOTHING
  return typeof value === 'string' ? value : JSON.stringify(value)
}

/** The difference as a line of text. */
export function describe({
  view,
  sessionId,
  seq,
  userId,
  what,
  expected,
  found,
  partition,
  offset,
}: Difference): string {
  const places = [
    view,
    sessionId === '' ? '' : `session ${sessionId}`,
    seq === undefined ? '' : `seq ${seq}`,
    userId === undefined ? '' : `user ${userId}`,
    offset === undefined ? '' : `im.events/${partition}@${offset}`,
  ]
  return `${places.filter(place => place !== '').join(', ')}: ${what}: expected ${expected}, found ${found}`
}
