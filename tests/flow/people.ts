import { type Client, connect } from '../../client/network/client.ts'
import type { PackAnswer } from '../../client/network/pending-packs.ts'
import { openWsTransport } from '../../client/network/ws-transport.ts'
import { systemClock, systemRandom } from '../../infra/clock.ts'
import type { EventFrame } from '../../schemas/frames.ts'
import type { PackId, Seq, SessionId } from '../../schemas/ids.ts'
import { Flag } from '../../schemas/pack.ts'
import type { TestProduct } from '../product.ts'

/** A person with one device, who writes down everything that the server says. */
export interface Person {
  name: string
  client: Client
  /** Events as they were delivered, per session. */
  received: Map<SessionId, EventFrame[]>
  /** Own packs that were accepted: what must be in the log for ever. */
  accepted: Map<PackId, { sessionId: SessionId; seq: Seq }>
  refused: PackAnswer[]
  /** Seqs that the server said it cannot deliver, and timelines that it began anew: there must be none. */
  losses: string[]
}

/** Connects a person and follows the sessions from their beginning, over reconnects as well. */
export async function person(
  product: TestProduct,
  name: string,
  { sessions, wsUrl = product.wsUrl }: { sessions: readonly SessionId[]; wsUrl?: string },
): Promise<Person> {
  const client = connect({
    url: wsUrl,
    token: () => product.token(name),
    deviceType: 'linux',
    deviceId: `${name}-device`,
    open: openWsTransport,
    clock: systemClock,
    random: systemRandom,
  })
  const someone: Person = { name, client, received: new Map(), accepted: new Map(), refused: [], losses: [] }
  client.on('event', event => {
    const events = someone.received.get(event.sessionId) ?? []
    someone.received.set(event.sessionId, events)
    events.push(event)
  })
  client.on('gap', gap => someone.losses.push(`gap ${gap.sessionId} ${gap.fromSeq}..${gap.toSeq}`))
  client.on('reset', reset => someone.losses.push(`reset ${reset.sessionId} ${reset.lastSeq}`))
  await new Promise<void>(resolve => client.on('caughtUp', () => resolve()))
  await client.follow(sessions.map(sessionId => ({ sessionId, seq: 0 })))
  return someone
}

/** Sends one text and waits for its answer, however often the connection is lost meanwhile. */
export async function say(someone: Person, sessionId: SessionId, text: string): Promise<PackAnswer> {
  const { answer } = someone.client.submit({
    type: 'send',
    sessionId,
    flags: Flag.COUNTER,
    content: { kind: 'Text', text },
  })
  const outcome = await answer
  if (outcome.kind === 'Accepted') someone.accepted.set(outcome.packId, { sessionId, seq: outcome.seq })
  else someone.refused.push(outcome)
  return outcome
}

/**
 * Everyone talks in turn to the sessions that `sessionsOf` gives for a name, until told to stop; at most one pack is
 * under way each.
 */
export function talk(
  people: readonly Person[],
  sessionsOf: (name: string) => readonly SessionId[],
): { stop(): Promise<void> } {
  let isOver = false
  const loops = people.map(async someone => {
    const sessions = sessionsOf(someone.name)
    for (let index = 0; !isOver; index++)
      await say(someone, sessions[index % sessions.length]!, `${someone.name} ${index}`)
  })
  return {
    stop: async () => {
      isOver = true
      await Promise.all(loops)
    },
  }
}

/** Resolves when so many more packs of the people were accepted. */
export function more(people: readonly Person[], count: number): Promise<void> {
  const accepted = () => people.reduce((sum, someone) => sum + someone.accepted.size, 0)
  const target = accepted() + count
  return until(people, () => accepted() >= target)
}

/** Resolves when `condition` holds; it is looked at again with every event that one of the people gets. */
export function until(people: readonly Person[], condition: () => boolean): Promise<void> {
  if (condition()) return Promise.resolve()
  return new Promise(resolve => {
    const cancels = people.flatMap(({ client }) => [client.on('event', look), client.on('answer', look)])
    function look() {
      if (!condition()) return
      for (const cancel of cancels) cancel()
      resolve()
    }
  })
}

/** What is wrong with what a person received of a session: seqs from 1 without a hole or a repeat, and nothing else. */
export function misdelivered(someone: Person, sessionId: SessionId, lastSeq: Seq): string[] {
  const seqs = (someone.received.get(sessionId) ?? []).map(event => event.seq)
  const wrong = seqs.filter((seq, index) => seq !== index + 1)
  const found = wrong.map(seq => `${someone.name} ${sessionId}: ${seq} is out of place`)
  if (seqs.length !== lastSeq) found.push(`${someone.name} ${sessionId}: ${seqs.length} of ${lastSeq} events`)
  return found
}
