import { CloseCode, mayReconnect } from '../../schemas/close-codes.ts'
import type { TransportEnd } from './transport.ts'

/** Answers to an upgrade that the same request will get again. */
const FINAL_HTTP_STATUS: ReadonlySet<number> = new Set([400, 401, 403, 404, 426])

/**
 * True when connecting again cannot help: the table of close codes says so, or the upgrade was refused for a reason
 * that lies with the client. Codes that this client does not know, and broken connections, are tried again.
 */
export function isFinal(end: TransportEnd): boolean {
  if (end.httpStatus !== undefined && FINAL_HTTP_STATUS.has(end.httpStatus)) return true
  return !mayReconnect(end.code)
}

/** True when the token was refused: a fresh one may do. */
export function isBadToken(end: TransportEnd): boolean {
  return end.httpStatus === 401 || end.code === CloseCode.BAD_CREDENTIALS.code
}

/** What the end says, for people: the reason of the table, or what is known of a broken connection. */
export function endText(end: TransportEnd): string {
  if (end.reason === '') return `the connection ended (code ${end.code})`
  try {
    const { reason } = JSON.parse(end.reason) as { reason?: unknown }
    return typeof reason === 'string' ? reason : end.reason
  } catch {
    return end.reason
  }
}
