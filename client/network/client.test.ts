import { expect, test } from 'vitest'
import { VirtualClock } from '../../infra/testing/virtual-clock.ts'
import type { ClientFrame, EventFrame, ServerFrame } from '../../schemas/frames.ts'
import type { SessionId, UserId } from '../../schemas/ids.ts'
import { Flag } from '../../schemas/pack.ts'
import { FAKE_HEARTBEAT_MS, FakeGateway, failed, notRandom, refused } from '../testing/fake-gateway.ts'
import { BACKOFF_MS_MAX, BACKOFF_MS_MIN, backoffMs } from './backoff.ts'
import { type Client, type ClientOptions, connect, HOLE_PATIENCE_MS } from './client.ts'
import { HANDSHAKE_MS_MAX, type Phase, WAKE_MS_MAX } from './link.ts'
import { ANSWER_MS_MAX, PENDING_PACKS_MAX, RETRY_AFTER_MS_MAX, TEMPORARY_REFUSALS_MAX } from './pending-packs.ts'
import { QUESTION_MS_MAX } from './questions.ts'

const AB = 's:alice:bob' as SessionId

interface Scene {
  clock: VirtualClock
  gateway: FakeGateway
  client: Client
  /** What happened, as short words, in order. */
  story: string[]
  phases: Phase[]
}

async function scene(user = 'alice', options: Partial<ClientOptions> = {}): Promise<Scene> {
  const clock = new VirtualClock()
  const gateway = new FakeGateway(clock)
  const made = { clock, gateway, ...watch(join(gateway, clock, user, options)) }
  await clock.settle()
  return made
}

function join(gateway: FakeGateway, clock: VirtualClock, user: string, options: Partial<ClientOptions> = {}): Client {
  return connect({
    url: 'ws://fake/ws',
    token: user,
    deviceType: 'linux',
    deviceId: `${user}-1`,
    open: gateway.open,
    clock,
    random: notRandom,
    ...options,
  })
}

function watch(client: Client): Pick<Scene, 'client' | 'story' | 'phases'> {
  const story: string[] = []
  const phases: Phase[] = []
  client.on('event', ({ sessionId, seq, from, body }) => {
    const text = body.kind === 'MessageAccepted' && body.content.kind === 'Text' ? body.content.text : body.kind
    story.push(`${sessionId} ${seq} ${from} ${text}`)
  })
  client.on('gap', ({ sessionId, fromSeq, toSeq }) => story.push(`${sessionId} gap ${fromSeq}-${toSeq}`))
  client.on('reset', ({ sessionId }) => story.push(`${sessionId} reset`))
  client.on('answer', answer =>
    story.push(answer.kind === 'Accepted' ? `acked ${answer.seq}` : `refused ${answer.name}`),
  )
  client.on('phase', phase => phases.push(phase))
  return { client, story, phases }
}

const hello = (text: string, sessionId = AB) =>
  ({ type: 'send', sessionId, flags: Flag.COUNTER, content: { kind: 'Text', text } }) as const

const types = (frames: readonly ClientFrame[]) => frames.map(frame => frame.type)

test('[CL4] a pack is answered by its outcome and stands in the timeline with its seq', async () => {
  const { clock, gateway, client, story } = await scene()
  gateway.say(AB, 'bob', 'hi')
  const { answer, packId } = client.submit(hello('hello'))
  expect(client.pendingCount).toBe(1)
  await clock.settle()
  expect(await answer).toMatchObject({ kind: 'Accepted', packId, seq: 2 })
  expect(story).toEqual(['s:alice:bob 1 bob hi', 's:alice:bob 2 alice hello', 'acked 2'])
  expect(client.pendingCount).toBe(0)
})

test('[CL4] a pack about oneself or another user has its session once the server has said who we are', async () => {
  const clock = new VirtualClock()
  const client = join(new FakeGateway(clock), clock, 'alice')
  const block = { type: 'blockUser', userId: 'bob' as UserId } as const
  expect(() => client.submit(block)).toThrow('no welcome')
  await clock.settle()
  expect(client.submit(block).sessionId).toBe(AB)
  expect(client.submit({ type: 'updateProfile', profile: { name: 'Alice' } }).sessionId).toBe('u:alice')
})

