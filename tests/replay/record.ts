import { SeededRandom } from '../../infra/seeded-random.ts'
import {
  makePack,
  packIdAt,
  partitionOfSession,
  rulesPack,
  T0,
  text,
} from '../../processors/sequencer/testing/packs.ts'
import type { UserId } from '../../schemas/ids.ts'
import { Flag, type Pack, type PackBody, RULES_DEFAULT } from '../../schemas/pack.ts'
import { type Recorded, replay } from './recording.ts'

/**
 * Makes a new recording: `npx tsx tests/replay/record.ts SEED > tests/replay/NAME.jsonl`. Existing recordings are
 * never made again: they are what the log in the field looks like.
 */

type Line = Omit<Recorded, 'event'>

const random = new SeededRandom(Number(process.argv[2] ?? 1))
const pick = <T>(items: readonly T[]): T => items[Math.floor(random.next() * items.length)]!
const below = (limit: number) => Math.floor(random.next() * limit)

const users = ['alice', 'bob', 'carol', 'dave', 'erin'] as const
const rareSessions = ['u:alice', 'b:shop:alice', 'a:shop', 's:bob:alice', 's:carol:dave']
const sessions = [
  ...Array(10).fill('s:alice:bob'),
  ...Array(24).fill('g:chess'),
  ...Array(12).fill('g:go'),
  ...rareSessions,
]
const words = ['hello', '', 'naïve café', '你好，世界', '🎉🎉', 'x'.repeat(300)]
const flags = [
  ...Array(30).fill(Flag.COUNTER),
  0,
  Flag.COUNTER,
  Flag.COUNTER | Flag.HIGH_PRIORITY,
  Flag.ONLINE_ONLY,
  Flag.COUNTER | Flag.ACK,
  512,
]

/** Alice begins most things, so that she owns the groups. */
function sender(): string {
  return below(2) === 0 ? 'alice' : pick(users)
}

function body(): PackBody {
  const userIds = Array.from({ length: below(4) }, () => (below(25) === 0 ? 'b d' : pick(users))) as UserId[]
  const info = { name: pick(['Chess', 'Go', 'Shogi', '', '棋'.repeat(100)]), avatar: '', notice: pick(['', 'be kind']) }
  return pick<PackBody>([
    text(pick(words)),
    text(`message ${below(1_000)}`),
    { kind: 'SendMessage', content: { kind: 'Custom', type: pick(['poll', '']), data: pick(['{"a":1}', '{a', '']) } },
    ...(below(3) === 0 ? [{ kind: 'CreateGroup', info, members: userIds } as const] : []),
    text(pick(words)),
    { kind: 'JoinGroup' },
    { kind: 'JoinGroup' },
    { kind: 'QuitGroup' },
    { kind: 'AddMembers', userIds },
    { kind: 'RemoveMembers', userIds },
    pick<PackBody>([...Array(15).fill(text('still here')), { kind: 'DismissGroup' }]),
  ])
}

function line(pack: Pack | null, appendedAt: number, place: Partial<Line> = {}): Line {
  const key = pack?.sessionId ?? 'unread'
  const partition = pack === null ? 0 : partitionOfSession(pack.sessionId)
  const recorded = pack === null ? null : { ...pack, digest: pack.digest.toString('hex') }
  return { appendedAt, partition, key, pack: recorded, ...place }
}

const lines: Line[] = []
const sent: Pack[] = []
let at = T0
for (let n = 0; n < 400; n++) {
  at += pick([0, 0, 1, 700, 60_000, -3])
  const time = at + pick([...Array(20).fill(0), -50, -30_000, -3_600_001, 299_999, 300_001])
  const pushInfo = pick([null, null, { title: 'a', summary: 'ü', url: '' }])
  const fresh = makePack(
    { session: pick(sessions), from: sender(), body: body(), flags: pick(flags), packId: packIdAt(time, n) },
    pick<Partial<Pack>>([{}, {}, {}, { pushInfo }, { device: { type: 1, id: 'phone' } }, { gateway: 'gw-2' }]),
  )
  const pack = sent.length > 0 && below(6) === 0 ? pick(sent) : fresh
  sent.push(pack)
  const place = pick<Partial<Line>>([...Array(30).fill({}), { key: 'elsewhere' }, { key: null }, { partition: 3 }])
  lines.push(below(40) === 0 ? line(null, at) : line(pack, at, place))
}
// Rules for the partition of g:chess, and packs that they refuse.
const partition = partitionOfSession('g:chess')
for (const version of [2, 2, 1]) {
  const rules = { ...RULES_DEFAULT, version, contentBytesMax: 10, groupMembersMax: 2 }
  lines.push(line(rulesPack(rules, { packId: packIdAt(at, 10_000 + lines.length) }), at, { partition }))
}
const bodies = [
  text('twelve bytes'),
  { kind: 'AddMembers', userIds: users as unknown as UserId[] },
  { kind: 'JoinGroup' },
] as const
for (const [n, each] of bodies.entries()) {
  for (const from of ['alice', 'zoe']) {
    const packId = packIdAt(at, 20_000 + 10 * n + from.length)
    lines.push(line(makePack({ session: 'g:chess', from, body: each as PackBody, packId }), at))
  }
}
const conflict = packIdAt(at, 30_000)
for (const words of ['one', 'two', 'one']) lines.push(line(makePack({ text: words, packId: conflict }), at))
const stranger = { actor: { kind: 'USER', id: 'mallory' } } as const
lines.push(line(makePack({ packId: packIdAt(at, 30_001) }, stranger), at))
const byUser = rulesPack(
  { ...RULES_DEFAULT, version: 9 },
  { packId: packIdAt(at, 30_002), actor: { kind: 'APP', id: 'shop' } },
)
lines.push(line(byUser, at, { partition }))
const events = await replay(lines)
process.stdout.write(lines.map((each, n) => `${JSON.stringify({ ...each, event: events[n] })}\n`).join(''))
