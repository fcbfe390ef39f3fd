import { createHmac } from 'node:crypto'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { systemClock } from '../../infra/clock.ts'

/** A request that came to the receiver. */
export interface Received {
  path: string
  headers: IncomingMessage['headers']
  text: string
  body: { id: string; event?: ReceivedEvent; pack?: ReceivedPack }
}
interface ReceivedEvent {
  sessionId: string
  seq: number
  body: { kind: string; content?: { text?: string } }
}
interface ReceivedPack {
  sessionId: string
  from: string
  body: { kind: string; content?: { text?: string } }
}

const POLL_MS = 20

/** What partners run: an HTTP server that takes webhooks and answers as a test tells it. */
export class Receiver {
  readonly received: Received[] = []
  /** Called for every request; answers 200 unless told otherwise. */
  answer: (request: Received, response: ServerResponse) => void = (_request, response) => void response.end()
  private readonly server = createServer((request, response) => this.take(request, response))

  static async listen(): Promise<Receiver> {
    const receiver = new Receiver()
    await new Promise<void>(resolve => receiver.server.listen(0, '127.0.0.1', resolve))
    return receiver
  }

  url(path: string): string {
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}${path}`
  }

  private take(request: IncomingMessage, response: ServerResponse): void {
    let text = ''
    request.setEncoding('utf8').on('data', chunk => {
      text += chunk
    })
    request.on('end', () => {
      const received = { path: request.url ?? '', headers: request.headers, text, body: JSON.parse(text) }
      this.received.push(received)
      this.answer(received, response)
    })
  }

  /** Those of one path, and of one session where it is named. */
  of(path: string, sessionId?: string): Received[] {
    return this.received.filter(one => one.path === path && (sessionId === undefined || sessionOf(one) === sessionId))
  }

  async until(fits: () => boolean): Promise<void> {
    while (!fits()) await systemClock.sleep(POLL_MS)
  }

  close(): void {
    this.server.closeAllConnections()
    this.server.close()
  }
}

export function sessionOf({ body }: Received): string | undefined {
  return body.event?.sessionId ?? body.pack?.sessionId
}

/** As the documents tell receivers to check it; nothing of the server is used. */
export function isRightlySigned({ headers, text }: Received, secret: string): boolean {
  const parts = String(headers['packlog-signature']).split(',')
  const time = parts.find(part => part.startsWith('t='))?.slice(2)
  const expected = createHmac('sha256', secret).update(`${time}.${text}`).digest('hex')
  return parts.includes(`v1=${expected}`)
}