test('[CL4] a final refusal is the answer', async () => {
  const { clock, gateway, client } = await scene()
  gateway.intercept = (frame, connection) => {
    if (frame.type !== 'send') return false
    connection.push(refused(frame, 'MSG_FORBIDDEN'))
    return true
  }
  const { answer } = client.submit(hello('hello'))
  await clock.settle()
  expect(await answer).toMatchObject({ kind: 'Refused', name: 'MSG_FORBIDDEN', retry: 'never' })
  expect(client.pendingCount).toBe(0)
})

test('[CL5] a pack without an answer goes out again after a reconnect, under the same packId and after the resume', async () => {
  const { clock, gateway, client, story } = await scene()
  gateway.say(AB, 'bob', 'one')
  gateway.intercept = frame => frame.type === 'send'
  const { answer, packId } = client.submit(hello('lost on the way'))
  const { answer: second } = client.submit(hello('this too'))
  await clock.settle()
  gateway.intercept = () => false
  gateway.dropAll()
  gateway.say(AB, 'bob', 'two')
  await clock.pass(BACKOFF_MS_MIN)
  const again = gateway.connectionOf('alice').received
  expect(types(again)).toEqual(['resume', 'send', 'send'])
  expect(again[1]).toMatchObject({ packId, flags: Flag.COUNTER | Flag.DUP })
  expect(await answer).toMatchObject({ kind: 'Accepted', seq: 3 })
  expect(await second).toMatchObject({ kind: 'Accepted', seq: 4 })
  expect(story.filter(line => !line.startsWith('acked'))).toEqual([
    's:alice:bob 1 bob one',
    's:alice:bob 2 bob two',
    's:alice:bob 3 alice lost on the way',
    's:alice:bob 4 alice this too',
  ])
})

test('[CL5] a pack whose answer was lost is answered by the repeat and shown once', async () => {
  const { clock, gateway, client, story } = await scene()
  gateway.intercept = (frame, connection) => {
    if (frame.type === 'send') connection.end(1006)
    return false
  }
  await client.follow([{ sessionId: AB, seq: 0 }])
  const { answer } = client.submit(hello('once'))
  await clock.settle()
  gateway.intercept = () => false
  await clock.pass(BACKOFF_MS_MIN)
  expect(await answer).toMatchObject({ kind: 'Accepted', seq: 1 })
  expect(story).toEqual(['s:alice:bob 1 alice once', 'acked 1'])
})

test('[CL5] a pack that is written while there is no connection goes out with the next one', async () => {
  const { clock, gateway, client } = await scene()
  gateway.up = false
  gateway.dropAll()
  const { answer } = client.submit(hello('later'))
  await clock.pass(20 * BACKOFF_MS_MAX)
  gateway.up = true
  await clock.pass(BACKOFF_MS_MAX)
  expect(await answer).toMatchObject({ kind: 'Accepted', seq: 1 })
})

test('[CL5] a temporary refusal is answered by sending again, a bounded number of times', async () => {
  const { clock, gateway, client } = await scene()
  let sends = 0
  gateway.intercept = (frame, connection) => {
    if (frame.type !== 'send') return false
    sends++
    connection.push(refused(frame, 'OVERLOADED'))
    return true
  }
  const { answer } = client.submit(hello('please'))
  await clock.pass(TEMPORARY_REFUSALS_MAX * BACKOFF_MS_MAX)
  expect(sends).toBe(TEMPORARY_REFUSALS_MAX + 1)
  expect(await answer).toMatchObject({ kind: 'Refused', name: 'OVERLOADED', retry: 'same' })
})

