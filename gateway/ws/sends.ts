import type { Clock } from '../../infra/clock.ts'
import type { RecordCodec } from '../../schemas/codec.ts'
import type { CodeName } from '../../schemas/codes.ts'
import { type PackFrame, sessionOfFrame } from '../../schemas/frames.ts'
import type { Partition, SessionId } from '../../schemas/ids.ts'
import type { Pack } from '../../schemas/pack.ts'
import { LAG_EVENTS_MAX, PENDING_AGE_MS_MAX, PENDING_MAX, PENDING_PER_CONNECTION_MAX } from '../limits.ts'
import type { ClientConnection } from './client-connection.ts'
import { refusal } from './frames.ts'
import type { FriendsOnly } from './friends-only.ts'
import type { PackAppender } from './pack-appender.ts'
import { packOf } from './packs.ts'
import type { PendingPack, PendingPacks } from './pending.ts'
import type { Progress } from './progress.ts'
import { stampFriendsOnly } from './stamps.ts'

export interface SendsOptions {
  codec: RecordCodec<Pack>
  clock: Clock
  gateway: string
  pending: PendingPacks
  progress: Progress
  appender: Pick<PackAppender, 'enqueue'>
  partitionOf(sessionId: SessionId): Partition
  friendsOnly: Pick<FriendsOnly, 'of'>
  /** Something failed that must end the gateway. */
  onFatal(error: unknown): void
  metrics: { refused(code: CodeName): void; appended(): void }
}

/**
 * Takes packs from clients: refuses what is too much, joins what waits already, and appends the rest to im.packs. The
 * answer comes with the outcome on im.events (fanout.ts), or here when none comes.
 */
export class Sends {
  private readonly options: SendsOptions
  private isStopped = false

  constructor(options: SendsOptions) {
    this.options = options
  }

  /** From now on every pack is refused temporarily: the gateway drains. */
  stop(): void {
    this.isStopped = true
  }

  submit(connection: ClientConnection, frame: PackFrame): void {
    const { clock, gateway } = this.options
    const now = clock.monotonic()
    if (!connection.state.admitPack(now)) {
      this.refuse(connection, frame, 'RATE_LIMITED')
      return
    }
    const pack = packOf(frame, connection.identity, gateway)
    const stamped = stampFriendsOnly(pack, this.options.friendsOnly)
    if (stamped === undefined) this.take(connection, frame, pack)
    // Packs that wait for the same answer go on in the order in which they came.
    else stamped.then(() => this.take(connection, frame, pack)).catch(this.options.onFatal)
  }

  private take(connection: ClientConnection, frame: PackFrame, pack: Pack): void {
    const { clock, codec, pending, appender, partitionOf, metrics } = this.options
    if (pending.join(pack, connection)) return
    const code = this.refusalOf(connection)
    if (code !== undefined) {
      this.refuse(connection, frame, code)
      return
    }
    const record = { key: Buffer.from(pack.sessionId), value: codec.encode(pack), headers: {} }
    appender.enqueue(partitionOf(pack.sessionId), record, pending.add(pack, connection, clock.monotonic()))
    metrics.appended()
  }

  /** Why nothing new is taken; undefined where it is. */
  private refusalOf(connection: ClientConnection): CodeName | undefined {
    const { clock, pending, progress } = this.options
    if (this.isStopped) return 'SERVICE_UNAVAILABLE'
    const isOver =
      pending.size >= PENDING_MAX ||
      connection.pendingPacks >= PENDING_PER_CONNECTION_MAX ||
      progress.lag > LAG_EVENTS_MAX ||
      pending.oldestAge(clock.monotonic()) > PENDING_AGE_MS_MAX
    return isOver ? 'OVERLOADED' : undefined
  }

  private refuse(connection: ClientConnection, frame: PackFrame, code: CodeName): void {
    this.options.metrics.refused(code)
    const { packId } = frame
    connection.send({
      type: 'refused',
      packId,
      sessionId: sessionOfFrame(frame, connection.identity.userId),
      ...refusal(code),
    })
  }

  /** The packs could not be appended, as far as is known. */
  failed(packs: readonly PendingPack[]): void {
    for (const pack of packs) {
      if (!pack.isOpen) continue
      this.options.pending.remove(pack)
      this.tell(pack, 'SERVICE_UNAVAILABLE')
    }
  }

  /** Answers packs that have waited too long. */
  sweep(): void {
    for (const pack of this.options.pending.expire(this.options.clock.monotonic())) this.tell(pack, 'MSG_TIMEOUT')
  }

  private tell({ packId, sessionId, waiters }: PendingPack, code: CodeName): void {
    this.options.metrics.refused(code)
    for (const connection of waiters) connection.send({ type: 'refused', packId, sessionId, ...refusal(code) })
  }
}
