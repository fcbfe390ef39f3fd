import { createWriteStream, type WriteStream } from 'node:fs'
import type { Millis } from '../infra/clock.ts'
import type { PackId, Seq, SessionId, UserId } from '../schemas/ids.ts'

/**
 * The clients' book: everything that they sent, were told and received, in the order in which it happened, one line
 * each, fields separated by blanks. It is all that the checker learns of the clients, and the evidence when something
 * is wrong. Users and sessions are numbered; messages carry their number as the first word of their text; times are
 * ms since the start.
 *
 *   U <user> <userId>                          a user
 *   S <session> <sessionId> <user> ...         a session and its members
 *   s <message> <user> <session> <packId> <ms> sent, for the first time
 *   a <message> <seq> <ms>                     acked
 *   r <message> <code name> <retry> <ms>       refused, finally
 *   d <user> <session> <seq> <message> <ms>    delivered; message -1 where it is none of ours
 *   l <user> <session> <what>                  a gap or a reset that the server told
 *   f <fault> <kind>; b <fault>; e <fault>     a fault began, what it hit was back, acks came everywhere: each with <ms>
 *   x <process> <how> <ms>                     a process ended by itself
 */
export class Book {
  private readonly stream: WriteStream
  private lines: string[] = []

  constructor(file: string) {
    this.stream = createWriteStream(file)
  }

  user(user: number, userId: UserId): void {
    this.write(`U ${user} ${userId}`)
  }

  session(session: number, sessionId: SessionId, members: readonly number[]): void {
    this.write(`S ${session} ${sessionId} ${members.join(' ')}`)
  }

  sent(message: number, place: { user: number; session: number; packId: PackId }, at: Millis): void {
    this.write(`s ${message} ${place.user} ${place.session} ${place.packId} ${at}`)
  }

  acked(message: number, seq: Seq, at: Millis): void {
    this.write(`a ${message} ${seq} ${at}`)
  }

  refused(message: number, why: { name: string; retry: string }, at: Millis): void {
    this.write(`r ${message} ${why.name} ${why.retry} ${at}`)
  }

  delivered(user: number, event: { session: number; seq: Seq; message: number }, at: Millis): void {
    this.write(`d ${user} ${event.session} ${event.seq} ${event.message} ${at}`)
  }

  lost(user: number, session: number, what: string): void {
    this.write(`l ${user} ${session} ${what}`)
  }

  fault(step: 'f' | 'b' | 'e', number: number, at: Millis, kind = ''): void {
    this.write(`${step} ${number} ${at} ${kind}`)
  }

  ended(process: string, how: string, at: Millis): void {
    this.write(`x ${process} ${how.replaceAll(' ', '_')} ${at}`)
  }

  /** Writes what is there to the file. */
  flush(): void {
    if (this.lines.length === 0) return
    this.stream.write(`${this.lines.join('\n')}\n`)
    this.lines = []
  }

  async close(): Promise<void> {
    this.flush()
    await new Promise<void>((resolve, reject) => {
      this.stream.once('error', reject)
      this.stream.end(resolve)
    })
  }

  private write(line: string): void {
    this.lines.push(line)
    if (this.lines.length >= LINES_PER_WRITE) this.flush()
  }
}

const LINES_PER_WRITE = 1_000
