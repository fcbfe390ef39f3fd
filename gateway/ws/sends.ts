import type { Clock, Millis } from '../../infra/clock.ts'
import type { RecordCodec } from '../../schemas/codec.ts'
import { Code, type CodeName } from '../../schemas/codes.ts'
import { type PackFrame, sessionOfFrame } from '../../schemas/frames.ts'
import type { PackId, Partition, SessionId } from '../../schemas/ids.ts'
import type { Pack } from '../../schemas/pack.ts'
import {
  LAG_EVENTS_MAX,
  LOOK_UPS_PER_CONNECTION_MAX,
  PENDING_AGE_MS_MAX,
  PENDING_MAX,
  PENDING_PER_CONNECTION_MAX,
} from '../limits.ts'
import type { Asker, Identity } from './asker.ts'
import { refusal } from './frames.ts'
import { isMarkFrame, type MarkFrame, Marks } from './marks.ts'
import { OwnMarks, ownMark } from './own-marks.ts'
import type { PackAppender } from './pack-appender.ts'
import { packOf } from './packs.ts'
import type { PendingPack, PendingPacks } from './pending.ts'
import type { Progress } from './progress.ts'
import type { Stamps } from './stamps.ts'
import type { UserRates } from './user-rates.ts'
import { QuestionFailed } from './views.ts'

/** Packs between the sender and another user: there is no single chat of one user. */
const RELATIONS: ReadonlySet<PackFrame['type']> = new Set<PackFrame['type']>([
  'requestFriend',
  'acceptFriend',
  'refuseFriend',
  'deleteFriend',
  'remarkFriend',
  'blockUser',
  'unblockUser',
])

export interface SendsOptions {
  codec: RecordCodec<Pack>
  clock: Clock
  gateway: string
  pending: PendingPacks
  progress: Progress
  appender: Pick<PackAppender, 'enqueue'>
  partitionOf(sessionId: SessionId): Partition
  stamps: Pick<Stamps, 'stamp'>
  /** Something failed that must end the gateway. */
  onFatal(error: unknown): void
  rates: Pick<UserRates, 'mayPack' | 'packWaitMs'>
  metrics: { refused(code: CodeName): void; appended(): void }
}

/** What was asked for: the frame of a client, or a pack that the server itself has made. */
type Asked = PackFrame | Pack

/** What a mark has besides its pack. */
type MarkPart = Partial<Pick<PendingPack, 'overtaken' | 'onRefused'>>

/** Refusals of a session that takes no mark of this user: it goes to the user's own session. */
const GOES_TO_USER: ReadonlySet<number> = new Set([
  Code.LIMIT_REACHED.number,
  Code.GROUP_NOT_EXIST.number,
  Code.GROUP_USER_NOT_EXIST.number,
])

/**
 * Takes packs from clients: refuses what is too much, joins what waits already, and appends the rest to im.packs. The
 * answer comes with the outcome on im.events (fanout.ts), or here when none comes.
 */
export class Sends {
  private readonly options: SendsOptions
  private isStopped = false
  /** The last pack that waits, of a connection in a session: its packs keep their order. */
  private readonly lanes = new Map<string, Promise<void>>()

  private readonly marks: Marks
  private readonly ownMarks = new OwnMarks()

  constructor(options: SendsOptions) {
    this.options = options
    this.marks = new Marks({
      clock: options.clock,
      pass: (connection, frame, overtaken) => this.passMark(connection, frame, overtaken),
      refuse: (connection, frame) => this.refuse(connection, frame, 'RATE_LIMITED'),
    })
  }

  /** From now on every pack is refused temporarily: the gateway drains. */
  stop(): void {
    this.isStopped = true
    this.marks.flushAll()
  }

  submit(connection: Asker, frame: PackFrame): void {
    const { clock, gateway } = this.options
    const now = clock.monotonic()
    const { identity } = connection
    const isAdmitted = connection.admitPack(now)
    if (!isAdmitted || !this.mayPack(identity)) {
      const waitMs = isAdmitted ? this.options.rates.packWaitMs(identity.userId) : connection.packWaitMs
      this.refuse(connection, frame, 'RATE_LIMITED', undefined, waitMs)
      return
    }
    if (RELATIONS.has(frame.type) && 'userId' in frame && frame.userId === identity.userId) {
      this.refuse(connection, frame, 'PARAM', 'userId: the sender is nothing to themselves')
      return
    }
    if (isMarkFrame(frame)) {
      this.marks.submit(connection, frame)
      return
    }
    // Before anything is made of it: refusing has to cost less than sending. A resend may join what waits already.
    const code = this.options.pending.hasPackId(frame.packId) ? undefined : this.refusalOf(connection)
    if (code === undefined) this.prepare(connection, frame, packOf(frame, identity, gateway))
    else this.refuse(connection, frame, code)
  }

  /** What an app does in the name of a user is counted by its key. */
  private mayPack({ userId, actor }: Identity): boolean {
    return actor !== undefined || this.options.rates.mayPack(userId)
  }

  /** Takes a pack that no frame of a client asks for. Whoever calls has counted it. */
  submitPack(asker: Asker, pack: Pack): void {
    this.prepare(asker, pack, pack)
  }

  /** The connection is gone, or about to be: what it has marked is said at once. */
  left(connection: Asker): void {
    this.marks.flush(connection)
  }

