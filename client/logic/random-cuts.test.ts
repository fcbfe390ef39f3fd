import { expect, test } from 'vitest'
import { SeededRandom } from '../../infra/seeded-random.ts'
import { VirtualClock } from '../../infra/testing/virtual-clock.ts'
import type { EventFrame } from '../../schemas/frames.ts'
import type { SessionId, UserId } from '../../schemas/ids.ts'
import { Client } from '../network/client.ts'
import { MemoryStore } from '../storage/memory-store.ts'
import type { Store } from '../storage/store.ts'
import { FakeGateway } from '../testing/fake-gateway.ts'
import { amend, emptiedEdit, messageRow, targetSeq } from './fold-message.ts'
import { Messenger } from './messenger.ts'
import { type MessageRow, messageKey, type SessionRow } from './rows.ts'

/**
 * People write, edit, take back and react while links are cut or go silent, frames are lost, and the process is started again on
 * the same store. When everything is healed, the store holds what the server's timeline folds to, every message once.
 */

const AB = 's:alice:bob' as SessionId
const SEEDS = 300
const STEPS = 14

/** What the process that died still wants to write is lost. */
class MortalStore implements Store {
  private isDead = false
  private readonly store: Store

  constructor(store: Store) {
    this.store = store
  }

  die(): void {
    this.isDead = true
  }

  get: Store['get'] = (table, key) => this.store.get(table, key)
  range: Store['range'] = (table, range) => this.store.range(table, range)
  write: Store['write'] = async writes => (this.isDead ? undefined : this.store.write(writes))
  clear: Store['clear'] = () => this.store.clear()
  close: Store['close'] = async () => {}
}

class Story {
  readonly random: SeededRandom
  readonly clock = new VirtualClock()
  readonly gateway = new FakeGateway(this.clock)
  readonly disk = new MemoryStore()
  readonly said: string[] = []
  private store = new MortalStore(this.disk)
  private wire!: Client
  alice!: Messenger

  constructor(seed: number) {
    this.random = new SeededRandom(seed)
  }

  async begin(): Promise<void> {
    this.store = new MortalStore(this.disk)
    const options = { url: 'ws://fake/ws', token: 'alice', deviceType: 'web', deviceId: 'alice-1' } as const
    const { clock, random, gateway } = this
    this.wire = new Client({ ...options, open: gateway.open, clock, random })
    this.alice = new Messenger({ userId: 'alice' as UserId, wire: this.wire, store: this.store, clock, random })
    await this.alice.start()
  }

  async step(): Promise<void> {
    const { random, gateway, clock } = this
    const act = random.pick([
      'hear',
      'hear',
      'say',
      'say',
      'amend',
      'amend',
      'undo',
      'cut',
      'lose',
      'down',
      'silence',
      'crash',
      'wait',
    ])
    if (act === 'hear') gateway.say(AB, 'bob', this.newText('b'))
    if (act === 'say') this.alice.send(AB, { kind: 'Text', text: this.newText('a') })
    if (act === 'amend') this.amend()
    if (act === 'undo') this.undo()
    // What is not in the store yet dies with its process, as it must.
    await this.alice.settled()
    if (act === 'cut') gateway.dropAll()
    if (act === 'lose') this.loseNext()
    if (act === 'down') gateway.up = random.chance(0.5)
    if (act === 'silence') for (const connection of gateway.connections) connection.isSilent = true
    if (act === 'crash') {
      this.store.die()
      this.wire.close()
      gateway.dropAll()
      await this.begin()
    }
    if (random.chance(0.7)) await clock.pass(random.between(0, 4_000))
  }

  /** The next frame that comes in is done, or is not, and its connection ends. */
  private loseNext(): void {
    const isDone = this.random.chance(0.5)
    this.gateway.intercept = (_frame, connection) => {
      this.gateway.intercept = () => false
      connection.end(1006)
      return !isDone
    }
  }

