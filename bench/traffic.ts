/**
 * Who writes to whom. There are `pairs` pairs of users, a0-b0, a1-b1, ..., all of them connected. Most messages go
 * round the pairs' own sessions, in turn from either side; a share of them goes to sessions that have never been
 * used: a(i) writes to b(j), i and j different, each such pair once. So a new session costs no new connection.
 */

export interface TrafficOptions {
  pairs: number
  /** 0 to 100: messages that begin a new session. */
  newSessionsPercent: number
}

export interface PlannedMessage {
  /** Number of the session: 0 to pairs - 1 are the pairs' own. */
  session: number
  /** Number of the user: a(i) is 2i, b(i) is 2i + 1. */
  sender: number
  receiver: number
  isNew: boolean
}

export class Traffic {
  private readonly pairs: number
  private readonly share: number
  private readonly newMax: number
  private planned = 0
  private opened = 0
  private ownTurns = 0

  constructor({ pairs, newSessionsPercent }: TrafficOptions) {
    this.pairs = pairs
    this.share = newSessionsPercent / 100
    this.newMax = pairs * (pairs - 1)
  }

  /** Sessions that were begun besides the pairs' own. */
  get newSessions(): number {
    return this.opened
  }

  /** The next message. New sessions are spread evenly; when all are used up, the pairs' own get the rest. */
  next(): PlannedMessage {
    const wanted = Math.floor(++this.planned * this.share + 1e-9)
    return wanted > this.opened && this.opened < this.newMax ? this.nextNew() : this.nextOwn()
  }

  private nextNew(): PlannedMessage {
    const number = this.opened++
    const a = number % this.pairs
    const distance = 1 + Math.floor(number / this.pairs)
    const b = (a + distance) % this.pairs
    return { session: this.pairs + number, sender: 2 * a, receiver: 2 * b + 1, isNew: true }
  }

  private nextOwn(): PlannedMessage {
    const turn = this.ownTurns++
    const pair = turn % this.pairs
    const isBack = Math.floor(turn / this.pairs) % 2 === 1
    const [a, b] = [2 * pair, 2 * pair + 1]
    return { session: pair, sender: isBack ? b : a, receiver: isBack ? a : b, isNew: false }
  }
}
