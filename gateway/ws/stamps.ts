import { Code } from '../../schemas/codes.ts'
import type { UserId } from '../../schemas/ids.ts'
import type { Pack, PackBody, Stamp } from '../../schemas/pack.ts'
import type { Webhook } from '../../schemas/webhooks.ts'
import type { Hooks } from '../hooks/hooks.ts'
import type { Judgement, WordList, Words } from '../words/word-list.ts'
import { usersOf } from './audience.ts'
import type { FriendsOnly } from './friends-only.ts'
import type { MarkLookUps } from './mark-look-ups.ts'
import type { Targets } from './targets.ts'

/** Looks up what the sequencer decides by and does not have itself (Stamp in pack.avsc). */

export const NO_STAMP: Stamp = {
  verdict: null,
  target: null,
  quote: null,
  origin: null,
  count: 0,
  friendsOnly: false,
  rewritten: false,
}

export interface StampsOptions {
  friendsOnly: Pick<FriendsOnly, 'of'>
  targets: Pick<Targets, 'stamp'>
  marks: Pick<MarkLookUps, 'stamp'>
  /** The words that messages must not hold; undefined: there is no list. */
  words(): WordList | undefined
  /** Partners who are asked before. */
  hooks?: Pick<Hooks, 'wanting' | 'ask'> | undefined
}

export class Stamps {
  private readonly options: StampsOptions

  constructor(options: StampsOptions) {
    this.options = options
  }

  /** Stamps the pack; undefined where nothing has to be waited for. Rejects with QuestionFailed. */
  stamp(pack: Pack): Promise<void> | undefined {
    const { friendsOnly, targets, marks, words } = this.options
    const judged = judgeWords(pack, words())
    if (judged.kind === 'Refused') {
      strip(pack)
      return undefined
    }
    const receiver = stampFriendsOnly(pack, friendsOnly)
    // Before masking: what is forwarded is compared with the words of the client.
    const messages = targets.stamp(pack) ?? marks.stamp(pack)
    if (judged.kind === 'Masked') rewrite(pack, judged.value)
    const found = together(receiver, messages)
    const asked = this.options.hooks?.wanting(pack) ?? NOBODY
    return asked.length === 0 ? found : this.askHooks(pack, asked, found)
  }

  /** Partners are asked last: about what is there, and as it would be kept. */
  private async askHooks(pack: Pack, asked: readonly Webhook[], found: Promise<void> | undefined): Promise<void> {
    await found
    if (pack.stamp?.verdict != null) return
    const verdict = await this.options.hooks!.ask(pack, asked, ({ content }) => {
      rewrite(pack, { content, pushInfo: pack.pushInfo })
    })
    if (verdict.kind === 'Refuse') strip(pack, { code: verdict.code, reason: verdict.reason })
  }
}

const NOBODY: readonly Webhook[] = []

function together(one: Promise<void> | undefined, other: Promise<void> | undefined): Promise<void> | undefined {
  if (one === undefined || other === undefined) return one ?? other
  return Promise.all([one, other]).then(() => {})
}

const FINE = { kind: 'Fine' } as const

function judgeWords({ body, pushInfo }: Pack, list: WordList | undefined): Judgement<Words> {
  if (list === undefined || (body.kind !== 'SendMessage' && body.kind !== 'OverrideMessage')) return FINE
  return list.judge({ content: body.content, pushInfo })
}

/** The digest stays that of the client's own words, so that a resend is no conflict. */
function rewrite(pack: Pack, { content, pushInfo }: Words): void {
  pack.body = { ...pack.body, content } as PackBody
  pack.pushInfo = pushInfo
  pack.stamp = { ...(pack.stamp ?? NO_STAMP), rewritten: true }
}

/** What was refused is not kept in the log. */
function strip(pack: Pack, verdict: Stamp['verdict'] = SENSITIVE): void {
  const { body } = pack
  if (body.kind === 'SendMessage') pack.body = { kind: 'SendMessage', content: REMOVED }
  if (body.kind === 'OverrideMessage') pack.body = { kind: 'OverrideMessage', target: body.target, content: REMOVED }
  pack.pushInfo = null
  pack.stamp = { ...NO_STAMP, verdict }
}

const REMOVED = { kind: 'Removed' } as const
const SENSITIVE = { code: Code.SENSITIVE_MATCH.number, reason: Code.SENSITIVE_MATCH.text }

/** Packs that reach the other user of a single chat. */
const REACHING: ReadonlySet<Pack['body']['kind']> = new Set<Pack['body']['kind']>([
  'SendMessage',
  'OverrideMessage',
  'AddReaction',
])

/** Stamps the pack where its receiver takes messages of friends only; undefined where there is nothing to wait for. */
export function stampFriendsOnly(pack: Pack, friendsOnly: Pick<FriendsOnly, 'of'>): Promise<void> | undefined {
  const receiver = receiverOf(pack)
  if (receiver === undefined) return undefined
  const answer = friendsOnly.of(receiver)
  const stamp = (isFriendsOnly: boolean) => {
    if (isFriendsOnly) pack.stamp = { ...(pack.stamp ?? NO_STAMP), friendsOnly: true }
  }
  if (typeof answer !== 'boolean') return answer.then(stamp)
  stamp(answer)
  return undefined
}

function receiverOf({ sessionId, from, body }: Pack): UserId | undefined {
  if (!sessionId.startsWith('s:') || !REACHING.has(body.kind)) return undefined
  const [a, b] = usersOf(sessionId)
  if (a === from) return b
  return b === from ? a : undefined
}
