import type { Partition, Seq, SessionId } from '../../schemas/ids.ts'
import type { Position } from '../../topics/valid-events.ts'
import type { Job, Timed } from './jobs.ts'
import { type ClaimAnswer, type EventKey, type PushStore, sentBy, type Waiting } from './push-store.ts'

/** Push in memory; the same behaviour as in Redis (tests/contract). Nothing of it ever ends by time. */
export class MemoryPushStore implements PushStore {
  private readonly positions = new Map<Partition, Position>()
  private readonly jobs = new Map<Partition, Map<string, { dueAt: number; json: string }>>()
  private readonly claimed = new Map<string, Map<string, string>>()
  private readonly events = new Map<string, EventKey>()
  private readonly seqs = new Map<string, Map<string, Seq>>()

  async position(partition: Partition): Promise<Position | undefined> {
    return this.positions.get(partition)
  }

  async add({ partition, jobs, delivered, position }: Parameters<PushStore['add']>[0]): Promise<void> {
    for (const { sessionId, userId, deviceId, seq } of delivered) {
      this.raise(`delivered ${partition} ${sessionId}`, `${userId}/${deviceId}`, seq)
    }
    this.keep(partition, jobs)
    if (position.offset > (this.positions.get(partition)?.offset ?? -1)) this.positions.set(partition, position)
  }

  async due({ partition, now, limit }: Parameters<PushStore['due']>[0]): Promise<Waiting[]> {
    return [...(this.jobs.get(partition) ?? [])]
      .filter(([, { dueAt }]) => dueAt <= now)
      .sort(([oneId, one], [otherId, other]) => one.dueAt - other.dueAt || (oneId < otherId ? -1 : 1))
      .slice(0, limit)
      .map(([id, { json }]) => ({ id, job: JSON.parse(json) as Job }))
  }

  async settle({ partition, done, add }: Parameters<PushStore['settle']>[0]): Promise<void> {
    for (const id of done) this.jobs.get(partition)?.delete(id)
    this.keep(partition, add)
  }

  async claim(event: EventKey, wanted: Parameters<PushStore['claim']>[1]): Promise<ClaimAnswer[]> {
    const claims = entry(this.claimed, keyOf(event))
    return wanted.map(({ device, attempt }) => {
      const state = claims.get(device)
      if (attempt === 0 ? state === undefined : state === `retry ${attempt}`) {
        claims.set(device, 'claimed')
        return 'claimed'
      }
      if (state !== 'claimed') return 'taken'
      claims.set(device, 'unknown')
      return 'unknown'
    })
  }

  async record(event: EventKey, states: Parameters<PushStore['record']>[1], add: readonly Timed[]): Promise<void> {
    const claims = entry(this.claimed, keyOf(event))
    for (const { device, state } of states) claims.set(device, state)
    this.keep(event.partition, add)
  }

  async claims(event: EventKey): Promise<ReadonlyMap<string, string>> {
    return new Map(this.claimed.get(keyOf(event)))
  }

  async lastSent({ partition, sessionId }: { partition: Partition; sessionId: SessionId }) {
    return new Map(this.seqs.get(`last ${partition} ${sessionId}`))
  }

  async noteSent({ offset, devices, ...event }: Parameters<PushStore['noteSent']>[0]): Promise<void> {
    if (devices.length === 0) return
    this.events.set(`${event.partition} ${offset}`, event)
    for (const device of devices) this.raise(`last ${event.partition} ${event.sessionId}`, device, event.seq)
  }

  async sent({ partition, offset, devices }: Parameters<PushStore['sent']>[0]) {
    const event = this.events.get(`${partition} ${offset}`)
    if (event === undefined) return new Map()
    const claims = this.claimed.get(keyOf(event))
    return sentBy(event.sessionId, devices, device => claims?.get(device))
  }

  async delivered({ partition, sessionId }: { partition: Partition; sessionId: SessionId }) {
    return new Map(this.seqs.get(`delivered ${partition} ${sessionId}`))
  }

  async waiting(partition: Partition): Promise<number> {
    return this.jobs.get(partition)?.size ?? 0
  }

  async close(): Promise<void> {}

  private keep(partition: Partition, jobs: readonly Timed[]): void {
    const kept = entry(this.jobs, partition)
    for (const { id, dueAt, job } of jobs) kept.set(id, { dueAt, json: JSON.stringify(job) })
  }

  private raise(key: string, field: string, seq: Seq): void {
    const seqs = entry(this.seqs, key)
    seqs.set(field, Math.max(seqs.get(field) ?? 0, seq))
  }
}

function keyOf({ partition, sessionId, seq }: EventKey): string {
  return `${partition} ${sessionId}#${seq}`
}

function entry<K, V>(maps: Map<K, Map<string, V>>, key: K): Map<string, V> {
  const map = maps.get(key) ?? new Map<string, V>()
  maps.set(key, map)
  return map
}
