import { useState } from 'react'
import { useToast } from '../../parts/toast.tsx'
import { useText } from './i18n.ts'
import { problemText } from './problem-text.ts'

/** Does something and says what came of it; `done` is what is said when it worked. False where it did not. */
export function useAct(): { isBusy: boolean; act(work: () => Promise<unknown>, done?: string): Promise<boolean> } {
  const t = useText()
  const toast = useToast()
  const [isBusy, setBusy] = useState(false)
  const act = async (work: () => Promise<unknown>, done?: string) => {
    setBusy(true)
    try {
      await work()
      if (done !== undefined) toast(done)
      return true
    } catch (error) {
      toast(problemText(error as Error, t))
      return false
    } finally {
      setBusy(false)
    }
  }
  return { isBusy, act }
}
