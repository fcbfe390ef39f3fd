import { Group, Paper, Text, Title } from '@mantine/core'
import type { ReactNode } from 'react'

/** A titled card of a page. */
export function Panel(props: { title?: string; hint?: string; actions?: ReactNode; children: ReactNode }) {
  const { title, hint, actions, children } = props
  return (
    <Paper className="panel" component="section" withBorder radius="lg">
      {(title !== undefined || actions !== undefined) && (
        <Group className="panel-head" justify="space-between" gap="sm">
          <div className="grow">
            {title !== undefined && (
              <Title order={2} size="h5">
                {title}
              </Title>
            )}
            {hint !== undefined && (
              <Text size="xs" c="dimmed">
                {hint}
              </Text>
            )}
          </div>
          {actions}
        </Group>
      )}
      {children}
    </Paper>
  )
}

/** The head of a page: what it is, and what can be done here. */
export function PageHead(props: { title: string; text?: string; children?: ReactNode }) {
  const { title, text, children } = props
  return (
    <Group className="page-head" justify="space-between" align="flex-end" gap="sm">
      <div className="grow page-head-text">
        <Title order={1} size="h2">
          {title}
        </Title>
        {text !== undefined && <Text c="dimmed">{text}</Text>}
      </div>
      {children}
    </Group>
  )
}
