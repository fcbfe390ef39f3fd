import type { Clock, Millis } from '../../infra/clock.ts'
import type { Logger } from '../../infra/logger.ts'
import type { Partition, UserId } from '../../schemas/ids.ts'
import type { PushFacts } from './facts.ts'
import type { Job, MessageEvent, PushedEvent, Timed } from './jobs.ts'
import {
  deviceKeyOf,
  type Intent,
  messageIntent,
  planUser,
  receiverOf,
  requestIntent,
  type UserFacts,
  type UserPlan,
  type Wording,
  withdrawalIntent,
} from './plan.ts'
import type { PushMetrics } from './push-metrics.ts'
import { type PushStore, sentOf, type Waiting } from './push-store.ts'
import type { Sender, Sending } from './sender.ts'
import type { Languages } from './templates.ts'
import type { TokenPacks } from './token-packs.ts'

/**
 * Does the jobs of its partitions as they fall due.
 *
 * A large group is planned page by page; after each page its job goes behind the others that are due, so that nobody
 * waits for it, and memory holds one page. A job that fails (a store is away) stays and is tried again; a job whose
 * event is too old is dropped: a phone that rings for what is long past helps nobody.
 */

export interface WorkerLimits {
  /** Events older than this ring no more. */
  ageMsMax: Millis
  /** How long a connected device may take to tell that it has a message. */
  ackMs: Millis
  /** Nothing is shown of anything. */
  isContentHidden: boolean
}

export interface WorkerOptions {
  store: PushStore
  facts: PushFacts
  sender: Sender
  tokens: TokenPacks
  languages: Languages
  partitions: readonly Partition[]
  limits: WorkerLimits
  clock: Clock
  logger: Logger
  metrics: PushMetrics
}

/** Users of one page of a group. */
export const AUDIENCE_PAGE = 500
/** Jobs that are under way together, per partition. */
export const JOBS_MAX = 64
/** Jobs that are looked at together, per partition: most of them are for nobody who has a device. */
export const DUE_MAX = 512
/** How often it is looked for jobs that are due, and whether a view that was behind has caught up. */
export const POLL_MS: Millis = 100
const FAILURE_MS: Millis = 1_000

interface Done {
  /** The job is over; undefined: it stays as it is. */
  isDone: boolean
  add: Timed[]
}

const DONE: Done = { isDone: true, add: [] }

export class PushWorker {
  private readonly options: WorkerOptions
  private readonly abort = new AbortController()
  private loops: Promise<void>[] = []
  /** Jobs that are under way, by partition: a vendor that does not answer holds up its own jobs only. */
  private readonly underWay = new Map<Partition, Map<string, Promise<void>>>()

  constructor(options: WorkerOptions) {
    this.options = options
  }

  start(): void {
    this.loops = this.options.partitions.map(partition => this.run(partition))
  }

  /** Resolves when no job is under way. */
  async drain(): Promise<void> {
    this.abort.abort()
    await Promise.all(this.loops)
    await Promise.all([...this.underWay.values()].flatMap(jobs => [...jobs.values()]))
  }

  private async run(partition: Partition): Promise<void> {
    const { clock, store, logger, metrics } = this.options
    const { signal } = this.abort
    while (!signal.aborted) {
      try {
        if (await this.begin(partition)) continue
        metrics.waiting.set({ partition: String(partition) }, await store.waiting(partition))
        await clock.sleep(POLL_MS, signal)
      } catch (error) {
        logger.error({ err: error, partition }, 'push cannot go on for now')
        await clock.sleep(FAILURE_MS, signal)
      }
    }
  }

  /** Begins what is due and not under way, as far as there is room; false where there is nothing to begin. */
  private async begin(partition: Partition): Promise<boolean> {
    const jobs = this.underWay.get(partition) ?? new Map<string, Promise<void>>()
    this.underWay.set(partition, jobs)
    if (jobs.size >= JOBS_MAX) return false
    // As it is now: a job that ends while it is looked for what is due stands there still, and is not to be done again.
    const underWay = new Set(jobs.keys())
    const { dismissed, wanted } = await this.take(partition, id => underWay.has(id))
    const fresh = wanted.slice(0, JOBS_MAX - jobs.size)
    for (const waiting of fresh) {
      const work = this.perform(partition, waiting)
        .catch(error => this.options.logger.error({ err: error, partition }, 'a push job could not be put back'))
        .finally(() => jobs.delete(waiting.id))
      jobs.set(waiting.id, work)
    }
    return dismissed + fresh.length > 0
  }