test('[CL5] a pack waits as long as the server says, and its sender decides where that is long', async () => {
  const { clock, gateway, client } = await scene()
  const sentAt: number[] = []
  let retryAfterMs = 5_000
  gateway.intercept = (frame, connection) => {
    if (frame.type !== 'send') return false
    sentAt.push(clock.monotonic())
    if (sentAt.length > 1 && retryAfterMs <= RETRY_AFTER_MS_MAX) return false
    connection.push({ ...refused(frame, 'RATE_LIMITED'), retryAfterMs } as ServerFrame)
    return true
  }
  const { answer } = client.submit(hello('slowly'))
  await clock.pass(5_000 + BACKOFF_MS_MAX)
  expect(await answer).toMatchObject({ kind: 'Accepted' })
  expect(sentAt[1]! - sentAt[0]!).toBeGreaterThanOrEqual(5_000)
  retryAfterMs = RETRY_AFTER_MS_MAX + 1
  const long = client.submit(hello('too slowly'))
  await clock.settle()
  expect(await long.answer).toMatchObject({ kind: 'Refused', name: 'RATE_LIMITED', retry: 'same', retryAfterMs })
})

test('[CL19] a message that nobody keeps is said now or not at all, and comes as no event', async () => {
  const { clock, gateway, client, story } = await scene()
  const online = { ...hello('now'), flags: Flag.ONLINE_ONLY }
  const heard: string[] = []
  client.on('online', ({ from }) => heard.push(from))
  let answers = true
  gateway.intercept = (frame, connection) => {
    if (frame.type !== 'send') return false
    const { packId, sessionId } = frame
    if (answers) connection.push({ type: 'ack', packId, sessionId, seq: 0, count: 0, at: 1 })
    connection.push({ type: 'online', packId, sessionId, from: 'bob' as UserId, at: 1, content: frame.content })
    return true
  }
  const { answer } = client.submit(online)
  await clock.settle()
  expect(await answer).toMatchObject({ kind: 'Accepted', seq: 0 })
  expect(heard).toEqual(['bob'])
  expect(story).toEqual(['acked 0'])
  answers = false
  const lost = client.submit(online)
  await clock.settle()
  gateway.dropAll()
  await clock.settle()
  expect(await lost.answer).toMatchObject({ kind: 'Refused', name: 'NOT_CONNECTED' })
  expect(await client.submit(online).answer).toMatchObject({ kind: 'Refused', name: 'NOT_CONNECTED' })
  expect(client.pendingCount).toBe(0)
})

test('[CL5] a live connection that leaves a pack without an answer gets it again', async () => {
  const { clock, gateway, client } = await scene()
  let swallowed = 0
  gateway.intercept = frame => frame.type === 'send' && swallowed++ === 0
  const { answer } = client.submit(hello('anybody there?'))
  await clock.pass(ANSWER_MS_MAX + 2 * FAKE_HEARTBEAT_MS)
  expect(await answer).toMatchObject({ kind: 'Accepted', seq: 1 })
})

test('[CL5] only so many packs may wait', async () => {
  const { gateway, client } = await scene()
  gateway.intercept = () => true
  for (let count = 0; count < PENDING_PACKS_MAX; count++) client.submit(hello('x'))
  expect(() => client.submit(hello('one too many'))).toThrow(/wait for an answer/)
})

test('[CL6] after a reconnect every session is resumed above its last seq: nothing lost, nothing twice', async () => {
  const { clock, gateway, client, story } = await scene()
  const team = 'g:team' as SessionId
  gateway.membersOf(team).add('alice' as UserId)
  gateway.say(AB, 'bob', '1')
  gateway.say(team, 'carol', '1')
  gateway.dropAll()
  gateway.say(AB, 'bob', '2')
  gateway.say(team, 'carol', '2')
  await clock.pass(BACKOFF_MS_MIN)
  gateway.say(AB, 'bob', '3')
  expect(gateway.connectionOf('alice').received[0]).toMatchObject({
    type: 'resume',
    sessions: [
      { sessionId: AB, seq: 1 },
      { sessionId: team, seq: 1 },
    ],
  })
  expect(story).toEqual([
    's:alice:bob 1 bob 1',
    'g:team 1 carol 1',
    's:alice:bob 2 bob 2',
    'g:team 2 carol 2',
    's:alice:bob 3 bob 3',
  ])
  expect(client.phase.kind).toBe('Live')
})

