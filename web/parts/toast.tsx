import { CloseButton, Paper, Text } from '@mantine/core'
import { createContext, type ReactNode, useCallback, useContext, useState } from 'react'
import { portableClock } from '../../client/sdk.ts'
import { useSharedText } from './i18n.ts'

const TOAST_MS = 5_000

const ToastContext = createContext<(text: string) => void>(() => {})

/** Says something shortly at the bottom of the page. */
export function useToast(): (text: string) => void {
  return useContext(ToastContext)
}

export function ToastHost({ children }: { children: ReactNode }) {
  const t = useSharedText()
  const [toast, setToast] = useState<{ text: string }>()
  const say = useCallback((text: string) => {
    const said = { text }
    setToast(said)
    portableClock.schedule(TOAST_MS, () => setToast(shown => (shown === said ? undefined : shown)))
  }, [])
  return (
    <ToastContext.Provider value={say}>
      {children}
      <div className="toast-region" role="status" aria-live="polite">
        {toast !== undefined && (
          <Paper className="toast" shadow="md" radius="md" withBorder>
            <Text size="sm">{toast.text}</Text>
            <CloseButton size="sm" aria-label={t('close')} onClick={() => setToast(undefined)} />
          </Paper>
        )}
      </div>
    </ToastContext.Provider>
  )
}