  /** Takes up what is due and waits for it; false where nothing is. */
  async step(partition: Partition): Promise<boolean> {
    const { dismissed, wanted } = await this.take(partition)
    await Promise.all(wanted.map(job => this.perform(partition, job)))
    return dismissed + wanted.length > 0
  }

  /**
   * What is due and can be judged: what the views have not seen yet stays due. Messages to one user who has no device
   * are dismissed here, all together: where nobody has a phone a message costs a look at its receiver and no more.
   */
  private async take(
    partition: Partition,
    isUnderWay: (id: string) => boolean = () => false,
  ): Promise<{ dismissed: number; wanted: Waiting[] }> {
    const { store, facts, clock, metrics } = this.options
    const due = await store.due({ partition, now: clock.now(), limit: DUE_MAX })
    if (due.length === 0) return { dismissed: 0, wanted: [] }
    const seen = await facts.seenTo(partition)
    const ready = due.filter(({ id, job }) => !isUnderWay(id) && (job.event.offset <= seen || this.isTooOld(job)))
    const receivers = new Map(
      ready.flatMap(({ id, job }): [string, UserId][] => {
        const receiver = job.kind === 'message' && job.stage === 1 ? receiverOf(job.event) : undefined
        return receiver === undefined ? [] : [[id, receiver]]
      }),
    )
    const userIds = [...new Set(receivers.values())]
    const devices = await facts.devices(userIds)
    const without = new Set(userIds.filter((_, i) => devices[i]!.length === 0))
    const isIdle = ({ id }: Waiting) => without.has(receivers.get(id)!)
    const idle = ready.filter(isIdle)
    if (idle.length > 0) {
      metrics.planned.inc({ verdict: 'noDevice' }, idle.length)
      await store.settle({ partition, done: idle.map(({ id }) => id), add: [] })
    }
    return { dismissed: idle.length, wanted: ready.filter(waiting => !isIdle(waiting)) }
  }

  private async perform(partition: Partition, { id, job }: Waiting): Promise<void> {
    const { store, clock, logger, metrics } = this.options
    try {
      const { isDone, add } = await this.judge(partition, id, job)
      await store.settle({ partition, done: isDone ? [id] : [], add })
    } catch (error) {
      metrics.failures.inc()
      logger.error({ err: error, partition, job: id }, 'a push job failed and is tried again')
      await store.settle({ partition, done: [], add: [{ id, dueAt: clock.now() + FAILURE_MS, job }] })
    }
  }

  private async judge(partition: Partition, id: string, job: Job): Promise<Done> {
    if (this.isTooOld(job)) return this.tooOld(partition, job)
    switch (job.kind) {
      case 'message':
        return this.planMessage(partition, id, job)
      case 'request':
        return this.pushRequest(partition, job)
      case 'again':
        return this.tryAgain(partition, job)
      case 'withdraw':
        return this.withdraw(partition, job)
      case 'token':
        return this.settleToken(job)
    }
  }

  /** Whose token a token is stays to be settled, at any age. */
  private isTooOld({ kind, event }: Job): boolean {
    return kind !== 'token' && event.at + this.options.limits.ageMsMax < this.options.clock.now()
  }

  private async tooOld(partition: Partition, job: Job): Promise<Done> {
    this.options.metrics.planned.inc({ verdict: 'old' })
    if (job.kind === 'again') {
      const found = await this.deviceOf(job)
      const body = { kind: 'Failed', cause: 'old', reason: 'the vendor took nothing in time' } as const
      if (found !== undefined)
        await this.options.sender.cancel(this.sendingOf(partition, job), intentStub(partition, job, found), body)
    }
    return DONE
  }

