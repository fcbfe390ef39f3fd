import type { Random } from '../../infra/clock.ts'
import { makePack, packIdAt, T0, text } from '../../processors/sequencer/testing/packs.ts'
import type { Target } from '../../schemas/content.ts'
import type { UserId } from '../../schemas/ids.ts'
import type { Pack, PackBody, Stamp } from '../../schemas/pack.ts'

/** Packs of a few people in a few sessions, so that they get in each other's way. */

const users = ['alice', 'bob', 'carol', 'dave'] as const
export const pick = <T>(random: Random, items: readonly T[]): T => items[Math.floor(random.next() * items.length)]!

function randomBody(random: Random): PackBody {
  const userIds = [pick(random, users) as UserId]
  return pick<PackBody>(random, [
    text('hello'),
    text('x'.repeat(Math.floor(random.next() * 500))),
    { kind: 'JoinGroup' },
    { kind: 'QuitGroup' },
    { kind: 'AddMembers', userIds },
    { kind: 'RemoveMembers', userIds },
    { kind: 'CreateGroup', info: { name: 'g', avatar: '', notice: '' }, members: userIds },
  ])
}

function bodyOnMessage(random: Random): PackBody {
  const target = anOldMessage(random)
  const emoji = pick(random, ['a', 'b'])
  return pick<PackBody>(random, [
    { kind: 'RevokeMessage', target },
    { kind: 'OverrideMessage', target, content: { kind: 'Text', text: 'edited' } },
    { kind: 'AddReaction', target, emoji },
    { kind: 'RemoveReaction', target, emoji },
  ])
}

/** One that no sequencer remembers: the stamp below says what it was. */
function anOldMessage(random: Random): Target {
  const seq = 1 + Math.floor(random.next() * 5)
  return { seq, packId: packIdAt(T0 - 86_400_000, seq) }
}

function stampOf(from: UserId): Stamp {
  const target = { from, at: T0, counted: true }
  return { verdict: null, target, quote: null, origin: null, count: 0, friendsOnly: false, rewritten: false }
}

export function randomPack(random: Random): Pack {
  const from = pick(random, users)
  const session = pick(random, ['s:alice:bob', 's:carol:dave', 'g:chess', 'g:go', 'g:shogi'])
  // Few numbers: repeats and conflicts happen.
  return makePack({ session, from, body: randomBody(random), packId: packIdAt(T0, Math.floor(random.next() * 400)) })
}

/** As above, and of three packs one about a message. */
export function randomPackOrChange(random: Random): Pack {
  const pack = randomPack(random)
  if (random.next() < 2 / 3) return pack
  const { sessionId: session, from, packId } = pack
  return makePack({ session, from, body: bodyOnMessage(random), packId }, { stamp: stampOf(from) })
}
