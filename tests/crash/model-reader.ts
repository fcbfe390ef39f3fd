import { hash } from 'node:crypto'
import type { World } from '../../processors/sequencer/testing/world.ts'
import type { Offset } from '../../schemas/ids.ts'
import type { StoredRecord } from '../../topics/log.ts'
import { HEADER_PREV, POSITION_START, type Position, selectValid, type ValidBatch } from '../../topics/valid-events.ts'

/** Follows im.events by the rule that all readers share, in parts of any size, from a position on. */
export class ModelReader {
  private readonly world: World
  private readonly name: string
  private readonly first: Offset
  private position: Position
  private accepted: StoredRecord[] = []

  constructor(world: World, name: string, first: Offset = 0) {
    this.world = world
    this.name = name
    this.first = first
    this.position = first === 0 ? POSITION_START : { offset: first - 1, cause: null, hash: null }
  }

  async read(recordsMax: number): Promise<void> {
    const records = await this.world.records(this.world.topics.events.name)
    const next = records.filter(({ offset }) => offset > this.position.offset).slice(0, recordsMax)
    const batch = selectValid(0, this.position, next)
    this.accepted.push(...batch.records)
    this.position = batch.position
  }

  async readAll(): Promise<void> {
    await this.read(Number.MAX_SAFE_INTEGER)
  }

  /** The log ends at `kept` now. Whoever was ahead of it is told so by the log, and begins anew. */
  async tailLost(kept: Offset): Promise<void> {
    if (this.position.offset < kept) return
    this.position = POSITION_START
    this.accepted = []
  }

  /** For one that nobody told of a loss: what it has may be another log than ours, but never a mixture of both. */
  mixtureWith({ records }: ValidBatch): string[] {
    const own = this.accepted.map(placeOf)
    const ours = records.map(placeOf)
    const parted = own.findIndex((place, index) => place !== ours[index])
    if (parted === -1) return []
    const rest = new Set(ours.slice(parted))
    const mixed = own.slice(parted).find(place => rest.has(place))
    return mixed === undefined ? [] : [`reader ${this.name} has ${mixed} of the log after events that are not of it`]
  }

  differencesFrom({ records }: ValidBatch): string[] {
    const expected = records.filter(({ offset }) => offset >= this.first).map(placeOf)
    const found = this.accepted.map(placeOf)
    const at = expected.findIndex((place, index) => place !== found[index])
    if (at === -1 && found.length === expected.length) return []
    return [`reader ${this.name} has ${found[at] ?? 'nothing'} where the log has ${expected[at] ?? 'nothing'}`]
  }
}

/** Where a record stands, and a few digits that tell it from any other one there. */
function placeOf({ offset, value, headers }: StoredRecord): string {
  const prev = headers[HEADER_PREV] ?? Buffer.alloc(0)
  return `${offset} (${hash('sha256', Buffer.concat([prev, value!])).slice(0, 8)})`
}
