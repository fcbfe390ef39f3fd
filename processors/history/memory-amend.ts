import type { Millis } from '../../infra/clock.ts'
import type { EventFrame } from '../../schemas/frames.ts'
import type { Offset, Seq, UserId } from '../../schemas/ids.ts'
import { type Amendment, EVERYBODY, erasedJson, isFinal, revisedJson } from './amendments.ts'
import type { HistoryOptions } from './history-store.ts'
import type { Line } from './project.ts'
import { type Reaction, reacted } from './session-summary.ts'

/** What amend-sessions.lua does, in memory. */

export interface Amended {
  /** The last seq whose amendments were applied. */
  amendedSeq: Seq
  stopped: Set<Seq>
  mentions: { seq: Seq; whom: string }[]
  reactions: Map<Seq, Reaction[]>
  urgent: { seq: Seq; at: Millis; offset: Offset }[]
  urgentTexts: Map<Seq, string>
  /** By the seq of the message: the event that changed its content last, without the content. */
  overrides: Map<Seq, { seq: Seq; text: string }>
}

export function notAmended(): Amended {
  return {
    amendedSeq: 0,
    stopped: new Set(),
    mentions: [],
    reactions: new Map(),
    urgent: [],
    urgentTexts: new Map(),
    overrides: new Map(),
  }
}

type Session = Amended & { events: Map<Seq, Line> }

export function amend(session: Session, amendments: readonly Amendment[], options: HistoryOptions): void {
  const applied = session.amendedSeq
  for (const amendment of amendments) {
    if (amendment.seq <= applied) continue
    session.amendedSeq = amendment.seq
    switch (amendment.kind) {
      case 'revise':
        revise(session, amendment, options)
        break
      case 'erase':
        erase(session, amendment)
        break
      case 'mention':
        mention(session, amendment.seq, amendment.whom, options)
        break
      case 'react':
        react(session, amendment)
        break
      case 'urgent':
        urge(session, amendment, options)
        break
    }
  }
}

function revise(session: Session, amendment: Extract<Amendment, { kind: 'revise' }>, options: HistoryOptions): void {
  const { target, seq, state, body, stops, stripped, mentions } = amendment
  if (stops) {
    session.stopped.add(target)
    const surplus = [...session.stopped].sort((a, b) => b - a).slice(options.stoppedMax)
    for (const old of surplus) session.stopped.delete(old)
  }
  const json = textOf(session, target)
  if (json !== undefined && isFinal(json)) return
  const before = json === undefined ? undefined : (JSON.parse(json) as EventFrame).state?.version
  const version = state.version ?? before ?? 0
  strip(session, target)
  replace(session, target, text => revisedJson(text, body, { ...state, version }))
  session.mentions = session.mentions.filter(entry => entry.seq !== target)
  mention(session, target, mentions, options)
  if (stripped === undefined) session.reactions.delete(target)
  else session.overrides.set(target, { seq, text: stripped })
}

function erase(session: Session, erasing: Extract<Amendment, { kind: 'erase' }>): void {
  for (const [target, { text }] of session.overrides) {
    if (erasing.userId === EVERYBODY || text.includes(`,"from":"${erasing.userId}",`)) strip(session, target)
  }
  for (const seq of new Set([...session.events.keys(), ...session.urgentTexts.keys()])) {
    if (seq >= erasing.seq) continue
    const text = textOf(session, seq)!
    const after = erasedJson(text, erasing)
    if (after === undefined) continue
    replace(session, seq, () => after)
    session.mentions = session.mentions.filter(entry => entry.seq !== seq)
    session.reactions.delete(seq)
  }
}

function textOf(session: Session, seq: Seq): string | undefined {
  return session.events.get(seq)?.json ?? session.urgentTexts.get(seq)
}

function replace(session: Session, seq: Seq, change: (json: string) => string): void {
  const line = session.events.get(seq)
  if (line !== undefined) session.events.set(seq, { ...line, json: change(line.json) })
  const text = session.urgentTexts.get(seq)
  if (text !== undefined) session.urgentTexts.set(seq, change(text))
}

function strip(session: Session, target: Seq): void {
  const override = session.overrides.get(target)
  if (override === undefined) return
  replace(session, override.seq, () => override.text)
  session.overrides.delete(target)
}

function mention(session: Session, seq: Seq, whom: readonly string[], { mentionsMax }: HistoryOptions): void {
  for (const one of new Set(whom)) session.mentions.push({ seq, whom: one })
  session.mentions.sort((a, b) => a.seq - b.seq || (`${a.seq}/${a.whom}` < `${b.seq}/${b.whom}` ? -1 : 1))
  session.mentions = session.mentions.slice(-mentionsMax)
}

function react(session: Session, { target, adds, emoji, userId }: Extract<Amendment, { kind: 'react' }>): void {
  const json = session.events.get(target)?.json
  if (json === undefined || isFinal(json)) return
  const before = session.reactions.get(target) ?? []
  const left = reacted(before, { adds, emoji, userId })
  if (left.length === 0) session.reactions.delete(target)
  else session.reactions.set(target, left)
}

function urge(
  session: Session,
  { seq, offset, at, json }: Extract<Amendment, { kind: 'urgent' }>,
  { urgentMax, urgentAgeMs }: HistoryOptions,
): void {
  session.urgent.push({ seq, at, offset })
  session.urgentTexts.set(seq, json)
  while (session.urgent.length > urgentMax || session.urgent[0]!.at < at - urgentAgeMs) {
    const old = session.urgent.shift()!
    for (const [target, override] of session.overrides) if (override.seq === old.seq) strip(session, target)
    session.urgentTexts.delete(old.seq)
  }
}

/** Who of those that a mention names is this user. */
export function mentionsOf(session: Amended, userId: UserId, above: Seq, upTo: Seq): Seq[] {
  const seqs = session.mentions
    .filter(({ seq, whom }) => seq > above && seq <= upTo && (whom === userId || whom === '*'))
    .map(({ seq }) => seq)
  return [...new Set(seqs)]
}
