import { STATUS_CODES } from 'node:http'
import type { Socket } from 'node:net'
import { PROBLEM_TYPE, Problem } from './problem.ts'

/** Answers what could not be read as a request: no route has heard of it, and its connection ends. */

export interface UnreadError extends Error {
  code?: string
}

export function refuseUnread(error: UnreadError, socket: Socket, requestId: string): void {
  if (error.code === 'ECONNRESET' || socket.destroyed) return
  if (socket.writable) socket.write(answer(problemOf(error), requestId))
  socket.destroy(error)
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

function answer(problem: Problem, requestId: string): string {
  const body = JSON.stringify(problem.body(requestId))
  const lines = [
    `HTTP/1.1 ${problem.status} ${STATUS_CODES[problem.status]}`,
    `Content-Type: ${PROBLEM_TYPE}`,
    `Content-Length: ${Buffer.byteLength(body)}`,
    `X-Request-Id: ${requestId}`,
    'Connection: close',
  ]
  return `${lines.join('\r\n')}\r\n\r\n${body}`
}
