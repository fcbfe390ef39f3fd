import { type Logger as PinoLogger, pino } from 'pino'

export type Logger = PinoLogger

/** The only maker of loggers: JSON lines on stdout. Contents of messages and tokens are never logged. */
export function makeLogger(options: { name: string; level: string }): Logger {
  return pino({ name: options.name, level: options.level, base: { pid: process.pid } })
}

/** For tests and tools that print in their own way. */
export const silentLogger: Logger = pino({ level: 'silent' })
