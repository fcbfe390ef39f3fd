import { expect, test } from 'vitest'
import { VirtualClock } from '../../infra/testing/virtual-clock.ts'
import type { SessionId, UserId } from '../../schemas/ids.ts'
import { BACKOFF_MS_MAX } from '../network/backoff.ts'
import { Client, type PackRequest } from '../network/client.ts'
import { FakeGateway, failed, notRandom, refused } from '../testing/fake-gateway.ts'
import { Chat, LAST_WORDS_MS_MAX } from './chat.ts'
import type { Screen } from './screen.ts'

const AB = 's:alice:bob' as SessionId
const TEAM = 'g:team' as SessionId

class FakeScreen implements Screen {
  readonly lines: string[] = []
  pending: readonly string[] = []
  prompt = ''
  isClosed = false
  type: (text: string) => void = () => {}
  end: (how: 'input' | 'interrupt') => void = () => {}

  print(line: string): void {
    this.lines.push(...line.split('\n'))
  }

  showPending(lines: readonly string[]): void {
    this.pending = lines
  }

  showPrompt(text: string): void {
    this.prompt = text
  }

  listen({ line, ended }: Parameters<Screen['listen']>[0]): void {
    this.type = line
    this.end = ended
  }

  close(): void {
    this.isClosed = true
  }

  /** The lines of conversations, without their time. */
  said(): string[] {
    return this.lines.filter(line => /^\d\d:\d\d:\d\d /.test(line)).map(line => line.slice(9))
  }
}

interface Terminal {
  screen: FakeScreen
  exit: Promise<number>
}

function terminal(
  { gateway, clock }: { gateway: FakeGateway; clock: VirtualClock },
  { sessionId = AB, me = 'alice', first }: { sessionId?: SessionId | undefined; me?: string; first?: PackRequest } = {},
): Terminal {
  const screen = new FakeScreen()
  const client = new Client({
    url: 'ws://fake/ws',
    token: me,
    deviceType: 'linux',
    deviceId: 'terminal',
    open: gateway.open,
    clock,
    random: notRandom,
    discover: summary => chat.discovered(summary),
  })
  const chat: Chat = new Chat({
    client,
    screen,
    clock,
    random: notRandom,
    style: { colour: false, me: me as UserId },
    sessionId,
    first,
    serverHint: 'start it',
  })
  return { screen, exit: chat.run() }
}

function world() {
  const clock = new VirtualClock()
  return { clock, gateway: new FakeGateway(clock) }
}

test('[CL13] a conversation opens with its last lines and goes on live, each line once', async () => {
  const { gateway, clock } = world()
  for (let number = 1; number <= 30; number++) gateway.say(AB, 'bob', `line ${number}`)
  gateway.intercept = (frame, connection) => {
    if (frame.type !== 'history') return false
    // Something is said while the history is on its way, which does not have it yet.
    const events = gateway.timelines.get(AB)!.slice(10)
    gateway.say(AB, 'bob', 'line 31')
    connection.push({ type: 'page', requestId: frame.requestId, sessionId: AB, lastSeq: 30, more: true, events })
    return true
  }
  const { screen } = terminal({ gateway, clock })
  await clock.settle()
  gateway.say(AB, 'bob', 'line 32')
  await clock.settle()
  const numbers = screen.said().map(line => Number(line.split(' ').at(-1)))
  expect(numbers).toEqual(Array.from({ length: 22 }, (_, index) => index + 11))
  expect(screen.lines).toContain('* unread:')
  expect(screen.prompt).toBe('alice bob> ')
})

test('[CL13] an own message is shown as being sent, then once with its seq', async () => {
  const { gateway, clock } = world()
  const { screen } = terminal({ gateway, clock })
  await clock.settle()
  gateway.intercept = frame => frame.type === 'send'
  screen.type('hello')
  await clock.settle()
  expect(screen.pending).toEqual(['sending... hello'])
  expect(screen.said()).toEqual([])
  gateway.intercept = () => false
  gateway.dropAll()
  await clock.pass(BACKOFF_MS_MAX)
  expect(screen.pending).toEqual([])
  expect(screen.said()).toEqual(['#1 alice: hello'])
})

test('[CL13] a message that goes on under a new packId is shown as being sent until it has its seq', async () => {
  const clock = new VirtualClock()
  const gateway = new FakeGateway(clock)
  const { screen } = terminal({ gateway, clock })
  await clock.settle()
  let old: string | undefined
  let isHeld = true
  gateway.intercept = (frame, connection) => {
    if (frame.type === 'outcome') {
      const nothing = { found: false, code: 0, seq: 0, count: 0, at: 0 }
      connection.push({ ...frame, ...nothing })
      return true
    }
    if (frame.type !== 'send') return false
    old ??= frame.packId
    if (frame.packId === old) connection.push(refused(frame, 'EXPIRED'))
    return frame.packId === old || isHeld
  }
  screen.type('written long ago')
  await clock.settle()
  expect(screen.pending).toHaveLength(1)
  isHeld = false
  gateway.dropAll()
  await clock.pass(BACKOFF_MS_MAX)
  expect(screen.pending).toEqual([])
  expect(screen.said().filter(line => line.includes('written long ago'))).toHaveLength(1)
})

