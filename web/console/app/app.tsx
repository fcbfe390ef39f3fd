import { useCallback, useEffect, useState } from 'react'
import { Page } from '../../parts/page.tsx'
import { Api, Refused } from './api.ts'
import { ConsoleContext, type ConsoleValue } from './console-context.ts'
import { Login } from './login.tsx'
import { forgetKey, operatorOf, savedKey, saveKey } from './operator.ts'
import { Shell } from './shell.tsx'

/** The whole page: the login with a key, then the console of who is logged in. */
export function App() {
  return (
    <Page>
      <Gate />
    </Page>
  )
}

function Gate() {
  const [value, setValue] = useState<ConsoleValue>()
  const [failure, setFailure] = useState<Error>()
  const [isAsking, setAsking] = useState(savedKey() !== undefined)
  const logOut = useCallback(() => {
    forgetKey()
    setValue(undefined)
  }, [])
  const enter = useCallback(
    async (key: string) => {
      const api = new Api(key)
      setFailure(undefined)
      try {
        const operator = await operatorOf(api, key)
        saveKey(key)
        setValue({ api, operator, logOut })
      } catch (error) {
        if (error instanceof Refused && error.status === 401) forgetKey()
        setFailure(error as Error)
      } finally {
        setAsking(false)
      }
    },
    [logOut],
  )
  useEffect(() => {
    const key = savedKey()
    if (key !== undefined) void enter(key)
  }, [enter])
  if (value !== undefined) {
    return (
      <ConsoleContext.Provider value={value}>
        <Shell />
      </ConsoleContext.Provider>
    )
  }
  return isAsking ? null : <Login onKey={enter} failure={failure} />
}
