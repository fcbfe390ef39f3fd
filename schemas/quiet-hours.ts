import type { Millis } from '../infra/clock.ts'
import type { QuietHours } from './settings.ts'

/** Do-not-disturb hours: which time zones there are, and whether it is quiet at a moment. Pure but for zone data. */

/** Formats are dear to make and few zones are in use; beyond this many they are made anew. */
const FORMATS_MAX = 512
const formats = new Map<string, Intl.DateTimeFormat>()
const MINUTES_OF_HOUR = 60

/** True for an IANA name (Europe/Paris) that this build has data of. Offsets such as +02:00 are none. */
export function isTimeZone(name: string): boolean {
  return /^[A-Za-z]/.test(name) && formatOf(name) !== undefined
}

/** True where nothing may be pushed at `at`. A zone that is not known here is never quiet. */
export function isQuiet(hours: QuietHours | undefined, at: Millis): boolean {
  if (hours === undefined) return false
  const { fromMinute, toMinute, timeZone } = hours
  const minute = minuteOfDay(timeZone, at)
  if (minute === undefined || fromMinute === toMinute) return false
  const isWithin = fromMinute <= minute && minute < toMinute
  // The night goes over midnight: it is quiet outside of the day between.
  return fromMinute < toMinute ? isWithin : minute >= fromMinute || minute < toMinute
}

/** The minute that a clock on the wall shows there; undefined where the zone is not known. */
function minuteOfDay(timeZone: string, at: Millis): number | undefined {
  const parts = formatOf(timeZone)?.formatToParts(at)
  if (parts === undefined) return undefined
  const number = (type: 'hour' | 'minute') => Number(parts.find(part => part.type === type)?.value)
  return number('hour') * MINUTES_OF_HOUR + number('minute')
}

function formatOf(timeZone: string): Intl.DateTimeFormat | undefined {
  const known = formats.get(timeZone)
  if (known !== undefined) return known
  try {
    const format = new Intl.DateTimeFormat('en-GB', { timeZone, hour: '2-digit', minute: '2-digit', hourCycle: 'h23' })
    if (formats.size >= FORMATS_MAX) formats.clear()
    formats.set(timeZone, format)
    return format
  } catch {
    return undefined
  }
}
