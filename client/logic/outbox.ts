import type { Clock, Millis } from '../../infra/clock.ts'
import type { PackFrame } from '../../schemas/frames.ts'
import type { PackId, SessionId } from '../../schemas/ids.ts'
import { renewed } from '../network/expired-packs.ts'
import type { PackAnswer } from '../network/pending-packs.ts'
import type { Store, Write } from '../storage/store.ts'
import { type OutboxRow, outboxKey } from './rows.ts'
import type { Wire } from './wire.ts'

/** Packs that are with the network layer at the same time at most; the others wait in the store. */
export const OUTBOX_IN_FLIGHT_MAX = 200

interface Entry {
  row: OutboxRow
  /** With the network layer, which sends it until it is answered. */
  isFlying: boolean
  settle: (answer: PackAnswer) => void
}

/**
 * Packs that were handed over and are not answered.
 *
 * A pack is written to the store first and goes to the network layer then, in the order of handing over; it leaves the
 * store with its answer. So it survives a restart, goes out again under the same packId, and takes effect once.
 * A message that was refused for good stays until the user tries again or drops it; other packs go.
 */
export class Outbox {
  private readonly entries = new Map<PackId, Entry>()
  private readonly dropped = new Set<PackId>()
  private lastOrder = 0
  private writing: Promise<void> = Promise.resolve()
  private readonly store: Store
  private readonly wire: Wire
  private readonly clock: Pick<Clock, 'now'>
  private readonly changed: (sessionId: SessionId) => void

  constructor(parts: { store: Store; wire: Wire; clock: Pick<Clock, 'now'>; changed(sessionId: SessionId): void }) {
    this.store = parts.store
    this.wire = parts.wire
    this.clock = parts.clock
    this.changed = sessionId => parts.changed(sessionId)
    this.wire.on('answer', answer => this.answered(answer))
    this.wire.on('renewed', ({ packId, newPackId }) => this.renew(packId, newPackId))
  }

  /** Takes up what an earlier run, or another tab, has left. */
  async load(): Promise<void> {
    for (const { value } of await this.store.range('outbox', {})) {
      const row = value as OutboxRow
      if (this.entries.has(row.frame.packId) || this.dropped.has(row.frame.packId)) continue
      this.entries.set(row.frame.packId, { row, isFlying: false, settle: () => {} })
      this.lastOrder = Math.max(this.lastOrder, row.order)
      this.changed(row.sessionId)
    }
    this.feed()
  }

  /** Keeps the pack and sends it. */
  add(frame: PackFrame, sessionId: SessionId): Promise<PackAnswer> {
    const at: Millis = this.clock.now()
    this.lastOrder = Math.max(this.lastOrder + 1, Math.floor(at))
    const row: OutboxRow = { order: this.lastOrder, frame, sessionId, at }
    const answer = new Promise<PackAnswer>(settle => this.entries.set(frame.packId, { row, isFlying: false, settle }))
    this.changed(sessionId)
    this.write([this.put(row)], () => this.feed())
    return answer
  }

  /** What waits or was refused in this session, the oldest first. */
  of(sessionId: SessionId): OutboxRow[] {
    return this.rows().filter(row => row.sessionId === sessionId)
  }

  rows(): OutboxRow[] {
    return [...this.entries.values()].map(({ row }) => row)
  }

  get(packId: PackId): OutboxRow | undefined {
    return this.entries.get(packId)?.row
  }

  /** Drops a pack that was refused; one that is under way cannot be called back. */
  drop(packId: PackId): boolean {
    const entry = this.entries.get(packId)
    if (entry?.row.refusal === undefined) return false
    this.remove(entry)
    return true
  }

  /** The event of the pack is there: it needs no place of its own any more. */
  arrived(packId: PackId): void {
    const entry = this.entries.get(packId)
    if (entry !== undefined && entry.row.refusal === undefined) this.hide(entry)
  }

  /** Everything that is not with the network layer goes there, as far as it takes it: also after a change of keeper. */
  feed(): void {
    let flying = 0
    for (const entry of this.entries.values()) if (entry.isFlying) flying++
    for (const entry of this.entries.values()) {
      if (flying >= OUTBOX_IN_FLIGHT_MAX) return
      if (entry.isFlying || entry.row.refusal !== undefined) continue
      entry.isFlying = true
      flying++
      this.wire.submitFrame(entry.row.frame, entry.row.sessionId)
    }
  }

  /** Another process sends from now on: what it was not given yet it gets. */
  refeed(): void {
    for (const entry of this.entries.values()) entry.isFlying = false
    this.feed()
  }

  /** Resolves when everything until now is in the store. */
  settled(): Promise<void> {
    return this.writing
  }

  private answered(answer: PackAnswer): void {
    const entry = this.entries.get(answer.packId)
    if (entry === undefined) return
    entry.isFlying = false
    if (answer.kind === 'Refused' && entry.row.frame.type === 'send') {
      const { code, name, reason } = answer
      entry.row = { ...entry.row, refusal: { code, name, reason } }
      this.write([this.put(entry.row)])
      this.changed(entry.row.sessionId)
    } else {
      this.remove(entry)
    }
    entry.settle(answer)
    this.feed()
  }

  private renew(packId: PackId, newPackId: PackId): void {
    const entry = this.entries.get(packId)
    if (entry === undefined) return
    const before = this.removal(entry.row)
    entry.row = { ...entry.row, frame: renewed(entry.row.frame, newPackId) }
    this.entries.delete(packId)
    this.entries.set(newPackId, entry)
    this.write([before, this.put(entry.row)])
  }

  private remove(entry: Entry): void {
    const { row } = entry
    this.entries.delete(row.frame.packId)
    this.dropped.add(row.frame.packId)
    this.write([this.removal(row)])
    this.changed(row.sessionId)
  }

  /** Out of sight, but kept until it is answered. */
  private hide(entry: Entry): void {
    entry.row = { ...entry.row, hasArrived: true }
  }

  private put(row: OutboxRow): Write {
    return { table: 'outbox', key: outboxKey(row.order, row.frame.packId), value: row }
  }

  private removal(row: OutboxRow): Write {
    return { ...this.put(row), value: undefined }
  }

  private write(writes: Write[], then: () => void = () => {}): void {
    // A store that fails must not keep a pack back: it goes out, and only a restart would lose it.
    this.writing = this.writing.then(() => this.store.write(writes)).then(then, then)
  }
}
