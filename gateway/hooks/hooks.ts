import type { Clock, Millis } from '../../infra/clock.ts'
import type { Logger } from '../../infra/logger.ts'
import { hookName, maySee } from '../../processors/webhooks/plan.ts'
import type { Sender } from '../../processors/webhooks/sender.ts'
import type { WebhookSource } from '../../processors/webhooks/webhook-source.ts'
import type { Pack } from '../../schemas/pack.ts'
import { HOOK_PACK_KINDS, SESSION_KINDS, type Webhook } from '../../schemas/webhooks.ts'
import { QuestionFailed } from '../ws/views.ts'
import { Breaker } from './breaker.ts'
import { BadVerdict, parseVerdict, questionOf, type Verdict } from './verdict.ts'

/**
 * Before-hooks: partners who are asked about a pack before it goes to the log.
 *
 * Hooks are asked one after the other, by app and id; the first that refuses ends it, and each sees what those before it
 * have rewritten. What a hook says travels in the pack's stamp, so the sequencer answers it, and a resend of a pack that
 * has its outcome gets that one, whatever a hook says then. A hook that does not answer in its time, or not well, or that
 * is left alone (breaker.ts), counts as allowing where it fails open; otherwise the pack is refused for the moment.
 *
 * An app is not asked about what it does itself. Without hooks nothing is waited for.
 */

/** Questions to one hook that may be under way at once in a gateway; further ones count as failures. */
export const HOOK_QUESTIONS_MAX = 256

export interface HooksOptions {
  source: Pick<WebhookSource, 'latest' | 'ready'>
  sender: Sender
  clock: Clock
  logger: Logger
  metrics: HookMetrics
}

export interface HookMetrics {
  asked(outcome: 'allow' | 'refuse' | 'rewrite' | 'failed' | 'skipped', tookMs: Millis): void
}

const READY_POLL_MS: Millis = 100

interface HookState {
  breaker: Breaker
  underWay: number
}

const ASKED: ReadonlySet<string> = new Set(HOOK_PACK_KINDS)

export class Hooks {
  private readonly options: HooksOptions
  private readonly states = new Map<string, HookState>()

  constructor(options: HooksOptions) {
    this.options = options
  }

  /** Resolves once it is known who is to be asked, or when the signal aborts. Never rejects. */
  async ready(signal: AbortSignal): Promise<void> {
    const { source, clock } = this.options
    while (!signal.aborted) {
      const isKnown = await source.ready().then(
        () => true,
        () => false,
      )
      if (isKnown) return
      await clock.sleep(READY_POLL_MS, signal)
    }
  }

  /** The hooks that want to be asked about the pack, in their order; mostly none. */
  wanting(pack: Pack): readonly Webhook[] {
    const { kind } = pack.body
    if (!ASKED.has(kind)) return NONE
    const all = this.options.source.latest()
    if (all.length === 0) return NONE
    return all.filter(hook => wants(hook, pack)).sort((a, b) => (hookName(a) < hookName(b) ? -1 : 1))
  }

  /** What the hooks say of the pack. Rejects with QuestionFailed where one that must answer does not. */
  async ask(
    pack: Pack,
    hooks: readonly Webhook[],
    rewrite: (verdict: Extract<Verdict, { kind: 'Rewrite' }>) => void,
  ): Promise<Verdict> {
    for (const hook of hooks) {
      const verdict = await this.askOne(pack, hook)
      if (verdict.kind === 'Refuse') return verdict
      if (verdict.kind === 'Rewrite') rewrite(verdict)
    }
    return { kind: 'Allow' }
  }

  private async askOne(pack: Pack, hook: Webhook): Promise<Verdict> {
    const { clock, logger, metrics } = this.options
    const name = hookName(hook)
    const state = this.states.get(name) ?? { breaker: new Breaker(), underWay: 0 }
    this.states.set(name, state)
    const begun = clock.monotonic()
    if (state.underWay >= HOOK_QUESTIONS_MAX || !state.breaker.mayCall(begun)) {
      metrics.asked('skipped', 0)
      return unanswered(hook)
    }
    state.underWay++
    try {
      const verdict = await this.send(pack, hook)
      state.breaker.succeeded()
      metrics.asked(TOLD[verdict.kind], clock.monotonic() - begun)
      return verdict
    } catch (error) {
      if (!(error instanceof BadVerdict)) throw error
      const now = clock.monotonic()
      const wasOpen = state.breaker.isOpen
      state.breaker.failed(now)
      metrics.asked('failed', now - begun)
      if (state.breaker.isOpen && !wasOpen) logger.warn({ hook: name, err: error }, 'a before-hook is left alone')
      return unanswered(hook)
    } finally {
      state.underWay--
    }
  }

  /** Throws BadVerdict where there is no usable answer. */
  private async send(pack: Pack, hook: Webhook): Promise<Verdict> {
    const body = questionOf(pack, hook)
    const sent = await this.options.sender.send({ webhook: hook, body, headers: {}, limitMs: hook.budgetMs })
    if (sent.kind === 'failed') throw new BadVerdict(sent.message)
    if (sent.kind === 'refused') throw new BadVerdict(`it answers ${sent.status}`)
    return parseVerdict(sent.answer?.toString('utf8') ?? '', pack.body.kind)
  }
}

const NONE: readonly Webhook[] = []
const TOLD = { Allow: 'allow', Refuse: 'refuse', Rewrite: 'rewrite' } as const

function wants({ use, kinds, sessionKinds, app }: Webhook, { body, sessionId, actor }: Pack): boolean {
  if (use !== 'before' || !maySee({ app }, sessionId)) return false
  if (actor.kind === 'APP' && actor.id === app) return false
  if (kinds.length > 0 && !kinds.includes(body.kind)) return false
  return sessionKinds.length === 0 || sessionKinds.some(kind => sessionId.startsWith(`${SESSION_KINDS[kind]}:`))
}

function unanswered(hook: Webhook): Verdict {
  if (hook.failOpen) return { kind: 'Allow' }
  throw new QuestionFailed('SERVICE_UNAVAILABLE', 'who has to be asked about this does not answer')
}