test('[CL13] a restart of the server is told, and no line is lost or repeated', async () => {
  const { gateway, clock } = world()
  const { screen } = terminal({ gateway, clock })
  await clock.settle()
  gateway.say(AB, 'bob', 'before')
  screen.type('me too')
  await clock.settle()
  gateway.up = false
  gateway.dropAll()
  gateway.say(AB, 'bob', 'meanwhile')
  screen.type('later')
  gateway.say('s:alice:carol' as SessionId, 'carol', 'new here')
  await clock.pass(3 * BACKOFF_MS_MAX)
  gateway.up = true
  await clock.pass(BACKOFF_MS_MAX)
  gateway.say(AB, 'bob', 'after')
  await clock.settle()
  const here = screen.said().filter(line => line.startsWith('#'))
  expect(here).toEqual(['#1 bob: before', '#2 alice: me too', '#3 bob: meanwhile', '#4 alice: later', '#5 bob: after'])
  expect(screen.said().filter(line => line.includes('new here'))).toHaveLength(1)
  expect(screen.lines.filter(line => line.startsWith('* no connection')).length).toBeGreaterThan(0)
  expect(screen.lines).toContain('* connected again as alice (fake)')
})

test('[CL13] what is piped in before there is a connection is sent, and the program ends with 0 once all is acked', async () => {
  const { gateway, clock } = world()
  const { screen, exit } = terminal({ gateway, clock })
  screen.type('one')
  screen.type('two')
  screen.end('input')
  await clock.pass(1_000)
  expect(await exit).toBe(0)
  expect(screen.said()).toEqual(['#1 alice: one', '#2 alice: two'])
  expect(screen.isClosed).toBe(true)
  expect(gateway.connections).toHaveLength(0)
})

test('[CL13] it ends with 1 when something typed was refused, or was never answered', async () => {
  const one = world()
  one.gateway.intercept = (frame, connection) => {
    if (frame.type === 'send') connection.push(refused(frame, 'MSG_TOO_LONG'))
    return frame.type === 'send'
  }
  const first = terminal(one)
  first.screen.type('a very long text')
  first.screen.end('input')
  await one.clock.pass(1_000)
  expect(await first.exit).toBe(1)
  expect(first.screen.lines).toContain('! not sent: "a very long text": MSG_TOO_LONG, the content is too long')

  const two = world()
  two.gateway.intercept = frame => frame.type === 'send'
  const second = terminal(two)
  second.screen.type('anybody?')
  second.screen.end('input')
  await two.clock.pass(LAST_WORDS_MS_MAX + 1_000)
  expect(await second.exit).toBe(1)
  expect(second.screen.lines.at(-1)).toContain('may not have been sent')
})

test('[CL13] without a server it says what to do and ends with 1', async () => {
  const { gateway, clock } = world()
  const noServer: FakeGateway['open'] = (_request, events) => {
    queueMicrotask(() => events.ended({ code: 1006, reason: 'connect ECONNREFUSED 127.0.0.1:1' }))
    return { send: () => {}, close: () => {}, terminate: () => {} }
  }
  Object.assign(gateway, { open: noServer })
  const { screen, exit } = terminal({ gateway, clock })
  await clock.settle()
  expect(await exit).toBe(1)
  expect(screen.lines).toContain('start it')
})

test('[CL14] a group is created, then what was typed meanwhile goes there', async () => {
  const { gateway, clock } = world()
  const first: PackRequest = {
    type: 'createGroup',
    groupId: 'team',
    info: { name: 'Team' },
    members: ['bob' as UserId],
  }
  const { screen } = terminal({ gateway, clock }, { sessionId: TEAM, first })
  screen.type('welcome')
  await clock.settle()
  expect(screen.said()).toEqual(['#1 * you created the group "Team" with bob', '#2 alice: welcome'])
})

test('[CL14] the commands of a group', async () => {
  const { gateway, clock } = world()
  const first: PackRequest = {
    type: 'createGroup',
    groupId: 'team',
    info: { name: 'Team' },
    members: ['bob' as UserId],
  }
  const alice = terminal({ gateway, clock }, { sessionId: TEAM, first })
  const carol = terminal({ gateway, clock }, { sessionId: undefined, me: 'carol' })
  await clock.settle()
  alice.screen.type('/add dan')
  carol.screen.type('/join team')
  await clock.settle()
  carol.screen.type('hi all')
  carol.screen.type('/members')
  await clock.settle()
  carol.screen.type('/quit')
  await clock.settle()
  alice.screen.type('bye carol')
  alice.screen.type('/sessions')
  await clock.settle()
  expect(alice.screen.said()).toEqual([
    '#1 * you created the group "Team" with bob',
    '#2 * you added dan',
    '#3 * carol joined',
    '#4 carol: hi all',
    '#5 * carol left',
    '#6 alice: bye carol',
  ])
  expect(carol.screen.said()).not.toContain('#6 alice: bye carol')
  expect(carol.screen.lines).toContain('  alice (owner)')
  expect(alice.screen.lines.some(line => line.startsWith('  g:team (#6'))).toBe(true)
})

