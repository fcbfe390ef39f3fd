import type { CodeName } from '../../../schemas/codes.ts'
import type { MessageRef, Target } from '../../../schemas/content.ts'
import type { AcceptedEvent } from '../../../schemas/event.ts'
import type { PackId, Seq, UserId } from '../../../schemas/ids.ts'
import { Flag, type Pack, type Rules } from '../../../schemas/pack.ts'
import type { Judgement } from './policies.ts'

/** What may be done to the messages of one session (SPEC.md SQ42, SQ44-SQ46), written here once more. */

interface Message {
  packId: PackId
  from: UserId
  at: number
  counted: boolean
  gone: 'revoked' | 'deleted' | undefined
  version: number
  /** `<user> <emoji>` */
  reactions: Set<string>
}

/** What the session says of the one who asks. */
export interface Standing {
  /** Runs the group: takes back what others said, at any time. */
  isRunner: boolean
  sees(seq: Seq): boolean
}

const REACTIONS_MAX = 20

export class MessagePolicy {
  private readonly messages = new Map<Seq, Message>()

  /** Undefined for packs that name no message. */
  judge({ body, from }: Pack, at: number, rules: Rules, standing: Standing): Judgement | undefined {
    const objections = new Set<CodeName>()
    const object = (code: CodeName, holds: boolean) => {
      if (holds) objections.add(code)
    }
    if (body.kind === 'SendMessage') {
      const target = body.extra?.quote
      if (target === undefined) return undefined
      const quoted = this.find(target)
      object('MSG_NOT_EXIST', quoted === undefined || quoted.gone !== undefined || !standing.sees(target.seq))
      return { objections }
    }
    if (!('target' in body)) return undefined
    const { target } = body
    const message = this.find(target)
    if (message === undefined) return { objections: new Set(['MSG_NOT_EXIST']) }
    const isOwn = message.from === from
    const age = at - message.at
    let version: number | undefined
    switch (body.kind) {
      case 'RevokeMessage':
      case 'DeleteForAll': {
        const [done, windowMs] =
          body.kind === 'RevokeMessage'
            ? (['revoked', rules.revokeWindowMs] as const)
            : (['deleted', rules.deleteWindowMs] as const)
        object('MSG_REPEATED', message.gone === done)
        object('MSG_NOT_EXIST', message.gone !== undefined && message.gone !== done)
        object('NO_PRIVILEGE', !isOwn && !standing.isRunner)
        object('TOO_LATE', age > windowMs && !standing.isRunner)
        break
      }
      case 'OverrideMessage':
        object('MSG_NOT_EXIST', message.gone !== undefined)
        object('NO_PRIVILEGE', !isOwn)
        object('TOO_LATE', age > rules.overrideWindowMs)
        version = message.version + 1
        break
      case 'AddReaction':
      case 'RemoveReaction': {
        const isThere = message.reactions.has(`${from} ${body.emoji}`)
        const own = [...message.reactions].filter(reaction => reaction.startsWith(`${from} `))
        object('MSG_NOT_EXIST', message.gone !== undefined || !standing.sees(target.seq))
        object('MSG_REPEATED', isThere === (body.kind === 'AddReaction'))
        object('LIMIT_REACHED', body.kind === 'AddReaction' && own.length >= REACTIONS_MAX)
        break
      }
    }
    return { objections, fault: event => wrongFacts(event, target.seq, message, version) }
  }

  private find({ seq, packId, from }: Target): Message | undefined {
    const message = this.messages.get(seq)
    const isIt = message !== undefined && message.packId === packId && (from ?? message.from) === message.from
    return isIt ? message : undefined
  }

  took({ body, seq, packId, from, at, flags }: AcceptedEvent): void {
    if (body.kind === 'MessageAccepted') {
      const counted = (flags & Flag.COUNTER) !== 0
      this.messages.set(seq, { packId, from, at, counted, gone: undefined, version: 0, reactions: new Set() })
    }
    const message = 'target' in body ? this.messages.get(body.target.seq) : undefined
    if (message === undefined) return
    switch (body.kind) {
      case 'MessageRevoked':
        message.gone = 'revoked'
        return
      case 'MessageDeleted':
        message.gone = 'deleted'
        return
      case 'MessageOverridden':
        message.version = body.version
        return
      case 'ReactionAdded':
        message.reactions.add(`${from} ${body.emoji}`)
        return
      case 'ReactionRemoved':
        message.reactions.delete(`${from} ${body.emoji}`)
        return
    }
  }
}

/** The event says of its target what is so. */
function wrongFacts(
  { body }: AcceptedEvent,
  seq: Seq,
  { packId, from, at, counted }: Message,
  version: number | undefined,
): string | undefined {
  const said: MessageRef | undefined = 'target' in body ? body.target : undefined
  const isRight =
    said !== undefined &&
    said.seq === seq &&
    said.packId === packId &&
    said.from === from &&
    said.at === at &&
    said.counted === counted
  if (!isRight) return `the target is #${seq} of ${from} at ${at}, counted ${counted}`
  if (body.kind === 'MessageOverridden' && body.version !== version) return `due is version ${version}`
  return undefined
}