test('[CL6] a session that began while there was no connection is discovered from its beginning', async () => {
  const { clock, gateway, story } = await scene('alice', { discover: () => 0 })
  gateway.dropAll()
  gateway.say(AB, 'bob', '1')
  gateway.say(AB, 'bob', '2')
  let said = false
  gateway.intercept = frame => {
    // A live event of the unknown session arrives while sessions are being looked up.
    if (frame.type === 'sessions' && !said) gateway.say(AB, 'bob', '3')
    said = true
    return false
  }
  await clock.pass(BACKOFF_MS_MIN)
  expect(story).toEqual(['s:alice:bob 1 bob 1', 's:alice:bob 2 bob 2', 's:alice:bob 3 bob 3'])
})

test('[CL3, CL6] whoever is taken back into a group while there is no connection misses nothing of it', async () => {
  let seqOf: Client['seqOf'] = () => undefined
  const { clock, gateway, client, story } = await scene('alice', {
    discover: ({ sessionId }) => seqOf(sessionId) ?? 0,
  })
  seqOf = sessionId => client.seqOf(sessionId)
  const bob = join(gateway, clock, 'bob')
  const team = 'g:team' as SessionId
  client.submit({ type: 'createGroup', groupId: 'team', info: { name: 'Team' }, members: ['bob' as UserId] })
  client.submit({ type: 'quitGroup', sessionId: team })
  await clock.settle()
  gateway.connectionOf('alice').end(1006)
  bob.submit({ type: 'addMembers', sessionId: team, userIds: ['alice' as UserId] })
  await clock.settle()
  gateway.say(team, 'bob', 'missed')
  let said = false
  gateway.intercept = frame => {
    if (frame.type === 'sessions' && !said) {
      said = true
      gateway.say(team, 'bob', 'live')
    }
    return false
  }
  await clock.pass(BACKOFF_MS_MIN)
  expect(story.filter(line => line.startsWith('g:team')).slice(2)).toEqual([
    'g:team 3 bob MembersAdded',
    'g:team 4 bob missed',
    'g:team 5 bob live',
  ])
})

test('[CL6] a resume that fails temporarily is tried again and does not keep sends back', async () => {
  const { clock, gateway, client, story } = await scene()
  gateway.say(AB, 'bob', '1')
  gateway.dropAll()
  gateway.say(AB, 'bob', '2')
  gateway.intercept = (frame, connection) => {
    if (frame.type !== 'resume') return false
    connection.push(failed(frame.requestId, 'VIEW_BEHIND'))
    return true
  }
  const { answer } = client.submit(hello('3', 's:alice:carol' as SessionId))
  await clock.pass(BACKOFF_MS_MIN)
  expect(await answer).toMatchObject({ kind: 'Accepted' })
  gateway.intercept = () => false
  await clock.pass(BACKOFF_MS_MAX)
  expect(story).toContain('s:alice:bob 2 bob 2')
})

test('[CL7] a hole in what arrives is asked for and filled before anything goes on', async () => {
  const { clock, gateway, story } = await scene()
  gateway.say(AB, 'bob', '1')
  const connection = gateway.connectionOf('alice')
  gateway.remove(connection)
  gateway.say(AB, 'bob', '2')
  gateway.connections.push(connection)
  gateway.say(AB, 'bob', '3')
  await clock.settle()
  expect(story).toEqual(['s:alice:bob 1 bob 1'])
  await clock.pass(HOLE_PATIENCE_MS)
  expect(story).toEqual(['s:alice:bob 1 bob 1', 's:alice:bob 2 bob 2', 's:alice:bob 3 bob 3'])
})

test('[CL7] what the server no longer keeps is told as a gap, then the session goes on', async () => {
  const { clock, gateway, story } = await scene()
  gateway.say(AB, 'bob', '1')
  gateway.dropAll()
  for (const text of ['2', '3', '4']) gateway.say(AB, 'bob', text)
  gateway.keptFrom.set(AB, 4)
  await clock.pass(BACKOFF_MS_MIN)
  expect(story).toEqual(['s:alice:bob 1 bob 1', 's:alice:bob gap 2-3', 's:alice:bob 4 bob 4'])
})

