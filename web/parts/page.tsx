import { createTheme, MantineProvider } from '@mantine/core'
import { type ReactNode, useEffect } from 'react'
import { LanguageContext } from './i18n.ts'
import { PreferencesContext, usePreferencesState } from './preferences.ts'
import { Problem } from './problem.tsx'
import { ToastHost } from './toast.tsx'

const theme = createTheme({
  primaryColor: 'indigo',
  // Text on filled buttons stays readable in both schemes.
  primaryShade: { light: 7, dark: 7 },
  autoContrast: true,
  defaultRadius: 'md',
  respectReducedMotion: true,
  fontFamily:
    'Inter, system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", "Noto Sans CJK SC", "PingFang SC", sans-serif',
})

/** What every app has around it: the language and scheme of this browser, the theme, problems and toasts. */
export function Page({ children }: { children: ReactNode }) {
  const preferences = usePreferencesState()
  const { language, scheme } = preferences
  useEffect(() => {
    document.documentElement.lang = language === 'zh' ? 'zh-CN' : 'en'
  }, [language])
  return (
    <PreferencesContext.Provider value={preferences}>
      <LanguageContext.Provider value={language}>
        <MantineProvider theme={theme} defaultColorScheme={scheme} key={scheme}>
          <Problem>
            <ToastHost>{children}</ToastHost>
          </Problem>
        </MantineProvider>
      </LanguageContext.Provider>
    </PreferencesContext.Provider>
  )
}
