import { Stack, Text } from '@mantine/core'
import { IconMessages } from '@tabler/icons-react'
import { useText } from './i18n.ts'

export function EmptyPane() {
  const t = useText()
  return (
    <Stack className="empty-pane" align="center" justify="center" gap="xs">
      <span className="empty-icon">
        <IconMessages size={40} stroke={1.5} aria-hidden />
      </span>
      <Text fw={600} size="lg">
        {t('pickChat')}
      </Text>
      <Text c="dimmed" ta="center" maw={320}>
        {t('pickChatHint')}
      </Text>
    </Stack>
  )
}