  private newText(who: string): string {
    const text = `${who}${this.said.length}`
    this.said.push(text)
    return text
  }

  private messages(): EventFrame[] {
    return (this.gateway.timelines.get(AB) ?? []).filter(({ body }) => body.kind === 'MessageAccepted')
  }

  /** Alice changes a message, or reacts to it. */
  private amend(): void {
    const messages = this.messages()
    if (messages.length === 0) return
    const target = this.alice.target(this.random.pick(messages))
    const content = { kind: 'Text', text: 'edited' } as const
    if (this.random.chance(0.4)) this.alice.submit({ type: 'override', sessionId: AB, target, content })
    else
      this.alice.submit({
        type: this.random.pick(['addReaction', 'removeReaction']),
        sessionId: AB,
        target,
        emoji: '👍',
      })
  }

  /** Bob takes a message back. */
  private undo(): void {
    const messages = this.messages()
    if (messages.length === 0) return
    const { seq, packId, from, at } = this.random.pick(messages)
    const target = { seq, packId, from, at, counted: true }
    this.gateway.append(AB, 'bob' as UserId, this.gateway.newPackId(), { kind: 'MessageRevoked', target })
  }

  async heal(): Promise<void> {
    this.gateway.intercept = () => false
    this.gateway.up = true
    // A silent connection is found out after two heartbeats and more.
    await this.clock.pass(120_000)
    expect(this.alice.isUpToDate).toBe(true)
    await this.alice.settled()
    const conversation = this.alice.open(AB)
    do {
      const loading = conversation.loadOlder()
      await this.clock.settle()
      await loading
    } while (conversation.view.hasOlder)
    await this.alice.settled()
  }
}

/** The timeline as it reads at its end. */
function folded(timeline: readonly EventFrame[]): MessageRow[] {
  const rows: MessageRow[] = []
  for (const event of timeline) {
    rows.push(messageRow(event))
    const target = targetSeq(event)
    if (target !== undefined) rows[target - 1] = amend(rows[target - 1]!, event)
  }
  return rows
}

/** What an edit said that no longer holds is gone where the message was here by then. */
function withoutPast(rows: readonly MessageRow[]): MessageRow[] {
  return rows.map(row => {
    const target = targetSeq(row.event)
    return (target !== undefined && emptiedEdit(row, rows[target - 1]!.event)) || row
  })
}

const shown = ({ event: { seq, from, packId, body, state, reactions } }: MessageRow) => ({
  seq,
  from,
  packId,
  body,
  state,
  reactions,
})

async function play(seed: number): Promise<void> {
  const story = new Story(seed)
  await story.begin()
  for (let step = 0; step < STEPS; step++) await story.step()
  await story.heal()
  const timeline = story.gateway.timelines.get(AB) ?? []
  const range = { from: messageKey(AB, 0), to: messageKey(AB, Number.MAX_SAFE_INTEGER) }
  const kept = (await story.disk.range('messages', range)).map(({ value }) => value as MessageRow)
  expect(withoutPast(kept).map(shown), `seed ${seed}`).toEqual(withoutPast(folded(timeline)).map(shown))
  const row = (await story.disk.get('sessions', AB)) as SessionRow | undefined
  expect(row?.spans ?? [], `seed ${seed}`).toEqual(timeline.length === 0 ? [] : [{ from: 1, to: timeline.length }])
  const texts = timeline.flatMap(({ body, packId }) => (body.kind === 'MessageAccepted' ? [packId] : []))
  expect(texts.length, `seed ${seed}: every message once`).toBe(story.said.length)
  expect(await story.disk.range('outbox', {}), `seed ${seed}`).toEqual([])
}

const GROUPS = 6

for (let group = 0; group < GROUPS; group++) {
  test(`[SDK3, SDK6] ${SEEDS / GROUPS} stories of cut links and killed processes end as the server has it (${group + 1})`, async () => {
    for (let seed = group; seed < SEEDS; seed += GROUPS) await play(seed)
  }, 60_000)
}
