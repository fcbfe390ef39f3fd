import { Alert, Button, Center, Code, Group, Skeleton, Stack, Text } from '@mantine/core'
import {
  IconAlertTriangle,
  IconLock,
  IconPlugOff,
  type IconProps,
  IconRefresh,
  IconSearchOff,
} from '@tabler/icons-react'
import type { ComponentType, ReactNode } from 'react'
import { Refused } from '../app/api.ts'
import { useText } from '../app/i18n.ts'
import { isForbidden, problemText } from '../app/problem-text.ts'
import type { Asked } from '../app/use-asked.ts'

/** What was asked for: a placeholder while it is asked, why there is no answer, or the answer. */
export function AskedPane<T>({ of: asked, children }: { of: Asked<T>; children(answer: T): ReactNode }) {
  const { answer, failure, again } = asked
  if (failure !== undefined && (answer === undefined || isForbidden(failure))) {
    return <Failure failure={failure} again={again} />
  }
  if (answer === undefined) return <Loading />
  return (
    <>
      {failure !== undefined && <StaleNote failure={failure} again={again} />}
      {children(answer)}
    </>
  )
}

export function Loading() {
  const t = useText()
  return (
    <Stack role="status" aria-label={t('loading')} gap="sm">
      <Skeleton height={28} width="40%" />
      <Skeleton height={84} />
      <Skeleton height={84} />
      <Skeleton height={84} />
    </Stack>
  )
}

function StaleNote({ failure, again }: { failure: Error; again(): void }) {
  const t = useText()
  return (
    <Alert color="orange" icon={<IconAlertTriangle size={18} />} mb="md" p="xs" role="status">
      <Group gap="sm" justify="space-between">
        <Text size="sm">{problemText(failure, t)}</Text>
        <Button size="compact-sm" variant="default" onClick={again}>
          {t('tryAgain')}
        </Button>
      </Group>
    </Alert>
  )
}

/** Why something is not shown; what the key may not see is no fault that trying again would mend. */
export function Failure({ failure, again }: { failure: Error; again(): void }) {
  const t = useText()
  if (isForbidden(failure)) return <Notice icon={IconLock} title={t('notAllowed')} text={problemText(failure, t)} />
  if (failure instanceof Refused && failure.code === 'SERVER_REFUSED') {
    return <Notice icon={IconPlugOff} title={t('notServed')} text={failure.message} />
  }
  if (failure instanceof Refused && failure.status === 404) {
    return <Notice icon={IconSearchOff} title={t('notThere')} text={failure.message} />
  }
  return (
    <Notice icon={IconAlertTriangle} title={t('somethingWrong')} text={problemText(failure, t)}>
      {failure instanceof Refused && failure.requestId !== undefined && (
        <Text size="xs" c="dimmed">
          {t('requestIs')} <Code>{failure.requestId}</Code>
        </Text>
      )}
      <Button variant="default" leftSection={<IconRefresh size={16} />} onClick={again}>
        {t('tryAgain')}
      </Button>
    </Notice>
  )
}

/** A place that has nothing to show, and why. */
export function Notice(props: { icon: ComponentType<IconProps>; title: string; text?: string; children?: ReactNode }) {
  const { icon: Icon, title, text, children } = props
  return (
    <Center py={64} px="md">
      <Stack align="center" gap="xs" maw={440} ta="center" role="status">
        <span className="empty-icon">
          <Icon size={36} stroke={1.5} aria-hidden />
        </span>
        <Text fw={600} size="lg">
          {title}
        </Text>
        {text !== undefined && (
          <Text c="dimmed" className="break">
            {text}
          </Text>
        )}
        {children}
      </Stack>
    </Center>
  )
}