test('[CL7] a hole that the server does not fill is told as a gap', async () => {
  const { clock, gateway, story } = await scene()
  gateway.say(AB, 'bob', '1')
  const timeline = gateway.timelines.get(AB)!
  timeline.push({ ...timeline[0]!, seq: 2 })
  gateway.say(AB, 'bob', '3')
  gateway.intercept = (frame, connection) => {
    if (frame.type !== 'resume') return false
    connection.push({ type: 'resumed', requestId: frame.requestId, sessions: [{ sessionId: AB, lastSeq: 3 }] })
    return true
  }
  await clock.pass(HOLE_PATIENCE_MS)
  expect(story).toContain('s:alice:bob gap 2-2')
  expect(story.at(-1)).toBe('s:alice:bob 3 bob 3')
})

test('[CL7] a hole whose resume was overtaken by another is asked for again', async () => {
  const { clock, gateway, story } = await scene()
  gateway.say(AB, 'bob', '1')
  const timeline = gateway.timelines.get(AB)!
  timeline.push({ ...timeline[0]!, seq: 2 })
  gateway.say(AB, 'bob', '3')
  let asked = 0
  gateway.intercept = (frame, connection) => {
    if (frame.type !== 'resume' || asked++ > 0) return false
    connection.push({ type: 'resumed', requestId: frame.requestId, sessions: [] })
    return true
  }
  await clock.pass(HOLE_PATIENCE_MS + BACKOFF_MS_MAX)
  expect(story.filter(line => line.includes('gap'))).toEqual([])
  expect(story.at(-1)).toBe('s:alice:bob 3 bob 3')
})

test('[CL7] a hole that is asked for while the session is wanted from further back costs nothing of that', async () => {
  const { clock, gateway, client, story } = await scene()
  const connection = gateway.connectionOf('alice')
  gateway.remove(connection)
  for (const text of ['1', '2']) gateway.say(AB, 'bob', text)
  gateway.connections.push(connection)
  gateway.say(AB, 'bob', '3')
  gateway.remove(connection)
  gateway.say(AB, 'bob', '4')
  gateway.connections.push(connection)
  gateway.say(AB, 'bob', '5')
  const refusals: number[] = []
  gateway.intercept = (frame, from) => {
    if (frame.type !== 'resume') return false
    const { seq } = frame.sessions[0]!
    // Above 3 the view is behind once, above 0 until that was asked for again.
    const isRefused = seq === 3 ? !refusals.includes(3) : refusals.filter(it => it === 3).length < 2
    refusals.push(seq)
    if (isRefused) from.push(failed(frame.requestId, 'VIEW_BEHIND'))
    return isRefused
  }
  await clock.pass(HOLE_PATIENCE_MS)
  void client.follow([{ sessionId: AB, seq: 0 }])
  await clock.pass(10 * BACKOFF_MS_MAX)
  expect(story.filter(line => line.includes('gap'))).toEqual([])
  expect(story).toEqual(['3', '1', '2', '3', '4', '5'].map(text => `s:alice:bob ${text} bob ${text}`))
})

test('[CL7] a reset begins the session again at 0', async () => {
  const { clock, gateway, client, story } = await scene()
  gateway.say(AB, 'bob', 'old')
  await client.follow([{ sessionId: AB, seq: 70 }])
  await clock.settle()
  expect(story).toEqual(['s:alice:bob 1 bob old', 's:alice:bob reset', 's:alice:bob 1 bob old'])
})

