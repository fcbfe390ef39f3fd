import { portableClock } from '../../client/sdk.ts'
import type { Language, Translate } from './i18n.ts'

const LOCALES: Record<Language, string> = { en: 'en-GB', zh: 'zh-CN' }

type Days = Translate<'today' | 'yesterday'>

export function clockTime(at: number, language: Language): string {
  return new Date(at).toLocaleTimeString(LOCALES[language], { hour: '2-digit', minute: '2-digit' })
}

/** Date and time to the second. */
export function exactTime(at: number, language: Language): string {
  return new Date(at).toLocaleString(LOCALES[language], { dateStyle: 'medium', timeStyle: 'medium' })
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
  return new Date(at).toLocaleDateString(LOCALES[language], { day: 'numeric', month: 'long', year: 'numeric' })
}

/** As short as it can be said: the time of today, else the day. */
export function shortTime(at: number, language: Language, t: Days): string {
  const now = portableClock.now()
  if (isSameDay(at, now)) return clockTime(at, language)
  if (isSameDay(at, now - DAY_MS)) return t('yesterday')
  return new Date(at).toLocaleDateString(LOCALES[language], { day: 'numeric', month: 'numeric' })
}

/** A number as short as it can be said: 60K. */
export function shortNumberText(value: number, language: Language): string {
  return value.toLocaleString(LOCALES[language], { notation: 'compact', maximumFractionDigits: 1 })
}

/** A number with separators. */
export function numberText(value: number, language: Language): string {
  return value.toLocaleString(LOCALES[language])
}
