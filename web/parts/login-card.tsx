import { Anchor, Box, Button, Paper, Stack, Text, Title } from '@mantine/core'
import type { FormEvent, ReactNode } from 'react'
import { useSharedText } from './i18n.ts'
import { Logo } from './logo.tsx'
import { usePreferences } from './preferences.ts'

interface LoginCardProps {
  name: string
  tagline: string
  isBusy: boolean
  isReady: boolean
  onSubmit: () => void
  /** What is entered. */
  children: ReactNode
  /** What stands below the button. */
  note?: ReactNode
}

/** The page before somebody is logged in. */
export function LoginCard({ name, tagline, isBusy, isReady, onSubmit, children, note }: LoginCardProps) {
  const t = useSharedText()
  const { language, setLanguage } = usePreferences()
  const submit = (event: FormEvent) => {
    event.preventDefault()
    onSubmit()
  }
  return (
    <Box component="main" className="login">
      <Paper className="login-card" radius="lg" p="xl" shadow="xl" withBorder>
        <form onSubmit={submit}>
          <Stack gap="lg">
            <Stack gap={4} align="center">
              <Logo size={56} />
              <Title order={1} size="h2" mt="xs">
                {name}
              </Title>
              <Text c="dimmed" ta="center">
                {tagline}
              </Text>
            </Stack>
            {children}
            <Button type="submit" size="md" fullWidth loading={isBusy} disabled={!isReady}>
              {t('logIn')}
            </Button>
            {note}
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
