import { Anchor, Box, Button, Code, Paper, PasswordInput, Stack, Text, Title } from '@mantine/core'
import { type FormEvent, useState } from 'react'
import { Logo } from '../../parts/logo.tsx'
import { usePreferences } from '../../parts/preferences.ts'
import { useText } from './i18n.ts'
import { problemText } from './problem-text.ts'

/** Takes the key of an operator. */
export function Login({ onKey, failure }: { onKey(key: string): Promise<void>; failure: Error | undefined }) {
  const t = useText()
  const { language, setLanguage } = usePreferences()
  const [key, setKey] = useState('')
  const [isBusy, setBusy] = useState(false)
  const submit = async (event: FormEvent) => {
    event.preventDefault()
    setBusy(true)
    await onKey(key.trim())
    setBusy(false)
  }
  return (
    <Box component="main" className="login">
      <Paper className="login-card" radius="lg" p="xl" shadow="xl" withBorder>
        <form onSubmit={submit}>
          <Stack gap="lg">
            <Stack gap={4} align="center">
              <Logo size={56} />
              <Title order={1} size="h2" mt="xs">
                {t('consoleName')}
              </Title>
              <Text c="dimmed" ta="center">
                {t('consoleTagline')}
              </Text>
            </Stack>
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
            <Button type="submit" size="md" fullWidth loading={isBusy} disabled={key.trim() === ''}>
              {t('logIn')}
            </Button>
            <Stack gap={4} align="center">
              <Text size="xs" c="dimmed" ta="center">
                {t('makeKeyHint')}
              </Text>
              <Code className="break">npm run key -- create admin --role viewer</Code>
            </Stack>
            <Anchor
              component="button"
              type="button"
              size="sm"
              onClick={() => setLanguage(language === 'en' ? 'zh' : 'en')}
            >
              {language === 'en' ? '中文' : 'English'}
            </Anchor>
          </Stack>
        </form>
      </Paper>
    </Box>
  )
}