test('[CL3] after leaving a group it is not resumed, and coming back begins where the user comes back', async () => {
  const { clock, gateway, client, story } = await scene()
  const team = 'g:team' as SessionId
  client.submit({ type: 'createGroup', groupId: 'team', info: { name: 'Team' }, members: ['bob' as UserId] })
  client.submit({ type: 'quitGroup', sessionId: team })
  await clock.settle()
  gateway.say(team, 'bob', 'unseen')
  gateway.dropAll()
  await clock.pass(BACKOFF_MS_MIN)
  expect(types(gateway.connectionOf('alice').received)).not.toContain('resume')
  client.submit({ type: 'joinGroup', sessionId: team })
  await clock.settle()
  gateway.say(team, 'bob', 'seen')
  await clock.settle()
  expect(story.filter(line => line.startsWith('g:team'))).toEqual([
    'g:team 1 alice GroupCreated',
    'g:team 2 alice MemberQuit',
    'g:team 4 alice MemberJoined',
    'g:team 5 bob seen',
  ])
})

test('[CL3] an ack that overtakes a resume does not hide the beginning of a later stay', async () => {
  const { clock, gateway, client, story } = await scene()
  const team = 'g:team' as SessionId
  const alice = 'alice' as UserId
  const [removed, added, own] = (
    [
      { kind: 'MembersRemoved', userIds: [alice] },
      { kind: 'MembersAdded', userIds: [alice] },
      { kind: 'MessageAccepted', content: { kind: 'Text', text: 'own' } },
    ] as const
  ).map((body, i) => ({ ...gateway.say(team, 'bob', ''), seq: i + 2, body }) as EventFrame)
  gateway.intercept = (frame, connection) => {
    if (frame.type !== 'resume') return false
    for (const event of [removed!, own!, added!]) connection.push(event)
    connection.push({ type: 'resumed', requestId: frame.requestId, sessions: [{ sessionId: team, lastSeq: 4 }] })
    return true
  }
  await client.follow([{ sessionId: team, seq: 1 }])
  await clock.settle()
  expect(story).toEqual(['g:team 2 bob MembersRemoved', 'g:team 3 bob MembersAdded', 'g:team 4 bob own'])
})

test('[CL8] a close code that says so ends the client for good, every other one is followed by a new connection', async () => {
  const { clock, gateway, client, phases } = await scene()
  for (const code of [1006, 1000, 4008, 4010, 4011]) {
    gateway.dropAll(code)
    await clock.pass(BACKOFF_MS_MAX)
    expect(client.phase.kind).toBe('Live')
  }
  gateway.connectionOf('alice').end(4022, JSON.stringify({ name: 'KICKED', code: 22, reason: 'a newer login' }))
  await clock.pass(10 * BACKOFF_MS_MAX)
  expect(phases.at(-1)).toEqual({ kind: 'Closed', reason: 'a newer login', byRequest: false })
  expect(gateway.connections).toHaveLength(0)
})

test('[CL8] waits grow up to a bound and begin anew after a stable connection', async () => {
  const { clock, gateway, phases } = await scene()
  gateway.up = false
  gateway.dropAll()
  await clock.pass(10 * BACKOFF_MS_MAX)
  gateway.up = true
  await clock.pass(BACKOFF_MS_MAX)
  await clock.pass(FAKE_HEARTBEAT_MS)
  gateway.dropAll()
  const waits = phases.filter(phase => phase.kind === 'Waiting').map(phase => phase.retryMs)
  const grown = waits.slice(0, -1)
  expect(grown.toSorted((one, other) => one - other)).toEqual(grown)
  expect(Math.max(...grown)).toBeLessThanOrEqual(BACKOFF_MS_MAX)
  expect(grown.at(-1)).toBe(backoffMs(99, notRandom))
  expect(waits.at(-1)).toBe(backoffMs(0, notRandom))
})

test('[CL8] the wait is half fixed, half random', () => {
  const at = (next: number) => backoffMs(2, { next: () => next, bytes: size => Buffer.alloc(size) })
  expect([at(0), at(0.5), at(1)]).toEqual([500, 750, 1000])
})

test('[CL8] a token that runs out during a connection is asked for anew', async () => {
  let asked = 0
  const token = async () => {
    asked++
    return 'alice'
  }
  const { clock, gateway, client } = await scene('alice', { token })
  gateway.dropAll(4021)
  await clock.pass(BACKOFF_MS_MAX)
  expect(client.phase.kind).toBe('Live')
  expect(asked).toBe(2)
})

