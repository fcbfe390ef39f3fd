import type { Millis } from '../../infra/clock.ts'
import { Column } from './column.ts'
import { identityOf, type LogFacts } from './read-log.ts'
import { AckSilence, type FaultSilence } from './silence.ts'

/**
 * Compares what clients were told and got (their book, line by line) with the log. Pure.
 *
 * It knows what the book and the log say, and nothing else: an acked message must stand in the log exactly once, under
 * the seq of its ack, as its sender sent it; every member must get every seq of a session, 1, 2, 3, ..., with what the
 * log has there. A message that was never answered, or refused for the moment, may be there, once.
 */

export interface AuditFigures {
  users: number
  sessions: number
  sent: number
  acked: number
  /** Never answered. */
  unanswered: number
  /** Final refusals, by name of the code. */
  refused: Record<string, number>
  /** Events that reached somebody, own messages included. */
  delivered: number
  /** Acked and not in the log, or in the log and not with somebody who must get it. */
  lost: number
  /** In the log more than once, or delivered to somebody more than once. */
  duplicated: number
  /** Not at the seq that was acked, or delivered out of order. */
  outOfOrder: number
  /** Other content, sender or packId than was sent; nothing that anybody sent. */
  changed: number
  /** Gaps and resets that the server told somebody. */
  toldLost: number
  log: { records: number; valid: number; junk: number; repeated: number; refused: number; rulesSet: number }
  /** Processes that ended by themselves, by name. */
  ended: Record<string, number>
  undisturbedSilenceMs: Millis
  faults: FaultSilence[]
}

export interface Audit {
  figures: AuditFigures
  /** What must not be, in words: at most VIOLATIONS_MAX. */
  violations: string[]
}

export const VIOLATIONS_MAX = 200
/** Acks must come again so soon after what was hit is back. */
export const RESUME_MS_MAX: Millis = 15_000
/** A group gets one message in ten, so it is acked as a whole. */
const GROUP = 'g:'

const ACKED = 1
const REFUSED = 2

export class BookAudit {
  private readonly log: LogFacts
  private readonly userIds: string[] = []
  private readonly sessionIds: string[] = []
  private readonly members: number[][] = []
  /** By session: message numbers in the log, by seq - 1. */
  private readonly inLog: (readonly number[])[] = []
  /** By message; an identity of 0: never sent. */
  private readonly sent = { users: new Column(), sessions: new Column(), identities: new Column() }
  private readonly states = new Column()
  /** By `<user> <session>`: the last seq that was delivered. */
  private readonly lastSeqs = new Map<string, number>()
  private silence: AckSilence | undefined
  private readonly figures: AuditFigures
  private readonly violations: string[] = []

  constructor(log: LogFacts) {
    this.log = log
    const { records, valid, junk, repeated, rulesSet } = log
    const refused = [...log.refused.values()].reduce((sum, count) => sum + count, 0)
    this.figures = {
      ...{ users: 0, sessions: 0, sent: 0, acked: 0, unanswered: 0, refused: {}, delivered: 0, lost: 0, duplicated: 0 },
      ...{ outOfOrder: 0, changed: 0, toldLost: 0, ended: {}, undisturbedSilenceMs: 0, faults: [] },
      log: { records, valid, junk, repeated, refused, rulesSet },
    }
  }

  /** The next line of the book. */
  take(line: string): void {
    const [step, ...fields] = line.split(' ')
    const [first = 0, second = 0, third = 0, fourth = 0] = fields.map(Number)
    switch (step) {
      case 'U':
        this.userIds[first] = fields[1]!
        break
      case 'S':
        this.addSession(first, fields[1]!, fields.slice(2).map(Number))
        break
      case 's':
        this.wasSent(first, { user: second, session: third, packId: fields[3]! })
        break
      case 'a':
        this.acked(first, second, third)
        break
      case 'r':
        this.refused(first, fields[1]!, fields[2]!)
        break
      case 'd':
        this.delivered({ user: first, session: second, seq: third, message: fourth })
        break
      case 'l':
        this.figures.toldLost++
        this.violate(`${this.userIds[first]} was told of a loss in ${this.sessionIds[second]}: ${fields[2]}`)
        break
      case 'f':
        this.lanes().began(first, fields.slice(2).join(' '))
        break
      case 'b':
        this.lanes().back(first, second)
        break
      case 'x':
        this.figures.ended[fields[0]!] = (this.figures.ended[fields[0]!] ?? 0) + 1
        break
    }
  }

  /** After the last line. */
  finish(): Audit {
    const { figures } = this
    this.checkLog()
    this.checkDelivered()
    figures.users = this.userIds.length
    figures.sessions = this.sessionIds.length
    figures.undisturbedSilenceMs = this.lanes().undisturbedMs
    figures.faults = this.lanes().figures()
    for (const { number, kind, resumeMs } of figures.faults) {
      if (resumeMs <= RESUME_MS_MAX) continue
      const when = Number.isFinite(resumeMs) ? `only after ${(resumeMs / 1_000).toFixed(1)} s` : 'not everywhere'
      this.violate(`fault ${number} (${kind}): acks came back ${when}`)
    }
    return { figures, violations: this.violations }
  }

