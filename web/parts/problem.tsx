import { Button, Center, Stack, Text, Title } from '@mantine/core'
import { Component, type ReactNode } from 'react'
import { useSharedText } from './i18n.ts'

/** What is shown when a component has failed. */
export class Problem extends Component<{ children: ReactNode }, { message: string | undefined }> {
  override state: { message: string | undefined } = { message: undefined }

  static getDerivedStateFromError(error: unknown) {
    return { message: error instanceof Error ? error.message : String(error) }
  }

  override render() {
    const { message } = this.state
    return message === undefined ? this.props.children : <ProblemText message={message} />
  }
}

function ProblemText({ message }: { message: string }) {
  const t = useSharedText()
  return (
    <Center component="main" h="100dvh" p="lg">
      <Stack align="center" role="alert">
        <Title order={1} size="h3">
          {t('somethingWrong')}
        </Title>
        <Text c="dimmed">{message}</Text>
        <Button onClick={() => location.reload()}>{t('reload')}</Button>
      </Stack>
    </Center>
  )
}
