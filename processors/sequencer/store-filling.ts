import type { Offset } from '../../schemas/ids.ts'
import type { SessionBody, SessionRecord } from '../../schemas/session.ts'
import { foldedKey } from './fold.ts'
import { changesOfJoined, type JoinedTogether } from './logged-members.ts'
import { changeOf, type RowBody } from './logged-rows.ts'
import { type Change, countRows, makeRowMaps, type StoredCheckpoint } from './session.ts'
import type { StateStore } from './state-store.ts'

/** Rows written to an empty store in one go. */
const FILL_ROWS_MAX = 5_000

/** The rows that a record holds. */
function changesOf(body: RowBody | JoinedTogether): Change[] {
  return body.kind === 'JoinedMembers' ? changesOfJoined(body) : [changeOf(body)]
}

/** Fills an empty store with the rows of im.sessions; it counts as empty until `finish`. */
export class StoreFilling {
  private readonly store: StateStore
  private rows = makeRowMaps()
  private newest: Offset = -1
  /** The last mark that was taken. */
  mark: Extract<SessionBody, { kind: 'PositionMark' }> | undefined

  constructor(store: StateStore) {
    this.store = store
  }

  take({ body, offset }: SessionRecord): Promise<void> | undefined {
    if (body.kind === 'OwnerClaim') return undefined
    if (body.kind === 'PositionMark') {
      this.mark = body
      return undefined
    }
    this.newest = Math.max(this.newest, offset)
    for (const change of changesOf(body)) this.put(change)
    return this.room()
  }

  put({ table, key, row }: Change): void {
    const rows: Map<string, typeof row> = this.rows[table] as Map<string, typeof row>
    rows.set(key, row)
  }

  /** Writes when enough has come together; undefined while there is room. */
  room(): Promise<void> | undefined {
    return countRows(this.rows) >= FILL_ROWS_MAX ? this.write(undefined) : undefined
  }

  finish(checkpoint: StoredCheckpoint): Promise<void> {
    return this.write(checkpoint)
  }

  /** True where rows are folded beyond the mark: they were committed, the transaction with their mark was not. */
  get isBeyondMark(): boolean {
    return this.mark !== undefined && this.newest > this.mark.position.offset
  }

  private async write(checkpoint: StoredCheckpoint | undefined): Promise<void> {
    const rows = this.rows
    this.rows = makeRowMaps()
    await this.store.write({ rows, checkpoint, forgetBefore: 0 })
  }
}

/** Collects the rows that are folded beyond a position; there are few, for only an unfinished transaction leaves any. */
export class RowsBeyond {
  readonly rows = new Map<string, Offset>()
  private readonly position: Offset

  constructor(position: Offset) {
    this.position = position
  }

  take({ body, offset }: SessionRecord): undefined {
    if (body.kind === 'OwnerClaim' || body.kind === 'PositionMark' || offset <= this.position) return
    for (const change of changesOf(body)) this.rows.set(foldedKey(change), offset)
  }
}