  private addSession(session: number, sessionId: string, members: number[]): void {
    this.sessionIds[session] = sessionId
    this.members[session] = members
    this.inLog[session] = this.log.sessions.get(sessionId) ?? []
  }

  /** A lane for every user's own messages to the other of the pair, and one for each group. */
  private lanes(): AckSilence {
    const groups = this.sessionIds.filter(sessionId => sessionId.startsWith(GROUP)).length
    this.silence ??= new AckSilence(this.userIds.length + groups)
    return this.silence
  }

  private laneOf(message: number): number {
    const [user, session] = [this.sent.users.get(message), this.sent.sessions.get(message)]
    if (!this.sessionIds[session]!.startsWith(GROUP)) return user
    const firstGroup = this.sessionIds.findIndex(sessionId => sessionId.startsWith(GROUP))
    return this.userIds.length + session - firstGroup
  }

  private wasSent(message: number, place: { user: number; session: number; packId: string }): void {
    const { user, session, packId } = place
    const { users, sessions, identities } = this.sent
    this.figures.sent++
    users.set(message, user)
    sessions.set(message, session)
    const from = this.userIds[user]!
    identities.set(message, identityOf({ packId, from, sessionId: this.sessionIds[session]! }))
  }

  private acked(message: number, seq: number, at: Millis): void {
    if (this.states.get(message) !== 0) {
      this.figures.duplicated++
      this.violate(`message ${message} was answered twice`)
    }
    this.states.set(message, ACKED)
    this.figures.acked++
    this.lanes().acked(this.laneOf(message), at)
    const { times, seqs } = this.log.accepted
    const place = `message ${message}, acked as ${this.sessionIds[this.sent.sessions.get(message)]} #${seq}`
    if (times.get(message) === 0) {
      this.figures.lost++
      this.violate(`${place}, is not in the log`)
    } else if (seqs.get(message) !== seq) {
      this.figures.outOfOrder++
      this.violate(`${place}, stands at #${seqs.get(message)}`)
    }
  }

  private refused(message: number, name: string, retry: string): void {
    this.states.set(message, REFUSED)
    this.figures.refused[name] = (this.figures.refused[name] ?? 0) + 1
    // The load sends nothing that could be refused for good.
    if (retry !== 'same') this.violate(`message ${message} was refused for good: ${name}`)
    if (retry === 'never' && this.log.accepted.times.get(message) > 0) {
      this.violate(`message ${message} was refused and is there`)
    }
  }

  private delivered(event: { user: number; session: number; seq: number; message: number }): void {
    const { user, session, seq, message } = event
    this.figures.delivered++
    const key = `${user} ${session}`
    const last = this.lastSeqs.get(key) ?? 0
    const place = `${this.userIds[user]} got ${this.sessionIds[session]} #${seq}`
    if (seq <= last) {
      this.figures.duplicated++
      this.violate(`${place} after #${last}`)
      return
    }
    if (seq > last + 1) {
      this.figures.outOfOrder++
      this.violate(`${place} right after #${last}`)
    }
    this.lastSeqs.set(key, seq)
    if (this.inLog[session]?.[seq - 1] !== message) {
      this.figures.changed++
      this.violate(`${place} as message ${message}; the log has ${this.inLog[session]?.[seq - 1]} there`)
    }
  }

  private checkLog(): void {
    const { log, figures } = this
    for (const problem of log.problems) this.violate(`log: ${problem}`)
    const { times, identities } = log.accepted
    for (let message = 0; message < times.length; message++) {
      const found = times.get(message)
      if (found > 1) {
        figures.duplicated += found - 1
        this.violate(`message ${message} stands ${found} times in the log`)
      }
      if (found === 0 || identities.get(message) === this.sent.identities.get(message)) continue
      figures.changed++
      this.violate(`message ${message} is not in the log as anybody sent it`)
    }
    for (let message = 0; message < this.sent.identities.length; message++) {
      if (this.sent.identities.get(message) !== 0 && this.states.get(message) === 0) figures.unanswered++
    }
    if (figures.unanswered > 0) this.violate(`${figures.unanswered} messages were never answered`)
  }

  private checkDelivered(): void {
    for (const [session, members] of this.members.entries()) {
      const { length } = this.inLog[session]!
      for (const user of members) {
        const missing = length - (this.lastSeqs.get(`${user} ${session}`) ?? 0)
        if (missing <= 0) continue
        this.figures.lost += missing
        this.violate(`${this.userIds[user]} did not get the last ${missing} of ${this.sessionIds[session]}`)
      }
    }
  }

  private violate(text: string): void {
    if (this.violations.length < VIOLATIONS_MAX) this.violations.push(text)
  }
}