test('[CL13] other conversations are shown in passing with what is unread, and can be opened', async () => {
  const { gateway, clock } = world()
  const ac = 's:alice:carol' as SessionId
  gateway.say(ac, 'carol', 'old news')
  const { screen } = terminal({ gateway, clock })
  await clock.settle()
  expect(screen.lines).toContain('* unread in other conversations:')
  gateway.say(ac, 'carol', 'psst')
  await clock.settle()
  expect(screen.said().some(line => line.includes('carol: psst'))).toBe(true)
  screen.type('/open carol')
  await clock.settle()
  screen.type('yes?')
  await clock.settle()
  expect(screen.said().filter(line => line.startsWith('#'))).toEqual([
    '#1 carol: old news',
    '#2 carol: psst',
    '#3 alice: yes?',
  ])
  screen.type('/history')
  await clock.settle()
  expect(screen.lines).toContain('* nothing older')
})

test('[CL13] older messages are read page by page', async () => {
  const { gateway, clock } = world()
  for (let number = 1; number <= 30; number++) gateway.say(AB, 'bob', `line ${number}`)
  const { screen } = terminal({ gateway, clock })
  await clock.settle()
  screen.type('/history 4')
  await clock.settle()
  screen.type('/history 4')
  await clock.settle()
  expect(
    screen
      .said()
      .slice(20)
      .map(line => line.split(' ')[0]),
  ).toEqual(['#7', '#8', '#9', '#10', '#3', '#4', '#5', '#6'])
})

test('[CL13] a view that is behind is asked again, a conversation that is denied is said so', async () => {
  const { gateway, clock } = world()
  let asked = 0
  gateway.say(AB, 'bob', 'hello')
  gateway.intercept = (frame, connection) => {
    if (frame.type !== 'history' || ++asked > 2) return false
    connection.push(failed(frame.requestId, 'VIEW_BEHIND'))
    return true
  }
  const { screen } = terminal({ gateway, clock })
  await clock.pass(1_000)
  expect(screen.said()).toEqual(['#1 bob: hello'])
  gateway.intercept = (frame, connection) => {
    if (frame.type !== 'history') return false
    connection.push(failed(frame.requestId, 'HISTORY_DENIED'))
    return true
  }
  screen.type('/open g:secret')
  await clock.settle()
  expect(screen.lines).toContain('! HISTORY_DENIED: the asker may not read this session')
})

test('[CL13] an interrupt ends at once', async () => {
  const { gateway, clock } = world()
  const { screen, exit } = terminal({ gateway, clock })
  await clock.settle()
  screen.end('interrupt')
  expect(await exit).toBe(0)
})

test('[CL20] messages that were shown are taken back, changed, answered and reacted to', async () => {
  const { gateway, clock } = world()
  const first = gateway.say(AB, 'alice', 'mine')
  const second = gateway.say(AB, 'bob', 'yours')
  const { screen } = terminal({ gateway, clock })
  await clock.settle()
  const sent: unknown[] = []
  gateway.intercept = frame => {
    if (!('packId' in frame)) return false
    sent.push(frame)
    return true
  }
  const typed = [
    '/revoke',
    '/revoke #1',
    '/delete #2',
    '/edit better',
    '/edit #1 two  words',
    '/react #2 👍',
    '/unreact #2 👍',
  ]
  for (const line of [...typed, '/reply #2 and so on']) screen.type(line)
  await clock.settle()
  const own = { seq: 1, packId: first.packId, from: 'alice' }
  const other = { seq: 2, packId: second.packId, from: 'bob' }
  expect(sent).toMatchObject([
    { type: 'revoke', target: own },
    { type: 'revoke', target: own },
    { type: 'deleteForAll', target: other },
    { type: 'override', target: own, content: { text: 'better' } },
    { type: 'override', target: own, content: { text: 'two  words' } },
    { type: 'addReaction', target: other, emoji: '👍' },
    { type: 'removeReaction', target: other, emoji: '👍' },
    { type: 'send', content: { text: 'and so on' }, extra: { quote: other } },
  ])
})

test('[CL20] a message that was not shown cannot be named, and a command needs its words', async () => {
  const { gateway, clock } = world()
  gateway.say(AB, 'bob', 'yours')
  const { screen } = terminal({ gateway, clock })
  await clock.settle()
  for (const line of ['/revoke #9', '/revoke', '/edit', '/react #1', '/reply hello', '/delete 1']) screen.type(line)
  await clock.settle()
  expect(screen.lines.filter(line => line.startsWith('! '))).toEqual([
    '! #9 is no message that was shown here',
    '! you have said nothing here',
    '! /edit [#N] TEXT',
    '! /react #N EMOJI',
    '! /reply #N TEXT',
    '! /delete [#N]',
  ])
})
