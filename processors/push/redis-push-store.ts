import type { Millis } from '../../infra/clock.ts'
import { pairsOf } from '../../infra/redis/generations.ts'
import { type Command, loadScript, runPipeline } from '../../infra/redis/pipeline.ts'
import type { RedisConnection } from '../../infra/redis/redis.ts'
import type { Partition, Seq, SessionId } from '../../schemas/ids.ts'
import type { Position } from '../../topics/valid-events.ts'
import type { Job, Timed } from './jobs.ts'
import {
  CLAIM_MS,
  type ClaimAnswer,
  DELIVERED_MS,
  type EventKey,
  type PushStore,
  sentBy,
  type Waiting,
} from './push-store.ts'

/**
 * Push in Redis. All keys of a partition are in one slot, under `<prefix>push:{p<partition>}:`, written by push only
 *
 *   position              string  JSON of the position
 *   due                   zset    job id by the time at which it is due
 *   jobs                  hash    job id -> JSON of the job
 *   claims:<session>#<seq> hash   device -> state (push-store.ts); TTL CLAIM_MS
 *   last:<session>        hash    device -> seq of the last push of the session; TTL CLAIM_MS
 *   event:<offset>        string  <session>#<seq> of an event that was pushed; TTL CLAIM_MS
 *   delivered:<session>   hash    userId/deviceId -> seq; TTL DELIVERED_MS
 *
 * What is added comes before what is taken away: a crash in between does something twice, and claims keep that from
 * sending anything twice.
 */

const claimScript = loadScript(new URL('./claim.lua', import.meta.url))
const raiseScript = loadScript(new URL('./raise-seqs.lua', import.meta.url))
const raisePositionScript = loadScript(new URL('./raise-position.lua', import.meta.url))

const JOBS_PER_COMMAND = 500

export class RedisPushStore implements PushStore {
  private readonly connection: RedisConnection

  constructor(connection: RedisConnection) {
    this.connection = connection
  }

  private key(partition: Partition, name: string): string {
    return `${this.connection.prefix}push:{p${partition}}:${name}`
  }

  private claimsKey({ partition, sessionId, seq }: EventKey): string {
    return this.key(partition, `claims:${sessionId}#${seq}`)
  }

  /** Few large commands: what a batch of messages leaves costs Redis and us far less together. */
  private jobCommands(partition: Partition, jobs: readonly Timed[]): Command[] {
    const commands: Command[] = []
    for (let start = 0; start < jobs.length; start += JOBS_PER_COMMAND) {
      const some = jobs.slice(start, start + JOBS_PER_COMMAND)
      commands.push(
        ['hset', this.key(partition, 'jobs'), ...some.flatMap(({ id, job }) => [id, JSON.stringify(job)])],
        ['zadd', this.key(partition, 'due'), ...some.flatMap(({ id, dueAt }) => [dueAt, id])],
      )
    }
    return commands
  }

  private raise(key: string, ttlMs: Millis, seqs: ReadonlyMap<string, Seq>): Command {
    return raiseScript.call([key], [ttlMs, ...[...seqs].flat()])
  }

  async position(partition: Partition): Promise<Position | undefined> {
    const [json] = await runPipeline(this.connection, [['get', this.key(partition, 'position')]])
    return json === null ? undefined : (JSON.parse(String(json)) as Position)
  }

  async add({ partition, jobs, delivered, position }: Parameters<PushStore['add']>[0]): Promise<void> {
    const bySession = new Map<SessionId, Map<string, Seq>>()
    for (const { sessionId, userId, deviceId, seq } of delivered) {
      const marks = bySession.get(sessionId) ?? new Map<string, Seq>()
      bySession.set(sessionId, marks)
      const field = `${userId}/${deviceId}`
      marks.set(field, Math.max(marks.get(field) ?? 0, seq))
    }
    const marks = [...bySession].map(([sessionId, seqs]) =>
      this.raise(this.key(partition, `delivered:${sessionId}`), DELIVERED_MS, seqs),
    )
    await runPipeline(this.connection, marks, [raiseScript])
    await runPipeline(this.connection, this.jobCommands(partition, jobs))
    const raised = raisePositionScript.call(
      [this.key(partition, 'position')],
      [JSON.stringify(position), position.offset],
    )
    await runPipeline(this.connection, [raised], [raisePositionScript])
  }

