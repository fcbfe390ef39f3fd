import fc from 'fast-check'
import { expect, test } from 'vitest'
import type { EventBody } from '../../schemas/event.ts'
import type { SessionId, UserId } from '../../schemas/ids.ts'
import { type TestClient, type TestGateway, World } from '../testing/world.ts'

/*
 * Clients that move between two gateways at random moments, while the gateways, the sequencer and both views each lag
 * at their own pace and members come and go. Every client resumes from the last seq up to which it knows everything.
 * Checked at the end, when all has caught up: whoever is a member at a seq has it once, as an event, or as an ack of
 * their own; nobody has one of a time at which they were no member; nothing comes twice on one connection, and
 * nothing at or below the seq that it was resumed from.
 */

const GROUPS = ['g:x', 'g:y'] as SessionId[]
const CHAT = 's:u0:u1' as SessionId
const SESSIONS = [...GROUPS, CHAT]
const USERS = ['u0', 'u1', 'u2'] as UserId[]

type Step =
  | { do: 'say' | 'toggle'; user: number; session: number }
  | { do: 'sequence' | 'history' | 'membership' | 'hold' | 'letGo' | 'wait'; user: number; session: number }
  | { do: 'move'; user: number; session: number }

const step: fc.Arbitrary<Step> = fc.record({
  do: fc.constantFrom(
    ...(['say', 'say', 'say', 'say', 'sequence', 'sequence', 'toggle', 'move', 'hold', 'letGo'] as const),
    ...(['history', 'history', 'membership', 'membership', 'wait', 'letGo', 'sequence'] as const),
  ),
  user: fc.nat(USERS.length - 1),
  session: fc.nat(SESSIONS.length - 1),
})

/** What one user's device knows of one session, over all of its connections. */
class Known {
  readonly times = new Map<number, number>()
  contiguous = 0
  /** What came on the present connection, which was resumed from `resumedFrom`. */
  private readonly here = new Set<number>()
  private resumedFrom = 0
  readonly repeats: number[] = []
  private readonly joins: number[] = []
  private readonly leaves = new Set<number>()
  private readonly user: UserId

  constructor(user: UserId) {
    this.user = user
  }

  /** Takes what came on a connection since the last look. */
  take(client: TestClient, sessionId: SessionId, from: number): void {
    for (const frame of client.frames.slice(from)) {
      if (frame.type === 'gap' && frame.sessionId === sessionId) this.skip(frame.fromSeq, frame.toSeq)
      else if (frame.type === 'event' && frame.sessionId === sessionId) this.got(frame.seq, frame.body)
      else if (frame.type === 'ack' && frame.sessionId === sessionId) this.got(frame.seq)
      else if (frame.type === 'reset') throw new Error(`reset of ${frame.sessionId} at ${frame.lastSeq}`)
    }
    this.goOn()
  }

  /** A new connection asks for everything above what is known without a hole. */
  resume(): number {
    this.here.clear()
    this.resumedFrom = this.contiguous
    return this.contiguous
  }

  private got(seq: number, body?: EventBody): void {
    // An ack is owed in any case, also where history has shown the event already.
    const isEvent = body !== undefined
    if (isEvent && (this.here.has(seq) || seq <= this.resumedFrom)) this.repeats.push(seq)
    this.here.add(seq)
    this.times.set(seq, (this.times.get(seq) ?? 0) + 1)
    const concerns = body !== undefined && 'userIds' in body && body.userIds.includes(this.user)
    if (concerns && body.kind === 'MembersAdded') this.joins.push(seq)
    if (concerns && body.kind === 'MembersRemoved') this.leaves.add(seq)
  }

  /** Nothing is missing before the first join, nor between a leave and the join after it. */
  private goOn(): void {
    for (;;) {
      while (this.times.has(this.contiguous + 1)) this.contiguous++
      const isOut = this.contiguous === 0 || this.leaves.has(this.contiguous)
      const join = this.joins.filter(seq => seq > this.contiguous).sort((a, b) => a - b)[0]
      if (!isOut || join === undefined) return
      this.contiguous = join
    }
  }

  private skip(fromSeq: number, toSeq: number): void {
    for (let seq = fromSeq; seq <= toSeq; seq++) if (!this.times.has(seq)) this.times.set(seq, 0)
  }
}

class Device {
  readonly user: UserId
  readonly known: ReadonlyMap<SessionId, Known>
  client: TestClient | undefined
  moves = 0
  private looked = 0

  constructor(user: UserId) {
    this.user = user
    this.known = new Map(SESSIONS.map(sessionId => [sessionId, new Known(user)]))
  }

  look(): void {
    if (this.client === undefined) return
    for (const [sessionId, known] of this.known) known.take(this.client, sessionId, this.looked)
    this.looked = this.client.frames.length
  }

