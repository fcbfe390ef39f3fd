import { PasswordInput, Text, TextInput } from '@mantine/core'
import { useEffect, useState } from 'react'
import { isUserId } from '../../schemas/ids.ts'
import { LoginCard } from '../parts/login-card.tsx'
import { type Account, developmentToken, hasDevelopmentLogin, userOfToken } from './account.ts'
import { useText } from './i18n.ts'

/** A name where the server has a development login, else a token of the operator's own system. */
export function Login({ onLogIn }: { onLogIn: (account: Account) => void }) {
  const t = useText()
  const [byName, setByName] = useState<boolean>()
  const [text, setText] = useState('')
  const [error, setError] = useState('')
  const [isBusy, setBusy] = useState(false)
  useEffect(() => {
    void hasDevelopmentLogin().then(setByName)
  }, [])
  const submit = async () => {
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
  const note = byName && (
    <Text size="xs" c="dimmed" ta="center">
      {t('developmentNote')}
    </Text>
  )
  return (
    <LoginCard
      name={t('appName')}
      tagline={t('tagline')}
      isBusy={isBusy}
      isReady={text.trim() !== ''}
      onSubmit={() => void submit()}
      note={note}
    >
      {byName ? (
        <TextInput {...input} label={t('yourName')} description={t('yourNameHint')} autoComplete="username" />
      ) : (
        <PasswordInput {...input} label={t('token')} description={t('tokenHint')} />
      )}
    </LoginCard>
  )
}

/** A name is tried at once, so that a wrong one is told here. */
async function check(entered: string, byName: boolean): Promise<Account> {
  if (!byName) return { userId: userOfToken(entered), token: entered }
  return { userId: userOfToken(await developmentToken(entered)) }
}
