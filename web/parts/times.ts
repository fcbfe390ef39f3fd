import { portableClock } from '../../client/sdk.ts'
import type { Language, Translate } from './i18n.ts'

const LOCALES: Record<Language, string> = { en: 'en-GB', zh: 'zh-CN' }

type Days = Translate<'today' | 'yesterday'>
type Formats = Record<Language, Intl.DateTimeFormat>

/** To make a format takes longer than to draw the message that it is for: they are made once. */
function formats(options: Intl.DateTimeFormatOptions): Formats {
  return { en: new Intl.DateTimeFormat(LOCALES.en, options), zh: new Intl.DateTimeFormat(LOCALES.zh, options) }
}

const CLOCK = formats({ hour: '2-digit', minute: '2-digit' })
const EXACT = formats({ dateStyle: 'medium', timeStyle: 'medium' })
const DAY = formats({ day: 'numeric', month: 'long', year: 'numeric' })
const SHORT_DAY = formats({ day: 'numeric', month: 'numeric' })

export function clockTime(at: number, language: Language): string {
  return CLOCK[language].format(at)
}

/** Date and time to the second. */
export function exactTime(at: number, language: Language): string {
  return EXACT[language].format(at)
}

export function isSameDay(one: number, other: number): boolean {
  return new Date(one).toDateString() === new Date(other).toDateString()
}

export const DAY_MS = 86_400_000

/** Today, yesterday, or the date. */
export function dayName(at: number, language: Language, t: Days): string {
  const now = portableClock.now()
  if (isSameDay(at, now)) return t('today')
  if (isSameDay(at, now - DAY_MS)) return t('yesterday')
  return DAY[language].format(at)
}

/** As short as it can be said: the time of today, else the day. */
export function shortTime(at: number, language: Language, t: Days): string {
  const now = portableClock.now()
  if (isSameDay(at, now)) return clockTime(at, language)
  if (isSameDay(at, now - DAY_MS)) return t('yesterday')
  return SHORT_DAY[language].format(at)
}

/** A number as short as it can be said: 60K. */
export function shortNumberText(value: number, language: Language): string {
  return value.toLocaleString(LOCALES[language], { notation: 'compact', maximumFractionDigits: 1 })
}

/** A number with separators. */
export function numberText(value: number, language: Language): string {
  return value.toLocaleString(LOCALES[language])
}
