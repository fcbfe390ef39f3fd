import type { Offset } from '../../schemas/ids.ts'
import type { SessionBody, SessionRecord } from '../../schemas/session.ts'
import { type FoldedRows, foldedKey } from './fold.ts'
import { type Change, countRows, makeRowMaps, memberKey, type StoredCheckpoint } from './session.ts'
import type { StateStore } from './state-store.ts'

/** Rows written to an empty store in one go. */
const FILL_ROWS_MAX = 5_000

/** Fills an empty store with the rows of im.sessions; it counts as empty until `finish`. */
export class StoreFilling {
  private readonly store: StateStore
  private rows = makeRowMaps()
  /** Rows since the last mark: only these can be newer than it. */
  private readonly sinceMark = new Map<string, Offset>()
  /** The last mark that was taken. */
  mark: Extract<SessionBody, { kind: 'PositionMark' }> | undefined

  constructor(store: StateStore) {
    this.store = store
  }

  async take({ body, offset }: SessionRecord): Promise<void> {
    if (body.kind === 'OwnerClaim') return
    if (body.kind === 'PositionMark') {
      this.mark = body
      this.sinceMark.clear()
      return
    }
    const change = changeOf(body)
    this.put(change)
    this.sinceMark.set(foldedKey(change), offset)
    await this.room()
  }

  put({ table, key, row }: Change): void {
    const rows: Map<string, typeof row> = this.rows[table] as Map<string, typeof row>
    rows.set(key, row)
  }

  /** Writes when enough has come together. */
  async room(): Promise<void> {
    if (countRows(this.rows) >= FILL_ROWS_MAX) await this.write(undefined)
  }

  finish(checkpoint: StoredCheckpoint): Promise<void> {
    return this.write(checkpoint)
  }

  /** Rows that are folded beyond the mark: their transaction was committed, the one with the next mark was not. */
  rowsBeyond(offset: Offset): FoldedRows | undefined {
    const newer = [...this.sinceMark].filter(([, folded]) => folded > offset)
    return newer.length === 0 ? undefined : new Map(newer)
  }

  private async write(checkpoint: StoredCheckpoint | undefined): Promise<void> {
    const rows = this.rows
    this.rows = makeRowMaps()
    await this.store.write({ rows, checkpoint, forgetBefore: 0 })
  }
}

function changeOf(body: Exclude<SessionBody, { kind: 'PositionMark' } | { kind: 'OwnerClaim' }>): Change {
  switch (body.kind) {
    case 'SessionHead': {
      const { sessionId, lastSeq, count, owner, dismissed, memberCount } = body
      return { table: 'heads', key: sessionId, row: { lastSeq, count, owner, dismissed, memberCount } }
    }
    case 'SessionInfo':
      return { table: 'infos', key: body.sessionId, row: body.info }
    case 'SessionMember': {
      const { sessionId, userId, owner, intervals } = body
      return { table: 'members', key: memberKey(sessionId, userId), row: { owner, intervals } }
    }
  }
}
