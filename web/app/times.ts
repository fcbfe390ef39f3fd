import { portableClock } from '../../client/sdk.ts'
import type { Language, Translate } from './i18n.ts'

const LOCALES: Record<Language, string> = { en: 'en-GB', zh: 'zh-CN' }

export function clockTime(at: number, language: Language): string {
  return new Date(at).toLocaleTimeString(LOCALES[language], { hour: '2-digit', minute: '2-digit' })
}

export function isSameDay(one: number, other: number): boolean {
  return new Date(one).toDateString() === new Date(other).toDateString()
}

const DAY_MS = 86_400_000

/** Today, yesterday, or the date. */
export function dayName(at: number, language: Language, t: Translate): string {
  const now = portableClock.now()
  if (isSameDay(at, now)) return t('today')
  if (isSameDay(at, now - DAY_MS)) return t('yesterday')
  return new Date(at).toLocaleDateString(LOCALES[language], { day: 'numeric', month: 'long', year: 'numeric' })
}

/** As short as it can be said: the time of today, else the day. */
export function shortTime(at: number, language: Language, t: Translate): string {
  const now = portableClock.now()
  if (isSameDay(at, now)) return clockTime(at, language)
  if (isSameDay(at, now - DAY_MS)) return t('yesterday')
  return new Date(at).toLocaleDateString(LOCALES[language], { day: 'numeric', month: 'numeric' })
}
