import type { Random } from '../../infra/clock.ts'
import { makePack, packIdAt, T0, text } from '../../processors/sequencer/testing/packs.ts'
import type { UserId } from '../../schemas/ids.ts'
import type { Pack, PackBody } from '../../schemas/pack.ts'

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

export function randomPack(random: Random): Pack {
  const from = pick(random, users)
  const session = pick(random, ['s:alice:bob', 's:carol:dave', 'g:chess', 'g:go', 'g:shogi'])
  // Few numbers: repeats and conflicts happen.
  return makePack({ session, from, body: randomBody(random), packId: packIdAt(T0, Math.floor(random.next() * 400)) })
}