  /** A message, for a page of those for whom it is meant. */
  private async planMessage(partition: Partition, id: string, job: Extract<Job, { kind: 'message' }>): Promise<Done> {
    const { facts, store, clock, limits } = this.options
    const { event, stage, cursor } = job
    if (await facts.isGone(event.sessionId, event.seq)) {
      this.options.metrics.planned.inc({ verdict: 'gone' })
      return DONE
    }
    const { sessionId, from, seq } = event
    const page = await facts.audience({
      sessionId,
      from,
      limit: AUDIENCE_PAGE,
      ...(cursor === undefined ? {} : { cursor }),
    })
    const users = await facts.users({ members: page.users, sessionId, seq })
    const delivered = await store.delivered({ partition, sessionId })
    const plans = users.map(user => ({ user, plan: this.planOf(event, user, { stage, delivered }) }))
    await this.sendPlans(partition, event, plans)
    const add: Timed[] = []
    if (plans.some(({ plan }) => plan.wait.length > 0)) {
      add.push({ id: `${id}s`, dueAt: event.at + limits.ackMs, job: { kind: 'message', event, stage: 2 } })
    }
    if (page.cursor === undefined) return { isDone: true, add }
    const next: Job = { ...job, cursor: page.cursor }
    return { isDone: false, add: [...add, { id, dueAt: clock.now(), job: next }] }
  }

  private planOf(
    event: MessageEvent,
    user: UserFacts,
    { stage, delivered }: { stage: 1 | 2; delivered: ReadonlyMap<string, number> },
  ): UserPlan {
    const deliveredSeq = ({ deviceId }: { deviceId: string }) =>
      deviceId === '' ? 0 : (delivered.get(`${user.userId}/${deviceId}`) ?? 0)
    const plan = planUser({ event, user, stage, now: this.options.clock.now(), deliveredSeq })
    const { planned } = this.options.metrics
    planned.inc({ verdict: 'send' }, plan.send.length)
    for (const [reason, count] of plan.skipped) planned.inc({ verdict: reason }, count)
    return plan
  }

  private async sendPlans(
    partition: Partition,
    event: MessageEvent,
    plans: readonly { user: UserFacts; plan: UserPlan }[],
    attempt = 0,
  ): Promise<void> {
    const wanted = plans.filter(({ plan }) => plan.send.length > 0)
    if (wanted.length === 0) return
    const { facts, sender } = this.options
    const [badges, names] = await Promise.all([facts.badges(wanted.map(({ user }) => user)), facts.names(event)])
    const wording = this.wording(names)
    const intents = wanted.flatMap(({ user: { userId }, plan }, i) =>
      plan.send.map(device => messageIntent(event, { partition, userId, device, badge: badges[i]! }, wording)),
    )
    const again = (intent: Intent, next: number): Job => ({
      kind: 'again',
      event,
      userId: intent.userId,
      device: intent.deviceKey,
      attempt: next,
    })
    await sender.send({ partition, event, attempt, again }, intents)
  }

  private wording(names: Wording['names']): Wording {
    const { languages, limits } = this.options
    return { names, languages, isHidden: limits.isContentHidden }
  }

  /** What an app pushes: to every device, whatever is muted; the app knows what is urgent. */
  private async pushRequest(partition: Partition, job: Extract<Job, { kind: 'request' }>): Promise<Done> {
    const user = await this.userOf(job.event, job.event.from)
    await this.sendRequest(partition, job, user, user.devices)
    return DONE
  }

  private async sendRequest(
    partition: Partition,
    {
      event,
      request,
      attempt = 0,
    }: Pick<Extract<Job, { kind: 'request' }>, 'event' | 'request'> & { attempt?: number },
    user: UserFacts,
    devices: UserFacts['devices'],
  ): Promise<void> {
    const [badge] = request.unreadCount === undefined ? await this.options.facts.badges([user]) : [0]
    const { userId } = user
    const intents = devices.map(device => requestIntent(event, request, { partition, userId, device, badge: badge! }))
    const again = (intent: Intent, next: number): Job => ({
      kind: 'again',
      event,
      request,
      userId,
      device: intent.deviceKey,
      attempt: next,
    })
    this.options.metrics.planned.inc({ verdict: 'send' }, intents.length)
    await this.options.sender.send({ partition, event, attempt, again }, intents)
  }

