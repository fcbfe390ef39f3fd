import { useCallback, useEffect, useRef, useState } from 'react'
import { portableClock } from '../../../client/sdk.ts'

/** What was asked of the server: the last answer stays while it is asked again. */
export interface Asked<T> {
  answer: T | undefined
  failure: Error | undefined
  isAsking: boolean
  again(): void
}

/**
 * Asks when the component appears, when `key` changes, when the network is back, and every `everyMs` where given. An
 * answer that comes after the question has changed is dropped.
 */
export function useAsked<T>(key: string, ask: () => Promise<T>, everyMs?: number): Asked<T> {
  const [state, setState] = useState<{ key: string; answer?: T; failure?: Error; isAsking: boolean }>({
    key,
    isAsking: true,
  })
  const asking = useRef(ask)
  asking.current = ask
  const [round, setRound] = useState(0)
  const again = useCallback(() => setRound(before => before + 1), [])
  // biome-ignore lint/correctness/useExhaustiveDependencies: another round asks the same again
  useEffect(() => {
    let isCurrent = true
    setState(before => (before.key === key ? { ...before, isAsking: true } : { key, isAsking: true }))
    let cancel = () => {}
    const settle = (said: { answer: T } | { failure: Error }) => {
      if (!isCurrent) return
      setState(before =>
        'answer' in said ? { key, ...said, isAsking: false } : { ...before, ...said, isAsking: false },
      )
      if (everyMs !== undefined) cancel = portableClock.schedule(everyMs, again)
    }
    asking.current().then(
      answer => settle({ answer }),
      failure => settle({ failure: failure as Error }),
    )
    return () => {
      isCurrent = false
      cancel()
    }
  }, [key, round, everyMs, again])
  useEffect(() => {
    addEventListener('online', again)
    return () => removeEventListener('online', again)
  }, [again])
  const { answer, failure, isAsking } =
    state.key === key ? state : { answer: undefined, failure: undefined, isAsking: true }
  return { answer, failure, isAsking, again }
}
