import { Code, PasswordInput, Stack, Text } from '@mantine/core'
import { useState } from 'react'
import { LoginCard } from '../../parts/login-card.tsx'
import { useText } from './i18n.ts'
import { problemText } from './problem-text.ts'

/** Takes the key of an operator. */
export function Login({ onKey, failure }: { onKey(key: string): Promise<void>; failure: Error | undefined }) {
  const t = useText()
  const [key, setKey] = useState('')
  const [isBusy, setBusy] = useState(false)
  const submit = async () => {
    setBusy(true)
    await onKey(key.trim())
    setBusy(false)
  }
  return (
    <LoginCard
      name={t('consoleName')}
      tagline={t('consoleTagline')}
      isBusy={isBusy}
      isReady={key.trim() !== ''}
      onSubmit={() => void submit()}
      note={
        <Stack gap={4} align="center">
          <Text size="xs" c="dimmed" ta="center">
            {t('makeKeyHint')}
          </Text>
          <Code className="break">npm run key -- create admin --role viewer</Code>
        </Stack>
      }
    >
      <PasswordInput
        size="md"
        label={t('operatorKey')}
        description={t('operatorKeyHint')}
        value={key}
        error={failure === undefined ? undefined : problemText(failure, t)}
        autoFocus
        autoComplete="off"
        onChange={event => setKey(event.currentTarget.value)}
      />
    </LoginCard>
  )
}
