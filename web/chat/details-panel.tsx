import { ActionIcon, Button, Divider, ScrollArea, Stack, Switch, Text, Title } from '@mantine/core'
import { IconX } from '@tabler/icons-react'
import { useState } from 'react'
import { peerOf } from '../../client/logic/fold-people.ts'
import type { SessionId } from '../../client/sdk.ts'
import { useText } from '../app/i18n.ts'
import { useMessenger, useNames } from '../app/messenger-context.ts'
import { goTo } from '../app/route.ts'
import { Confirm } from '../parts/confirm.tsx'
import { Dialog } from '../parts/dialog.tsx'
import { Face } from '../parts/face.tsx'
import { Relation } from '../people/relation.tsx'
import { GroupDetails } from './group-details.tsx'

interface DetailsPanelProps {
  sessionId: SessionId
  isPhone: boolean
  onClose: () => void
}

/** What a session is, and what can be done about it; at the side, or over everything on a phone. */
export function DetailsPanel({ sessionId, isPhone, onClose }: DetailsPanelProps) {
  const t = useText()
  if (isPhone) {
    return (
      <Dialog onClose={onClose} fullScreen title={t('chatInfo')}>
        <Details sessionId={sessionId} />
      </Dialog>
    )
  }
  return (
    <aside className="details" aria-label={t('chatInfo')}>
      <header className="conversation-head">
        <Title order={2} size="h5" className="grow">
          {t('chatInfo')}
        </Title>
        <ActionIcon variant="subtle" color="gray" aria-label={t('close')} onClick={onClose}>
          <IconX size={20} />
        </ActionIcon>
      </header>
      <ScrollArea className="details-scroll" viewportProps={{ tabIndex: 0 }}>
        <Details sessionId={sessionId} />
      </ScrollArea>
    </aside>
  )
}

function Details({ sessionId }: { sessionId: SessionId }) {
  const t = useText()
  const messenger = useMessenger('sessions', 'groups', 'friends')
  const names = useNames()
  const [isClearing, setClearing] = useState(false)
  const row = messenger.session(sessionId)
  const peer = peerOf(sessionId, messenger.userId)
  const attributes = row?.attributes
  const set = (changed: { pinned?: boolean; hidden?: boolean; notify?: 'all' | 'none' }) =>
    messenger.submit({ type: 'setSessionAttributes', sessionId, attributes: changed })
  const clear = () => {
    setClearing(false)
    if (row !== undefined) messenger.submit({ type: 'clearSession', sessionId, seq: row.lastSeq })
  }
  return (
    <Stack p="md" gap="md">
      <Stack align="center" gap={4}>
        <Face name={names.session(sessionId)} id={sessionId} picture={names.picture(sessionId)} size={84} />
        <Text fw={700} size="lg" ta="center" className="break">
          {names.session(sessionId)}
        </Text>
        <Text size="xs" className="quiet break">
          {peer ?? sessionId.slice(2)}
        </Text>
      </Stack>
      <Switch
        label={t('pin')}
        checked={attributes?.pinned === true}
        onChange={event => set({ pinned: event.currentTarget.checked })}
      />
      <Switch
        label={t('mute')}
        checked={attributes?.notify === 'none'}
        onChange={event => set({ notify: event.currentTarget.checked ? 'none' : 'all' })}
      />
      {peer !== undefined && <Relation userId={peer} />}
      {sessionId.startsWith('g:') && <GroupDetails sessionId={sessionId} />}
      <Divider />
      <Button
        variant="default"
        onClick={() => {
          set({ hidden: true })
          goTo({ tab: 'chats' })
        }}
      >
        {t('hide')}
      </Button>
      <Button variant="default" className="danger" onClick={() => setClearing(true)} disabled={row === undefined}>
        {t('clearHistory')}
      </Button>
      {isClearing && (
        <Confirm
          title={t('clearHistory')}
          text={t('confirmClear')}
          action={t('confirm')}
          onConfirm={clear}
          onClose={() => setClearing(false)}
        />
      )}
    </Stack>
  )
}
