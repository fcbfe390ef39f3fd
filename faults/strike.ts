import { parseLag } from '../bench/view-lag.ts'
import type { Clock, Millis } from '../infra/clock.ts'
import type { Deployment, RoleName } from './deployment.ts'
import type { Member, RoleMember } from './member.ts'
import type { Fault } from './plan.ts'

/** Does to the deployment what the plan says. */

export interface StrikeTools {
  deployment: Deployment
  clock: Clock
  /** Empties Redis; rejects when it does not answer. */
  emptyRedis(): Promise<void>
  /** Called once, when what was hit is back: acks must come again from here on. */
  onBack(): void
}

/** How long views may take to read the whole log again. */
export const REFILL_MS_MAX: Millis = 600_000
/** Views with fewer records unread count as caught up: people go on chatting meanwhile. */
const REFILLED_LAG_MAX = 500
const POLL_MS: Millis = 200
/** Before the views are asked they must have noticed that their store is empty. */
const NOTICE_MS: Millis = 2_000
const ANSWER_MS_MAX: Millis = 2_000

/** What a strike found out besides; undefined where there is nothing to say. */
export interface StrikeResult {
  /** How long the views took to be there again after Redis was emptied; `Infinity`: not in time. */
  refillMs?: Millis
}

/** Strikes, mends, and resolves when the thing says that it works. Throws when it does not come back. */
export async function strike(fault: Fault, tools: StrikeTools): Promise<StrikeResult> {
  const { deployment, onBack } = tools
  const [action, target = ''] = fault.kind.split(' ')
  switch (action) {
    case 'kill':
      await killAndRestart(memberOf(target, fault, deployment), fault, tools)
      return {}
    case 'freeze':
      await freezeAndWake(memberOf(target, fault, deployment), fault, tools)
      return {}
    case 'empty':
      await tools.emptyRedis()
      onBack()
      return { refillMs: await refilled(tools) }
    default:
      await fight(fault, tools)
      return {}
  }
}

function memberOf(target: string, { instance }: Fault, { roles, parts, brokers }: Deployment): Member {
  if (target === 'broker') return brokers[instance - 1]!
  if (target === 'sequencer') return roles[`sequencer-${instance}` as RoleName]
  if (target in parts) return parts[target as keyof typeof parts]
  return roles[target as RoleName]
}

async function killAndRestart(member: Member, { holdMs }: Fault, { clock, onBack }: StrikeTools): Promise<void> {
  await member.kill()
  await clock.sleep(holdMs)
  const { begun, ready } = member.restart()
  await begun
  onBack()
  await ready
}

async function freezeAndWake(member: Member, { holdMs }: Fault, { clock, onBack }: StrikeTools): Promise<void> {
  member.freeze()
  await clock.sleep(holdMs)
  member.wake()
  onBack()
}

/**
 * Two sequencers want the same partitions. Whoever loses ends, or stands by; a supervisor starts again what ends. In
 * the end the rival is gone and the first one must have everything.
 */
async function fight(fault: Fault, { deployment, clock, onBack }: StrikeTools): Promise<void> {
  const { kind, instance, number, holdMs } = fault
  const first = deployment.roles[`sequencer-${instance}` as RoleName]
  const rulesVersion = kind.endsWith('rules') ? RIVAL_RULES_VERSION + number : undefined
  const rival = deployment.rival({ of: instance, rulesVersion })
  if (kind.startsWith('zombie')) await wakeBesides(first, rival, fault, clock)
  else {
    await rival.restart().begun
    await clock.sleep(holdMs)
  }
  await rival.stop()
  onBack()
}

/** The first one is frozen in the midst of its work, replaced, and woken while the other works. */
async function wakeBesides(first: RoleMember, rival: RoleMember, { holdMs }: Fault, clock: Clock): Promise<void> {
  first.freeze()
  const { begun, ready } = rival.restart()
  await begun
  await Promise.race([ready.catch(() => {}), clock.sleep(ZOMBIE_MS_MAX)])
  await clock.sleep(holdMs / 2)
  first.wake()
  await clock.sleep(holdMs / 2)
}

/** A rival gets this long to take the partitions of a frozen sequencer. */
const ZOMBIE_MS_MAX: Millis = 10_000
/** Above every version that the two sequencers are configured with. */
const RIVAL_RULES_VERSION = 100

/** How long until history and membership have read the log again. */
async function refilled({ deployment, clock }: StrikeTools): Promise<Millis> {
  const begunAt = clock.monotonic()
  const views = [deployment.roles.history, deployment.roles.membership]
  await clock.sleep(NOTICE_MS)
  while (clock.monotonic() - begunAt < REFILL_MS_MAX) {
    const lags = await Promise.all(views.map(lagOf))
    if (lags.every(lag => lag < REFILLED_LAG_MAX)) return Math.round(clock.monotonic() - begunAt)
    await clock.sleep(POLL_MS)
  }
  return Number.POSITIVE_INFINITY
}

async function lagOf({ metricsUrl }: RoleMember): Promise<number> {
  try {
    const response = await fetch(metricsUrl, { signal: AbortSignal.timeout(ANSWER_MS_MAX) })
    const lags = [...parseLag(await response.text()).values()]
    return lags.length === 0 ? Number.POSITIVE_INFINITY : lags.reduce((sum, lag) => sum + lag, 0)
  } catch {
    return Number.POSITIVE_INFINITY
  }
}
