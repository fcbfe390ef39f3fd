import { useCallback, useEffect, useState } from 'react'
import type { Messenger, UserId } from '../../client/sdk.ts'
import { Page } from '../parts/page.tsx'
import { type Account, forgetAccount, openMessenger, saveAccount, savedAccount, tokensOf } from './account.ts'
import { Login } from './login.tsx'
import { MessengerContext, type MessengerValue, Versions } from './messenger-context.ts'
import { Shell } from './shell.tsx'

/** The whole page: the login, then the messenger of who is logged in. */
export function App() {
  const [account, setAccount] = useState<Account | undefined>(savedAccount)
  const logIn = (entered: Account) => {
    saveAccount(entered)
    setAccount(entered)
  }
  const logOut = useCallback(() => {
    forgetAccount()
    setAccount(undefined)
  }, [])
  return (
    <Page>
      {account === undefined ? (
        <Login onLogIn={logIn} />
      ) : (
        <LoggedIn key={account.userId} account={account} logOut={logOut} />
      )}
    </Page>
  )
}

/** Tells the messenger when somebody looks at the page again, and when there is a network again. */
function useWake(messenger: Messenger | undefined): void {
  useEffect(() => {
    const wake = () => document.visibilityState === 'visible' && messenger?.wake()
    document.addEventListener('visibilitychange', wake)
    addEventListener('online', wake)
    return () => {
      document.removeEventListener('visibilitychange', wake)
      removeEventListener('online', wake)
    }
  }, [messenger])
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
      if (isCurrent) setValue({ messenger, versions, logOut, token: tokensOf(account) })
    })
    return () => {
      isCurrent = false
      close()
    }
  }, [account, logOut])
  useWake(value?.messenger)
  if (value === undefined) return null
  return (
    <MessengerContext.Provider value={value}>
      <Shell />
    </MessengerContext.Provider>
  )
}