  async move(world: World, gateway: TestGateway): Promise<void> {
    this.look()
    this.client?.drop()
    this.client = undefined
    let isOver = false
    const login = world
      .connect(gateway, this.user, { held: true })
      .catch(() => undefined)
      .finally(() => {
        isOver = true
      })
    await world.settle()
    await world.settle()
    // A login that the view is too far behind for takes a few tries.
    while (!isOver) await world.clock.pass(50)
    this.client = await login
    this.looked = 0
    this.moves++
    this.client?.send({
      type: 'resume',
      requestId: this.moves,
      sessions: SESSIONS.map(sessionId => ({ sessionId, seq: this.known.get(sessionId)!.resume() })),
    })
  }
}

async function run(steps: readonly Step[]) {
  const world = await World.make()
  const gateways = [await world.gateway('one'), await world.gateway('two')]
  const devices = USERS.map(user => new Device(user))
  const founder = await world.connect(gateways[0]!, 'founder')
  for (const groupId of ['x', 'y']) {
    founder.send({ type: 'createGroup', packId: world.packId(), groupId, info: { name: '' }, members: [USERS[0]!] })
  }
  await world.flow()
  for (const device of devices) await device.move(world, gateways[device.user === 'u1' ? 1 : 0]!)
  world.history.isFollowing = false
  world.membership.isFollowing = false
  for (const each of steps) await perform(world, gateways, devices, each, founder)
  for (const { log } of gateways) log.letGo()
  world.history.follow()
  world.membership.follow()
  await world.flow()
  await world.clock.pass(1_000)
  // Everybody comes back once more, so that what a failed resume left open is closed.
  for (const device of devices) {
    await device.move(world, gateways[device.moves % 2]!)
    await world.clock.pass(1_000)
    device.look()
  }
  return { world, devices }
}

async function perform(world: World, gateways: TestGateway[], devices: Device[], each: Step, founder: TestClient) {
  const device = devices[each.user]!
  const sessionId = SESSIONS[each.session]!
  switch (each.do) {
    case 'say':
      if (device.client !== undefined && !device.client.connection.isClosed) world.say(device.client, sessionId)
      break
    case 'toggle': {
      const type = each.session === 0 ? 'addMembers' : 'removeMembers'
      const userIds = [device.user]
      founder.send({ type, packId: world.packId(), sessionId: GROUPS[each.session % 2]!, userIds })
      break
    }
    case 'sequence':
      world.sequencer.run(2)
      break
    case 'history':
      world.history.step(3)
      break
    case 'membership':
      world.membership.step(2)
      break
    case 'hold':
      gateways[each.session % 2]!.log.hold()
      break
    case 'letGo':
      gateways[each.session % 2]!.log.letGo()
      break
    case 'move':
      await device.move(world, gateways[each.session % 2]!)
      break
    case 'wait':
      await world.clock.pass(700)
  }
  await world.settle()
}

/** Per session: for every seq whether the user was a member at it, from the log itself. */
async function truth(world: World) {
  const stays = new Map<string, Set<number>>()
  const lastSeqs = new Map<SessionId, number>()
  for (const sessionId of SESSIONS) {
    const page = await world.history.page({ sessionId, afterSeq: 0, limit: 100_000 })
    lastSeqs.set(sessionId, page.lastSeq)
    for (const userId of USERS) {
      const intervals = sessionId.startsWith('g:')
        ? await world.membership.intervals({ sessionId, userId })
        : sessionId.includes(userId)
          ? [{ joinSeq: 1 }]
          : []
      const inside = page.seqs.filter(seq =>
        intervals.some(({ joinSeq, leaveSeq = Number.POSITIVE_INFINITY }) => joinSeq <= seq && seq <= leaveSeq),
      )
      stays.set(`${sessionId} ${userId}`, new Set(inside))
    }
  }
  return stays
}

test('[RS12] devices that move between lagging gateways have every event of their stays, once, and no other', async () => {
  const totals = { events: 0, moves: 0, failed: 0 }
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 30, maxLength: 120, size: 'max' }), async steps => {
      const { world, devices } = await run(steps)
      const stays = await truth(world)
      for (const { user, known, moves, client } of devices) {
        totals.moves += moves
        totals.failed += client?.of('failed').length ?? 0
        for (const sessionId of SESSIONS) {
          const mine = stays.get(`${sessionId} ${user}`)!
          const { times, repeats } = known.get(sessionId)!
          const received = [...times].filter(([, count]) => count > 0).map(([seq]) => seq)
          totals.events += received.length
          expect(
            received.sort((a, b) => a - b),
            `${user} in ${sessionId}`,
          ).toEqual([...mine].sort((a, b) => a - b))
          expect(repeats, `${user} in ${sessionId} got twice`).toEqual([])
        }
      }
    }),
    { numRuns: 60, interruptAfterTimeLimit: 20_000 },
  )
  expect(totals.events).toBeGreaterThan(100)
  expect(totals.moves).toBeGreaterThan(50)
}, 60_000)