  async due({ partition, now, limit }: Parameters<PushStore['due']>[0]): Promise<Waiting[]> {
    const [ids] = await runPipeline(this.connection, [
      ['zrangebyscore', this.key(partition, 'due'), '-inf', now, 'LIMIT', 0, limit],
    ])
    if ((ids as string[]).length === 0) return []
    const [jobs] = await runPipeline(this.connection, [['hmget', this.key(partition, 'jobs'), ...(ids as string[])]])
    return (ids as string[]).flatMap((id, i) => {
      const json = (jobs as (string | null)[])[i]
      return json == null ? [] : [{ id, job: JSON.parse(json) as Job }]
    })
  }

  async settle({ partition, done, add }: Parameters<PushStore['settle']>[0]): Promise<void> {
    const removals: Command[] =
      done.length === 0
        ? []
        : [
            ['zrem', this.key(partition, 'due'), ...done],
            ['hdel', this.key(partition, 'jobs'), ...done],
          ]
    await runPipeline(this.connection, this.jobCommands(partition, add))
    await runPipeline(this.connection, removals)
  }

  async claim(event: EventKey, wanted: Parameters<PushStore['claim']>[1]): Promise<ClaimAnswer[]> {
    if (wanted.length === 0) return []
    const args = wanted.flatMap(({ device, attempt }) => [device, attempt])
    // @NOTE Not idempotent: a second run of the same call answers `unknown`, which loses a push and doubles none.
    const call = claimScript.call([this.claimsKey(event)], [CLAIM_MS, ...args])
    const [answers] = await runPipeline(this.connection, [call], [claimScript])
    return answers as ClaimAnswer[]
  }

  async record(event: EventKey, states: Parameters<PushStore['record']>[1], add: readonly Timed[]): Promise<void> {
    if (states.length === 0) return
    const fields = states.flatMap(({ device, state }) => [device, state])
    const recorded: Command = ['hset', this.claimsKey(event), ...fields]
    await runPipeline(this.connection, [...this.jobCommands(event.partition, add), recorded])
  }

  async claims(event: EventKey): Promise<ReadonlyMap<string, string>> {
    const [reply] = await runPipeline(this.connection, [['hgetall', this.claimsKey(event)]])
    return new Map(pairsOf(reply))
  }

  async lastSent({ partition, sessionId }: Parameters<PushStore['lastSent']>[0]): Promise<ReadonlyMap<string, Seq>> {
    return this.seqs(this.key(partition, `last:${sessionId}`))
  }

  async noteSent(request: Parameters<PushStore['noteSent']>[0]): Promise<void> {
    const { partition, sessionId, seq, offset, devices } = request
    if (devices.length === 0) return
    const seqs = new Map(devices.map(device => [device, seq]))
    const place: Command = ['set', this.key(partition, `event:${offset}`), `${sessionId}#${seq}`, 'PX', CLAIM_MS]
    const call = this.raise(this.key(partition, `last:${sessionId}`), CLAIM_MS, seqs)
    await runPipeline(this.connection, [place, call], [raiseScript])
  }

  async sent({ partition, offset, devices }: Parameters<PushStore['sent']>[0]) {
    const [place] = await runPipeline(this.connection, [['get', this.key(partition, `event:${offset}`)]])
    if (place === null || devices.length === 0) return new Map()
    const [, sessionId, seq] = /^(.*)#(\d+)$/.exec(String(place))!
    const event: EventKey = { partition, sessionId: sessionId as SessionId, seq: Number(seq) }
    const [states] = await runPipeline(this.connection, [['hmget', this.claimsKey(event), ...devices]])
    return sentBy(event.sessionId, devices, (_, index) => (states as (string | null)[])[index])
  }

  async delivered({ partition, sessionId }: Parameters<PushStore['delivered']>[0]): Promise<ReadonlyMap<string, Seq>> {
    return this.seqs(this.key(partition, `delivered:${sessionId}`))
  }

  async waiting(partition: Partition): Promise<number> {
    const [count] = await runPipeline(this.connection, [['zcard', this.key(partition, 'due')]])
    return Number(count)
  }

  private async seqs(key: string): Promise<ReadonlyMap<string, Seq>> {
    const [reply] = await runPipeline(this.connection, [['hgetall', key]])
    return new Map(pairsOf(reply).map(([field, seq]) => [field, Number(seq)]))
  }

  async close(): Promise<void> {
    await this.connection.close()
  }
}
