import { BadConfig } from '../infra/config.ts'
import { readErasure } from '../processors/archive/main.ts'
import { isSessionId, isUserId, type SessionId, type UserId, userSessionId } from '../schemas/ids.ts'
import type { PackBody } from '../schemas/pack.ts'
import { type Context, clickHouseOptions, closeContext, openContext } from './context.ts'
import { operatorFault, submitOperatorPack } from './operator-pack.ts'

/** What operators decide about users and sessions. */
export const STANDING_VERBS = ['disable', 'enable', 'erase', 'hold', 'release'] as const
export type StandingVerb = (typeof STANDING_VERBS)[number]

export interface StandingOptions {
  env: NodeJS.ProcessEnv
  verb: StandingVerb
  /** A user id; of hold and release also a session id. */
  subject: string | undefined
  reason: string | undefined
  signal: AbortSignal
}

const POLL_MS = 1_000
const DAY_MS = 86_400_000
/** As the topic is made: topics/topics.ts. */
const PACKS_DAYS = 7

/** 0: done. 1: refused, with the code, or not done in time. 2: bad input. */
export async function standingCommand({ env, verb, subject, reason, signal }: StandingOptions): Promise<number> {
  const { sessionId, from } = subjectOf(verb, subject)
  const body = bodyOf(verb, reason)
  const context = await openContext({ ...env, PACKLOG_LOG_LEVEL: 'silent' }, verb)
  try {
    const outcome = await submitOperatorPack(context, { sessionId, from, body })
    const fault = operatorFault(outcome)
    if (fault !== undefined) return say(fault, 1)
    if (verb !== 'erase') return say(`${subject}: ${outcome!.body.kind}`, 0)
    return await watchErasure(context, from, signal)
  } finally {
    await closeContext(context)
  }
}

function say(line: string, code: number): number {
  process.stdout.write(`${line}\n`)
  return code
}

function subjectOf(verb: StandingVerb, subject: string | undefined): { sessionId: SessionId; from: UserId } {
  if (subject !== undefined && isUserId(subject)) return { sessionId: userSessionId(subject), from: subject }
  const takesSession = verb === 'hold' || verb === 'release'
  if (takesSession && subject !== undefined && isSessionId(subject)) {
    const user = subject.startsWith('u:') ? subject.slice(2) : 'operator'
    return { sessionId: subject, from: user as UserId }
  }
  throw new BadConfig(
    `${verb} ${takesSession ? 'USER|SESSION' : 'USER'} [--reason TEXT]: "${subject ?? ''}" names none`,
  )
}

function bodyOf(verb: StandingVerb, reason: string | undefined): PackBody {
  const said = reason === undefined ? {} : { reason }
  switch (verb) {
    case 'disable':
      return { kind: 'DisableUser', ...said }
    case 'enable':
      return { kind: 'EnableUser' }
    case 'erase':
      return { kind: 'EraseUser', ...said }
    case 'hold':
    case 'release':
      return { kind: 'SetHold', held: verb === 'hold', reason: reason ?? '' }
  }
}

/** Shows how far the erasure is, until all is empty; it goes on without this command. */
async function watchErasure({ config, clock }: Context, userId: UserId, signal: AbortSignal): Promise<number> {
  say(`${userId} is erased and kept out; what they said elsewhere goes session by session`, 0)
  // What was said a moment ago is not in the archive yet: it must be seen done twice.
  let doneBefore = false
  let shown = ''
  while (!signal.aborted) {
    const { sessions, erased, held, full } = await readErasure(clickHouseOptions(config), userId)
    const line = `${erased} of ${sessions - held.length} sessions erased, ${full} messages not emptied in the archive yet`
    if (line !== shown) say(line, 0)
    shown = line
    const isDone = full === 0 && erased === sessions - held.length
    if (isDone && doneBefore) {
      for (const sessionId of held) say(`${sessionId}: kept, a legal hold is on it (LEGAL_HOLD)`, 0)
      const until = (days: number) => new Date(clock.now() + days * DAY_MS).toISOString().slice(0, 10)
      const days = config.eventRetentionDays
      say(`the log itself keeps what was said: im.packs for ${PACKS_DAYS} days, until ${until(PACKS_DAYS)},`, 0)
      say(`im.events for ${days} days, until ${until(days)}; forwarded copies belong to whoever forwarded them`, 0)
      return held.length === 0 ? 0 : 1
    }
    doneBefore = isDone
    await clock.sleep(POLL_MS, signal)
  }
  return say('the erasure goes on; run the command again to see how far it is', 1)
}
