import { Client } from '../../client/network/client.ts'
import { openWsTransport } from '../../client/network/ws-transport.ts'
import type { Clock, Random } from '../../infra/clock.ts'
import type { SessionId } from '../../schemas/ids.ts'
import { Flag } from '../../schemas/pack.ts'

/** Fills a conversation with lines of different lengths. */

export interface FillOptions {
  url: string
  token(): Promise<string>
  sessionId: SessionId
  messages: number
  clock: Clock
  random: Random
}

const AT_ONCE = 200

export async function fillConversation({ url, token, sessionId, messages, clock, random }: FillOptions): Promise<void> {
  const client = new Client({
    url,
    token,
    deviceType: 'linux',
    deviceId: 'bench',
    open: openWsTransport,
    clock,
    random,
  })
  try {
    const ready = new Promise<void>(resolve => client.on('caughtUp', () => resolve()))
    client.start()
    await ready
    for (let first = 0; first < messages; first += AT_ONCE) {
      const some = Array.from({ length: Math.min(AT_ONCE, messages - first) }, (_, index) => first + index)
      await Promise.all(some.map(number => client.submit(message(sessionId, number)).answer))
    }
  } finally {
    client.close()
  }
}

function message(sessionId: SessionId, number: number) {
  return {
    type: 'send',
    sessionId,
    flags: Flag.COUNTER,
    content: { kind: 'Text', text: lineOf(number) },
  } as const
}

/** What message number 0, 1, 2, ... says. */
export function lineOf(number: number): string {
  return `Message ${number}${' and so on'.repeat(number % 23)}`
}
