import { createTheme, MantineProvider } from '@mantine/core'
import { useCallback, useEffect, useState } from 'react'
import type { UserId } from '../../client/sdk.ts'
import { Login } from '../parts/login.tsx'
import { Problem } from '../parts/problem.tsx'
import { ToastHost } from '../parts/toast.tsx'
import { type Account, forgetAccount, openMessenger, saveAccount, savedAccount } from './account.ts'
import { LanguageContext } from './i18n.ts'
import { MessengerContext, type MessengerValue, Versions } from './messenger-context.ts'
import { PreferencesContext, usePreferencesState } from './preferences.ts'
import { Shell } from './shell.tsx'

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

/** The whole page: preferences, then the login, then the messenger of who is logged in. */
export function App() {
  const preferences = usePreferencesState()
  const [account, setAccount] = useState<Account | undefined>(savedAccount)
  const { language, scheme } = preferences
  useEffect(() => {
    document.documentElement.lang = language === 'zh' ? 'zh-CN' : 'en'
  }, [language])
  const logIn = (entered: Account) => {
    saveAccount(entered)
    setAccount(entered)
  }
  const logOut = useCallback(() => {
    forgetAccount()
    setAccount(undefined)
  }, [])
  return (
    <PreferencesContext.Provider value={preferences}>
      <LanguageContext.Provider value={language}>
        <MantineProvider theme={theme} defaultColorScheme={scheme} key={scheme}>
          <Problem>
            <ToastHost>
              {account === undefined ? (
                <Login onLogIn={logIn} />
              ) : (
                <LoggedIn key={account.userId} account={account} logOut={logOut} />
              )}
            </ToastHost>
          </Problem>
        </MantineProvider>
      </LanguageContext.Provider>
    </PreferencesContext.Provider>
  )
}

function LoggedIn({ account, logOut }: { account: Account; logOut: () => void }) {
  const [value, setValue] = useState<MessengerValue>()
  useEffect(() => {
    let isCurrent = true
    let close = () => {}
    void openMessenger(account).then(async messenger => {
      close = () => void messenger.close()
      if (!isCurrent) return close()
      const versions = new Versions(messenger)
      await messenger.start()
      messenger.people.profile(account.userId as UserId)
      if (isCurrent) setValue({ messenger, versions, logOut })
    })
    return () => {
      isCurrent = false
      close()
    }
  }, [account, logOut])
  if (value === undefined) return null
  return (
    <MessengerContext.Provider value={value}>
      <Shell />
    </MessengerContext.Provider>
  )
}
