import { type IncomingMessage, type ServerResponse, STATUS_CODES } from 'node:http'
import type { Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import { PROBLEM_TYPE, Problem } from './problem.ts'

/** Answers what no route hears of: what could not be read as a request, and an upgrade that is refused. */

export interface UnreadError extends Error {
  code?: string
}

/** What Node keeps on a socket: the answer that is under way, where there is one. */
interface AnsweringSocket extends Socket {
  _httpMessage?: ServerResponse<IncomingMessage> | null
}

/** The connection ends. */
export function refuseUnread(error: UnreadError, socket: Socket, requestId: string): void {
  if (error.code === 'ECONNRESET' || socket.destroyed) return
  if (socket.writable && !wouldMislead(socket)) socket.write(problemText(problemOf(error), requestId))
  socket.destroy(error)
}

/** Whether an answer would be taken for that of an earlier request, which was read whole, or stand within another one. */
function wouldMislead({ _httpMessage: current }: AnsweringSocket): boolean {
  return current != null && (current.headersSent || current.req.complete)
}

function problemOf({ code }: UnreadError): Problem {
  switch (code) {
    case 'ERR_HTTP_REQUEST_TIMEOUT':
      return new Problem('PROTOCOL', 'the request was not there in time', { status: 408 })
    case 'HPE_HEADER_OVERFLOW':
      return new Problem('FRAME_TOO_LARGE', 'address and headers are too large', { status: 431 })
    default:
      return new Problem('PROTOCOL', 'that is no HTTP')
  }
}

/** Answers in place of a handshake; the connection ends. */
export function refuseUpgrade(stream: Duplex, problem: Problem, requestId: string): void {
  stream.end(problemText(problem, requestId))
}

function problemText(problem: Problem, requestId: string): string {
  const body = JSON.stringify(problem.body(requestId))
  const headers = { ...problem.headers, 'content-type': PROBLEM_TYPE, 'x-request-id': requestId, connection: 'close' }
  const lines = [
    `HTTP/1.1 ${problem.status} ${STATUS_CODES[problem.status]}`,
    ...Object.entries(headers).map(([name, value]) => `${name}: ${value}`),
    `content-length: ${Buffer.byteLength(body)}`,
  ]
  return `${lines.join('\r\n')}\r\n\r\n${body}`
}
