import { Alert, Button, Group, Loader, Text } from '@mantine/core'
import { IconPlugConnectedX, IconWifiOff } from '@tabler/icons-react'
import { useText } from './i18n.ts'
import { useLogOut, useMessenger } from './messenger-context.ts'

/** Says when what is shown may not be all there is. */
export function ConnectionBar() {
  const t = useText()
  const messenger = useMessenger('phase', 'synced')
  const logOut = useLogOut()
  const { phase } = messenger
  if (phase.kind === 'Closed' && !phase.byRequest) {
    return (
      <Alert className="connection" color="red" icon={<IconPlugConnectedX size={18} />} role="alert" radius={0} p="xs">
        <Text size="sm">{t('closed', { reason: phase.reason })}</Text>
        <Button size="compact-sm" mt={6} color="red" onClick={logOut}>
          {t('reconnect')}
        </Button>
      </Alert>
    )
  }
  if (phase.kind === 'Waiting') {
    return (
      <Alert className="connection" color="orange" icon={<IconWifiOff size={18} />} role="status" radius={0} p="xs">
        <Text size="sm">{t('offline')}</Text>
      </Alert>
    )
  }
  if (phase.kind === 'Live' && messenger.isUpToDate) return null
  return (
    <Group className="connection connection-busy" gap="xs" role="status" px="md" py={6}>
      <Loader size={14} />
      <Text size="sm">{t(phase.kind === 'Live' ? 'updating' : 'connecting')}</Text>
    </Group>
  )
}
