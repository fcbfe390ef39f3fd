import { createContext, useContext, useState } from 'react'
import { browserLanguage, LANGUAGES, type Language } from './i18n.ts'

export const SCHEMES = ['auto', 'light', 'dark'] as const
export type Scheme = (typeof SCHEMES)[number]

/** What this browser shows, whoever is logged in. */
export interface Preferences {
  language: Language
  scheme: Scheme
  setLanguage(language: Language): void
  setScheme(scheme: Scheme): void
}

const LANGUAGE_KEY = 'packlog.language'
const SCHEME_KEY = 'packlog.scheme'

export const PreferencesContext = createContext<Preferences | undefined>(undefined)

export function usePreferences(): Preferences {
  const preferences = useContext(PreferencesContext)
  if (preferences === undefined) throw new Error('there are no preferences above this component')
  return preferences
}

/** Reads them from the browser and writes them back. */
export function usePreferencesState(): Preferences {
  const [language, setLanguage] = useState(savedLanguage)
  const [scheme, setScheme] = useState(savedScheme)
  return {
    language,
    scheme,
    setLanguage: chosen => {
      localStorage.setItem(LANGUAGE_KEY, chosen)
      setLanguage(chosen)
    },
    setScheme: chosen => {
      localStorage.setItem(SCHEME_KEY, chosen)
      // The component library keeps its own copy, which must not win.
      localStorage.setItem('mantine-color-scheme-value', chosen)
      setScheme(chosen)
    },
  }
}

function savedLanguage(): Language {
  const saved = localStorage.getItem(LANGUAGE_KEY)
  return saved !== null && saved in LANGUAGES ? (saved as Language) : browserLanguage()
}

function savedScheme(): Scheme {
  return SCHEMES.find(scheme => scheme === localStorage.getItem(SCHEME_KEY)) ?? 'auto'
}
