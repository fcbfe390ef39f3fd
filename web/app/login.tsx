import { Anchor, Box, Button, Paper, PasswordInput, Stack, Text, TextInput, Title } from '@mantine/core'
import { type FormEvent, useEffect, useState } from 'react'
import { isUserId } from '../../schemas/ids.ts'
import { Logo } from '../parts/logo.tsx'
import { usePreferences } from '../parts/preferences.ts'
import { type Account, developmentToken, hasDevelopmentLogin, userOfToken } from './account.ts'
import { useText } from './i18n.ts'

/** A name where the server has a development login, else a token of the operator's own system. */
export function Login({ onLogIn }: { onLogIn: (account: Account) => void }) {
  const t = useText()
  const { language, setLanguage } = usePreferences()
  const [byName, setByName] = useState<boolean>()
  const [text, setText] = useState('')
  const [error, setError] = useState('')
  const [isBusy, setBusy] = useState(false)
  useEffect(() => {
    void hasDevelopmentLogin().then(setByName)
  }, [])
  const submit = async (event: FormEvent) => {
    event.preventDefault()
    setError('')
    const entered = text.trim()
    if (byName && !isUserId(entered)) return setError(t('nameInvalid'))
    setBusy(true)
    try {
      onLogIn(await check(entered, byName === true))
    } catch (failure) {
      setError(t('loginFailed', { reason: failure instanceof Error ? failure.message : String(failure) }))
      setBusy(false)
    }
  }
  if (byName === undefined) return null
  const input = {
    size: 'md' as const,
    value: text,
    error,
    autoFocus: true,
    onChange: (event: { currentTarget: { value: string } }) => setText(event.currentTarget.value),
  }
  return (
    <Box component="main" className="login">
      <Paper className="login-card" radius="lg" p="xl" shadow="xl" withBorder>
        <form onSubmit={submit}>
          <Stack gap="lg">
            <Stack gap={4} align="center">
              <Logo size={56} />
              <Title order={1} size="h2" mt="xs">
                {t('appName')}
              </Title>
              <Text c="dimmed" ta="center">
                {t('tagline')}
              </Text>
            </Stack>
            {byName ? (
              <TextInput {...input} label={t('yourName')} description={t('yourNameHint')} autoComplete="username" />
            ) : (
              <PasswordInput {...input} label={t('token')} description={t('tokenHint')} />
            )}
            <Button type="submit" size="md" fullWidth loading={isBusy} disabled={text.trim() === ''}>
              {t('logIn')}
            </Button>
            {byName && (
              <Text size="xs" c="dimmed" ta="center">
                {t('developmentNote')}
              </Text>
            )}
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

/** A name is tried at once, so that a wrong one is told here. */
async function check(entered: string, byName: boolean): Promise<Account> {
  if (!byName) return { userId: userOfToken(entered), token: entered }
  return { userId: userOfToken(await developmentToken(entered)) }
}
