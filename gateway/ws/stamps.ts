import type { UserId } from '../../schemas/ids.ts'
import type { Pack, Stamp } from '../../schemas/pack.ts'
import { usersOf } from './audience.ts'
import type { FriendsOnly } from './friends-only.ts'
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

export class Stamps {
  private readonly friendsOnly: Pick<FriendsOnly, 'of'>
  private readonly targets: Pick<Targets, 'stamp'>

  constructor({ friendsOnly, targets }: { friendsOnly: Pick<FriendsOnly, 'of'>; targets: Pick<Targets, 'stamp'> }) {
    this.friendsOnly = friendsOnly
    this.targets = targets
  }

  /** Stamps the pack; undefined where nothing has to be waited for. Rejects with QuestionFailed. */
  stamp(pack: Pack): Promise<void> | undefined {
    const receiver = stampFriendsOnly(pack, this.friendsOnly)
    const messages = this.targets.stamp(pack)
    if (receiver === undefined || messages === undefined) return receiver ?? messages
    return Promise.all([receiver, messages]).then(() => {})
  }
}

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
