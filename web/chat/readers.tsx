import { Loader, Stack, Text } from '@mantine/core'
import { useEffect, useState } from 'react'
import type { EventFrame, UserId } from '../../client/sdk.ts'
import { useText } from '../app/i18n.ts'
import { useMessenger, useNames } from '../app/messenger-context.ts'
import { Dialog } from '../parts/dialog.tsx'
import { Face } from '../parts/face.tsx'

/** Who has read a message of a group. */
export function Readers({ event, onClose }: { event: EventFrame; onClose: () => void }) {
  const t = useText()
  const messenger = useMessenger()
  const names = useNames()
  const [receipts, setReceipts] = useState<{ readCount: number; memberCount: number; readers: UserId[] }>()
  const [failure, setFailure] = useState('')
  const { sessionId, seq } = event
  useEffect(() => {
    messenger.ask({ type: 'receipts', sessionId, seq }).then(setReceipts, error => setFailure(String(error.message)))
  }, [messenger, sessionId, seq])
  const title =
    receipts === undefined ? t('readers') : t('readBy', { count: receipts.readCount, total: receipts.memberCount })
  return (
    <Dialog onClose={onClose} title={title}>
      {failure !== '' && <Text c="red">{failure}</Text>}
      {receipts === undefined && failure === '' && <Loader aria-label={t('loading')} />}
      {receipts?.readers.length === 0 && <Text c="dimmed">{t('nobodyYet')}</Text>}
      <Stack gap="xs">
        {receipts?.readers.map(userId => (
          <div key={userId} className="person">
            <Face name={names.member(sessionId, userId)} id={userId} picture={names.avatar(userId)} size={32} />
            <Text>{names.member(sessionId, userId)}</Text>
          </div>
        ))}
      </Stack>
    </Dialog>
  )
}
