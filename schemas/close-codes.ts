import { Code, type CodeName } from './codes.ts'

/**
 * Every code that a WebSocket connection can be closed with, and what the client does next:
 * - `reconnect`: connect again (with growing pauses) and `resume`; nothing is lost.
 * - otherwise the same login will not work, or is not wanted.
 * The close reason is a small JSON text, `{"name","code","reason"}`, so that browsers see it as well.
 */
export const CloseCode = {
  FRAME_TOO_LARGE: { code: 1009, reconnect: false, outcome: 'FRAME_TOO_LARGE', text: 'a frame was too large' },
  PROTOCOL: { code: 4001, reconnect: false, outcome: 'PROTOCOL', text: 'too many frames that could not be read' },
  SLOW: { code: 4008, reconnect: true, outcome: 'OVERLOADED', text: 'reading too slowly: reconnect and resume' },
  DRAINING: { code: 4010, reconnect: true, outcome: 'SERVICE_UNAVAILABLE', text: 'the gateway stops: reconnect' },
  HEARTBEAT: { code: 4011, reconnect: true, outcome: 'NOT_CONNECTED', text: 'two pings without an answer' },
  UNAVAILABLE: { code: 4012, reconnect: true, outcome: 'SERVICE_UNAVAILABLE', text: 'not ready: reconnect later' },
  BAD_CLIENT_IDENTITY: { code: 4020, reconnect: false, outcome: 'BAD_CLIENT_IDENTITY', text: 'device is not valid' },
  BAD_CREDENTIALS: { code: 4021, reconnect: false, outcome: 'BAD_CREDENTIALS', text: 'token is wrong or expired' },
  KICKED: { code: 4022, reconnect: false, outcome: 'KICKED_OUT', text: 'ended by another login, or by an operator' },
  LOGGED_OUT: { code: 4023, reconnect: false, outcome: 'SUCCESS', text: 'logged out as asked' },
  ACCESS_DENIED: { code: 4024, reconnect: false, outcome: 'ACCESS_DENIED', text: 'the token does not allow this' },
  THIRD_PARTY_REJECT: {
    code: 4025,
    reconnect: false,
    outcome: 'THIRD_PARTY_REJECT',
    text: 'refused by the third party',
  },
} as const satisfies Record<string, { code: number; reconnect: boolean; outcome: CodeName; text: string }>

export type CloseName = keyof typeof CloseCode

/** A close frame carries 125 bytes: two are the code. */
const CLOSE_REASON_BYTES_MAX = 123

/** The reason text that goes with a close code; `detail` replaces the table's text and is shortened to fit. */
export function closeReason(name: CloseName, detail?: string): string {
  const entry = CloseCode[name]
  const make = (reason: string) => JSON.stringify({ name, code: Code[entry.outcome].number, reason })
  const reason = detail ?? entry.text
  const text = make(reason)
  const excess = Buffer.byteLength(text) - CLOSE_REASON_BYTES_MAX
  return excess <= 0 ? text : make(reason.replace(/[^ -~]|["\\]/g, '?').slice(0, -excess))
}

/** What a client does after a close with this code; unknown codes (1006, a proxy's) mean: reconnect. */
export function mayReconnect(code: number): boolean {
  const entry = Object.values(CloseCode).find(known => known.code === code)
  return entry?.reconnect ?? true
}