test('[CL9] a server that falls silent is left after two heartbeats, one that is idle is kept', async () => {
  const { clock, gateway, client } = await scene()
  await clock.pass(10 * FAKE_HEARTBEAT_MS)
  const first = gateway.connectionOf('alice')
  expect(types(first.received)).toContain('ping')
  gateway.intercept = frame => frame.type === 'ping'
  await clock.pass(3 * FAKE_HEARTBEAT_MS)
  gateway.intercept = () => false
  await clock.pass(BACKOFF_MS_MAX)
  expect(client.phase.kind).toBe('Live')
  expect(gateway.connectionOf('alice')).not.toBe(first)
})

test('[SDK41] who wakes connects now, however long the wait is, and once', async () => {
  const { clock, gateway, client } = await scene()
  gateway.up = false
  gateway.dropAll()
  await clock.pass(10 * BACKOFF_MS_MAX)
  expect(client.phase.kind).toBe('Waiting')
  gateway.up = true
  client.wake()
  client.wake()
  await clock.pass(1)
  expect(client.phase.kind).toBe('Live')
  await clock.pass(2 * BACKOFF_MS_MAX)
  expect(gateway.connections).toHaveLength(1)
})

test('[SDK41] who wakes on a line that died finds out before its heartbeat does, and keeps one that works', async () => {
  const { clock, gateway, client } = await scene()
  const first = gateway.connectionOf('alice')
  client.wake()
  await clock.pass(2 * WAKE_MS_MAX)
  expect(gateway.connectionOf('alice')).toBe(first)
  gateway.intercept = () => true
  client.wake()
  await clock.pass(WAKE_MS_MAX)
  gateway.intercept = () => false
  await clock.pass(BACKOFF_MS_MIN)
  expect(WAKE_MS_MAX).toBeLessThan(FAKE_HEARTBEAT_MS)
  expect(client.phase.kind).toBe('Live')
  expect(gateway.connectionOf('alice')).not.toBe(first)
})

test('[CL9] a server that accepts and does not welcome is left', async () => {
  const clock = new VirtualClock()
  let opened = 0
  const client = join(new FakeGateway(clock), clock, 'alice', {
    open: (_request, events) => {
      opened++
      return { send: () => {}, close: () => {}, terminate: () => events.ended({ code: 1006, reason: '' }) }
    },
  })
  await clock.pass(HANDSHAKE_MS_MAX + BACKOFF_MS_MIN)
  expect(opened).toBe(2)
  client.close()
})

test('[CL10] a question is answered by its own answer, by a failure, by the time limit, or by the end of the connection', async () => {
  const { clock, gateway, client } = await scene()
  gateway.say(AB, 'bob', '1')
  const ask = () => client.ask({ type: 'history', sessionId: AB, afterSeq: 0 })
  const page = ask()
  await clock.settle()
  expect(await page).toMatchObject({ type: 'page', lastSeq: 1, events: [{ seq: 1 }] })
  gateway.intercept = (frame, connection) => {
    if (frame.type === 'history') connection.push(failed(frame.requestId, 'HISTORY_DENIED'))
    return true
  }
  const denied = expect(ask()).rejects.toMatchObject({ code: 'HISTORY_DENIED', temporary: false })
  await clock.settle()
  await denied
  gateway.intercept = frame => frame.type === 'history'
  const late = expect(ask()).rejects.toMatchObject({ code: 'MSG_TIMEOUT', temporary: true })
  await clock.pass(QUESTION_MS_MAX)
  await late
  const lost = expect(ask()).rejects.toMatchObject({ code: 'NOT_CONNECTED', temporary: true })
  gateway.dropAll()
  await lost
  await expect(ask()).rejects.toMatchObject({ code: 'NOT_CONNECTED' })
})

test('[CL8] a client that was closed stays closed', async () => {
  const { clock, gateway, client, phases } = await scene()
  client.close()
  await clock.pass(10 * BACKOFF_MS_MAX)
  expect(phases.at(-1)).toMatchObject({ kind: 'Closed', byRequest: true })
  expect(gateway.connections).toHaveLength(0)
})
