import type { Clock, Millis } from '../../infra/clock.ts'
import type { Partition, UserId } from '../../schemas/ids.ts'
import { isStill, type PushFacts, type Seen } from './facts.ts'
import type { Job, MessageEvent, PushedEvent, Timed } from './jobs.ts'
import {
  deviceKeyOf,
  type Intent,
  messageIntent,
  planUser,
  requestIntent,
  type UserFacts,
  type UserPlan,
  type Wording,
  withdrawalIntent,
} from './plan.ts'
import type { PushMetrics } from './push-metrics.ts'
import { type PushStore, sentOf } from './push-store.ts'
import type { Sender, Sending } from './sender.ts'
import type { Languages } from './templates.ts'
import type { TokenPacks } from './token-packs.ts'

/** Does one job: asks for what is to be known, lets plan.ts decide, and sends. */

export interface PlanLimits {
  /** Events older than this ring no more. */
  ageMsMax: Millis
  /** How long a connected device may take to tell that it has a message. */
  ackMs: Millis
  /** Nothing is shown of anything. */
  isContentHidden: boolean
}

export interface PerformerOptions {
  store: PushStore
  facts: PushFacts
  sender: Sender
  tokens: TokenPacks
  languages: Languages
  limits: PlanLimits
  clock: Clock
  metrics: PushMetrics
}

/** Users of one page of a group. */
export const AUDIENCE_PAGE = 500

/** A job that is done now, with what the views had seen before they were asked. */
export interface Turn {
  partition: Partition
  id: string
  seen: Seen
}

/** A view has lost what it had while it was asked: the job is done once more. */
export class ViewsSetBack extends Error {
  override readonly name = 'ViewsSetBack'
}

/** What is to become of the jobs that wait. */
export interface Done {
  /** False: the job stays. */
  isDone: boolean
  add: Timed[]
}

const DONE: Done = { isDone: true, add: [] }

export class Performer {
  private readonly options: PerformerOptions

  constructor(options: PerformerOptions) {
    this.options = options
  }

  /** Rejects when a store or the log cannot be reached, and with ViewsSetBack. */
  async perform(turn: Turn, job: Job): Promise<Done> {
    if (this.isTooOld(job)) return this.tooOld(turn, job)
    switch (job.kind) {
      case 'message':
        return this.planMessage(turn, job)
      case 'request':
        return this.pushRequest(turn, job)
      case 'again':
        return this.tryAgain(turn, job)
      case 'withdraw':
        return this.withdraw(turn, job)
      case 'token':
        return this.settleToken(turn, job)
    }
  }

  /** Behind what was read and before anybody is told of it: an emptied store knows of no leave and of no revoke. */
  private async confirm({ partition, seen }: Turn, { event }: Job): Promise<void> {
    const now = await this.options.facts.seen(partition)
    if (!isStill(seen, event.offset, now)) throw new ViewsSetBack('a view was set back while it was asked')
  }

  /** Whose token a token is stays to be settled, at any age. */
  isTooOld({ kind, event }: Job): boolean {
    return kind !== 'token' && event.at + this.options.limits.ageMsMax < this.options.clock.now()
  }

  private async tooOld({ partition }: Turn, job: Job): Promise<Done> {
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
  private async planMessage(turn: Turn, job: Extract<Job, { kind: 'message' }>): Promise<Done> {
    const { facts, store, clock, limits } = this.options
    const { partition, id } = turn
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
    await this.confirm(turn, job)
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
  private async pushRequest(turn: Turn, job: Extract<Job, { kind: 'request' }>): Promise<Done> {
    const user = await this.userOf(job.event, job.event.from)
    await this.confirm(turn, job)
    await this.sendRequest(turn.partition, job, user, user.devices)
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
  private async tryAgain(turn: Turn, job: Extract<Job, { kind: 'again' }>): Promise<Done> {
    const { facts, store, sender } = this.options
    const { partition } = turn
    const { event, attempt, request } = job
    const user = await this.userOf(event, job.userId)
    const device = user.devices.find(one => deviceKeyOf(one) === job.device)
    const isGone = request === undefined && (await facts.isGone(event.sessionId, event.seq))
    await this.confirm(turn, job)
    if (device === undefined) return DONE
    const only = { ...user, devices: [device] }
    if (request !== undefined) {
      await this.sendRequest(partition, { event, request, attempt }, only, only.devices)
      return DONE
    }
    const message = event as MessageEvent
    const delivered = await store.delivered({ partition, sessionId: event.sessionId })
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
  private async withdraw(turn: Turn, job: Extract<Job, { kind: 'withdraw' }>): Promise<Done> {
    const { store, facts, sender, languages, clock } = this.options
    const { partition, id } = turn
    const { event, seq, attempt = 0 } = job
    const { sessionId } = event
    const claims = await store.claims({ partition, sessionId, seq })
    if (claims.size === 0) return DONE
    const last = await store.lastSent({ partition, sessionId })
    // A later push of the session has taken its place already.
    const shown = [...claims].filter(([device]) => last.get(device) === seq)
    const userIds = [...new Set(shown.flatMap(([, state]) => sentOf(state)?.userId ?? []))]
    const delays: Millis[] = []
    for (let start = 0; start < userIds.length; start += AUDIENCE_PAGE) {
      const members = userIds.slice(start, start + AUDIENCE_PAGE).map(userId => ({ userId, joinSeq: 0 }))
      const users = await facts.users({ members, sessionId, seq })
      const badges = await facts.badges(users)
      await this.confirm(turn, job)
      const devices = new Set(shown.map(([device]) => device))
      const intents = users.flatMap(({ userId, devices: all }, i) =>
        all
          .filter(device => devices.has(deviceKeyOf(device)))
          .map(device => withdrawalIntent(event, { partition, userId, device, badge: badges[i]!, seq }, languages)),
      )
      const delay = await sender.withdraw({ partition, event, attempt }, intents)
      if (delay !== undefined) delays.push(delay)
    }
    if (delays.length === 0) return DONE
    const dueAt = Math.ceil(clock.now() + Math.max(...delays))
    return { isDone: false, add: [{ id, dueAt, job: { ...job, attempt: attempt + 1 } }] }
  }

  /** A token belongs to whom it was registered by last. */
  private async settleToken(turn: Turn, job: Extract<Job, { kind: 'token' }>): Promise<Done> {
    const { event, serviceType, token } = job
    const users = await this.options.facts.tokenUsers({ serviceType, token })
    await this.confirm(turn, job)
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
  throw new Error('what is cancelled is not tried again')
}

function intentStub(
  partition: Partition,
  { event, userId, device: deviceKey }: Extract<Job, { kind: 'again' }>,
  device: Intent['device'],
) {
  return { pushId: `${partition}-${event.offset}-${deviceKey}`, userId, device, deviceKey }
}
