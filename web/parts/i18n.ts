import { createContext, useContext } from 'react'
import { sharedTexts } from './texts.ts'

export const LANGUAGES = { en: 'English', zh: '中文' } as const
export type Language = keyof typeof LANGUAGES

export const LanguageContext = createContext<Language>('en')

export type Translate<Key extends string> = (key: Key, values?: Record<string, string | number>) => string

/** The texts of a language; `{name}` in a text stands for a value. */
export function translator<Key extends string>(texts: Record<Key, string>): Translate<Key> {
  return (key, values = {}) => texts[key].replace(/\{(\w+)\}/g, (_, name: string) => String(values[name] ?? ''))
}

/** A hook that gives the texts of an app in the language of who looks at it. */
export function textsHook<Key extends string>(texts: Record<Language, Record<Key, string>>): () => Translate<Key> {
  const translators = { en: translator(texts.en), zh: translator(texts.zh) }
  return () => translators[useContext(LanguageContext)]
}

/** Texts of the parts that all apps have. */
export const useSharedText = textsHook(sharedTexts)

export function useLanguage(): Language {
  return useContext(LanguageContext)
}

/** The browser's language, where we have it. */
export function browserLanguage(): Language {
  return navigator.language.startsWith('zh') ? 'zh' : 'en'
}
