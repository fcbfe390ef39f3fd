import { type DestinationStream, type Logger as PinoLogger, pino } from 'pino'

export type Logger = PinoLogger

/** How many errors of a chain of causes are told. */
const CAUSES_MAX = 5

/**
 * The only maker of loggers: JSON lines, on stdout unless told otherwise. Contents of messages and tokens are never
 * logged: of errors only what `errorFields` takes.
 */
export function makeLogger(options: { name: string; level: string; to?: DestinationStream }): Logger {
  const { name, level, to } = options
  const settings = { name, level, base: { pid: process.pid }, serializers: { err: errorFields } }
  return to === undefined ? pino(settings) : pino(settings, to)
}

/**
 * An error as it is logged: name, message, stack, its own simple fields and its causes. What hangs on errors of client
 * libraries is left out: those of Redis carry the command with its arguments, which are contents.
 */
export function errorFields(error: unknown, depth = 1): unknown {
  if (!(error instanceof Error)) return typeof error === 'object' ? '[not an error]' : error
  const fields = Object.entries(error).filter(([, value]) => ['string', 'number', 'boolean'].includes(typeof value))
  const { name: type, message, stack, cause } = error
  const causes = cause === undefined || depth >= CAUSES_MAX ? {} : { cause: errorFields(cause, depth + 1) }
  return { ...Object.fromEntries(fields), type, message, stack, ...causes }
}

/** For tests and tools that print in their own way. */
export const silentLogger: Logger = pino({ level: 'silent' })