  /** One device once more, if it still needs it. */
  private async tryAgain(partition: Partition, job: Extract<Job, { kind: 'again' }>): Promise<Done> {
    const { facts, store, sender } = this.options
    const { event, attempt, request } = job
    const user = await this.userOf(event, job.userId)
    const device = user.devices.find(one => deviceKeyOf(one) === job.device)
    if (device === undefined) return DONE
    const only = { ...user, devices: [device] }
    if (request !== undefined) {
      await this.sendRequest(partition, { event, request, attempt }, only, only.devices)
      return DONE
    }
    const message = event as MessageEvent
    const delivered = await store.delivered({ partition, sessionId: event.sessionId })
    const isGone = await facts.isGone(event.sessionId, event.seq)
    const plan = this.planOf(message, only, { stage: 2, delivered })
    if (!isGone && plan.send.length > 0) {
      await this.sendPlans(partition, message, [{ user: only, plan }], attempt)
      return DONE
    }
    const reason = isGone ? 'gone' : ([...plan.skipped.keys()][0] ?? 'gone')
    await sender.cancel(this.sendingOf(partition, job), intentStub(partition, job, device), {
      kind: 'Cancelled',
      reason,
    })
    return DONE
  }

  /** Takes a message that is gone off the devices that show it. */
  private async withdraw(partition: Partition, { event, seq }: Extract<Job, { kind: 'withdraw' }>): Promise<Done> {
    const { store, facts, sender, languages } = this.options
    const { sessionId } = event
    const claims = await store.claims({ partition, sessionId, seq })
    if (claims.size === 0) return DONE
    const last = await store.lastSent({ partition, sessionId })
    // A later push of the session has taken its place already.
    const shown = [...claims].filter(([device]) => last.get(device) === seq)
    const userIds = [...new Set(shown.flatMap(([, state]) => sentOf(state)?.userId ?? []))]
    for (let start = 0; start < userIds.length; start += AUDIENCE_PAGE) {
      const members = userIds.slice(start, start + AUDIENCE_PAGE).map(userId => ({ userId, joinSeq: 0 }))
      const users = await facts.users({ members, sessionId, seq })
      const badges = await facts.badges(users)
      const devices = new Set(shown.map(([device]) => device))
      const intents = users.flatMap(({ userId, devices: all }, i) =>
        all
          .filter(device => devices.has(deviceKeyOf(device)))
          .map(device => withdrawalIntent(event, { partition, userId, device, badge: badges[i]!, seq }, languages)),
      )
      await sender.withdraw({ partition, event, attempt: 0, again: neverAgain }, intents)
    }
    return DONE
  }

  /** A token belongs to whom it was registered by last. */
  private async settleToken({ event, serviceType, token }: Extract<Job, { kind: 'token' }>): Promise<Done> {
    const users = await this.options.facts.tokenUsers({ serviceType, token })
    const latest = users.reduce(
      (one, other) => (other.at > one.at || (other.at === one.at && other.userId > one.userId) ? other : one),
      { userId: event.from, at: 0 },
    )
    for (const { userId, at } of users) {
      if (userId === latest.userId) continue
      await this.options.tokens.invalidate({ userId, serviceType, token, before: at, reason: 'moved' })
    }
    return DONE
  }

  private async userOf({ sessionId, seq }: PushedEvent, userId: UserId): Promise<UserFacts> {
    const [user] = await this.options.facts.users({ members: [{ userId, joinSeq: 0 }], sessionId, seq })
    return user!
  }

  private async deviceOf(job: Extract<Job, { kind: 'again' }>) {
    const user = await this.userOf(job.event, job.userId)
    return user.devices.find(one => deviceKeyOf(one) === job.device)
  }

  private sendingOf(partition: Partition, { event, attempt }: Extract<Job, { kind: 'again' }>): Sending {
    return { partition, event, attempt, again: neverAgain }
  }
}

const neverAgain = (): Job => {
  throw new Error('what is cancelled or withdrawn is not tried again')
}

function intentStub(
  partition: Partition,
  { event, userId, device: deviceKey }: Extract<Job, { kind: 'again' }>,
  device: Intent['device'],
) {
  return { pushId: `${partition}-${event.offset}-${deviceKey}`, userId, device, deviceKey }
}
