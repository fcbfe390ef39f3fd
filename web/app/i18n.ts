import { createContext, useContext } from 'react'
import { en, type TextKey } from './texts-en.ts'
import { zh } from './texts-zh.ts'

export const LANGUAGES = { en: 'English', zh: '中文' } as const
export type Language = keyof typeof LANGUAGES

const TEXTS: Record<Language, Record<TextKey, string>> = { en, zh }

export const LanguageContext = createContext<Language>('en')

export type Translate = (key: TextKey, values?: Record<string, string | number>) => string

/** The texts of a language; `{name}` in a text stands for a value. */
export function translator(language: Language): Translate {
  const texts = TEXTS[language]
  return (key, values = {}) => texts[key].replace(/\{(\w+)\}/g, (_, name: string) => String(values[name] ?? ''))
}

export function useText(): Translate {
  return translator(useContext(LanguageContext))
}

export function useLanguage(): Language {
  return useContext(LanguageContext)
}

/** The browser's language, where we have it. */
export function browserLanguage(): Language {
  return navigator.language.startsWith('zh') ? 'zh' : 'en'
}