  /** Takes a mark whose time has come. */
  private passMark(connection: Asker, frame: MarkFrame, packIds: readonly PackId[]): void {
    const { clock, gateway } = this.options
    const pack = packOf(frame, connection.identity, gateway)
    const overtaken = packIds.map(packId => ({ connection, packId }))
    if (this.isStopped) {
      this.refuseAll(connection, frame, { overtaken }, 'SERVICE_UNAVAILABLE')
      return
    }
    const own = ownMark(pack, frame)
    if (frame.type === 'markRead' && this.ownMarks.has(frame.sessionId, clock.monotonic())) {
      this.prepare(connection, frame, own, { overtaken })
      return
    }
    const onRefused = (code: number, waiters: readonly Asker[]) => {
      if (frame.type !== 'markRead' || !GOES_TO_USER.has(code)) return false
      if (code === Code.LIMIT_REACHED.number) this.ownMarks.add(frame.sessionId, clock.monotonic())
      for (const waiter of waiters) this.prepare(waiter, frame, own, waiter === connection ? { overtaken } : {})
      return true
    }
    this.prepare(connection, frame, pack, { overtaken, onRefused })
  }

  /** Looks up what the sequencer needs to know; what comes after a pack in its session waits with it. */
  private prepare(connection: Asker, frame: Asked, pack: Pack, mark: MarkPart = {}): void {
    if (connection.lookUps >= LOOK_UPS_PER_CONNECTION_MAX) {
      this.refuseAll(connection, frame, mark, 'OVERLOADED')
      return
    }
    const found = this.options.stamps.stamp(pack)
    // Most messages find nobody waiting: no key is made for them.
    if (found === undefined && this.lanes.size === 0) {
      this.take(connection, frame, pack, mark)
      return
    }
    const lane = `${connection.id} ${pack.sessionId}`
    const before = this.lanes.get(lane)
    if (found === undefined && before === undefined) {
      this.take(connection, frame, pack, mark)
      return
    }
    connection.lookUps++
    // Heard when its turn comes.
    found?.catch(() => {})
    const turn = this.inTurn(before, found)
      .then(() => this.take(connection, frame, pack, mark))
      .catch(error => {
        if (!(error instanceof QuestionFailed)) throw error
        this.refuseAll(connection, frame, mark, error.code, error.message)
      })
      .catch(this.options.onFatal)
      .finally(() => {
        connection.lookUps--
        if (this.lanes.get(lane) === turn) this.lanes.delete(lane)
      })
    this.lanes.set(lane, turn)
  }

  private async inTurn(before: Promise<void> | undefined, found: Promise<void> | undefined): Promise<void> {
    await before
    await found
  }

  private take(connection: Asker, frame: Asked, pack: Pack, mark: MarkPart): void {
    const { clock, codec, pending, appender, partitionOf, metrics } = this.options
    const joined = pending.join(pack, connection)
    if (joined !== undefined) {
      joined.overtaken.push(...(mark.overtaken ?? []))
      return
    }
    const code = this.refusalOf(connection)
    if (code !== undefined) {
      this.refuseAll(connection, frame, mark, code)
      return
    }
    const record = { key: Buffer.from(pack.sessionId), value: codec.encode(pack), headers: {} }
    const added = pending.add(pack, connection, clock.monotonic())
    added.overtaken = [...(mark.overtaken ?? [])]
    added.onRefused = mark.onRefused
    appender.enqueue(partitionOf(pack.sessionId), record, added)
    metrics.appended()
  }

  /** Why nothing new is taken; undefined where it is. */
  private refusalOf(connection: Asker): CodeName | undefined {
    const { clock, pending, progress } = this.options
    if (this.isStopped) return 'SERVICE_UNAVAILABLE'
    const isOver =
      pending.size >= PENDING_MAX ||
      connection.pendingPacks >= PENDING_PER_CONNECTION_MAX ||
      progress.lag > LAG_EVENTS_MAX ||
      pending.oldestAge(clock.monotonic()) > PENDING_AGE_MS_MAX
    return isOver ? 'OVERLOADED' : undefined
  }

  refuse(connection: Asker, frame: Asked, code: CodeName, reason?: string, retryAfterMs?: Millis): void {
    this.options.metrics.refused(code)
    const { packId } = frame
    connection.send({
      type: 'refused',
      packId,
      sessionId: 'type' in frame ? sessionOfFrame(frame, connection.identity.userId) : frame.sessionId,
      ...refusal(code, reason, retryAfterMs),
    })
  }

  private refuseAll(
    connection: Asker,
    frame: Asked,
    { overtaken = [] }: MarkPart,
    code: CodeName,
    reason?: string,
  ): void {
    for (const { packId } of overtaken) this.refuse(connection, { ...frame, packId }, code, reason)
    this.refuse(connection, frame, code, reason)
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

  private tell({ packId, sessionId, waiters, overtaken }: PendingPack, code: CodeName): void {
    this.options.metrics.refused(code)
    for (const mark of overtaken) {
      mark.connection.send({ type: 'refused', packId: mark.packId, sessionId, ...refusal(code) })
    }
    for (const connection of waiters) connection.send({ type: 'refused', packId, sessionId, ...refusal(code) })
  }
}
