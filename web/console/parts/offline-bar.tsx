import { Alert, Text } from '@mantine/core'
import { useNetwork } from '@mantine/hooks'
import { IconWifiOff } from '@tabler/icons-react'
import { useText } from '../app/i18n.ts'

/** Says when the browser has no network: what is shown may be old. */
export function OfflineBar() {
  const t = useText()
  const { online } = useNetwork()
  if (online) return null
  return (
    <Alert color="orange" icon={<IconWifiOff size={18} />} role="status" radius={0} p="xs">
      <Text size="sm">{t('offline')}</Text>
    </Alert>
  )
}
