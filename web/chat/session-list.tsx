import { ActionIcon, Menu, ScrollArea, Stack, Text, TextInput, Title } from '@mantine/core'
import { IconDoorEnter, IconMessagePlus, IconPlus, IconSearch, IconUsersPlus } from '@tabler/icons-react'
import { useState } from 'react'
import type { SessionId, SessionRow } from '../../client/sdk.ts'
import { useText } from '../app/i18n.ts'
import { useMessenger, useNames } from '../app/messenger-context.ts'
import { JoinGroupDialog } from './join-group-dialog.tsx'
import { NewChatDialog } from './new-chat-dialog.tsx'
import { NewGroupDialog } from './new-group-dialog.tsx'
import { SearchResults } from './search-results.tsx'
import { SessionItem } from './session-item.tsx'

type Dialog = 'chat' | 'group' | 'join'

/** All sessions, pinned ones first; what is typed above filters them. */
export function SessionList({ selected }: { selected: SessionId | undefined }) {
  const t = useText()
  const messenger = useMessenger('sessions', 'groups', 'profiles', 'typing', 'presence')
  const names = useNames()
  const [wanted, setWanted] = useState('')
  const [dialog, setDialog] = useState<Dialog>()
  const sessions = messenger.sessions()
  const text = wanted.trim().toLowerCase()
  const matches = (row: SessionRow) => names.session(row.sessionId).toLowerCase().includes(text)
  const shown = text === '' ? sessions : sessions.filter(matches)
  const close = () => setDialog(undefined)
  return (
    <div className="list-page">
      <header className="list-head">
        <Title order={1} size="h3">
          {t('chats')}
        </Title>
        <Menu position="bottom-end">
          <Menu.Target>
            <ActionIcon variant="light" size="lg" radius="xl" aria-label={t('newChat')}>
              <IconPlus size={20} />
            </ActionIcon>
          </Menu.Target>
          <Menu.Dropdown>
            <Menu.Item leftSection={<IconMessagePlus size={16} />} onClick={() => setDialog('chat')}>
              {t('newChat')}
            </Menu.Item>
            <Menu.Item leftSection={<IconUsersPlus size={16} />} onClick={() => setDialog('group')}>
              {t('newGroup')}
            </Menu.Item>
            <Menu.Item leftSection={<IconDoorEnter size={16} />} onClick={() => setDialog('join')}>
              {t('joinGroup')}
            </Menu.Item>
          </Menu.Dropdown>
        </Menu>
      </header>
      <TextInput
        className="list-search"
        type="search"
        radius="xl"
        value={wanted}
        onChange={event => setWanted(event.currentTarget.value)}
        placeholder={t('searchChats')}
        aria-label={t('searchChats')}
        leftSection={<IconSearch size={16} />}
      />
      <ScrollArea className="list-scroll" type="hover" viewportProps={{ tabIndex: -1 }}>
        <ul className="plain-list" aria-label={t('chats')}>
          {shown.map(row => (
            <SessionItem key={row.sessionId} row={row} isSelected={row.sessionId === selected} names={names} />
          ))}
        </ul>
        {text.length > 1 && <SearchResults words={wanted.trim()} names={names} />}
        {shown.length === 0 && text.length < 2 && (
          <Stack align="center" gap={4} p="xl" mt="xl">
            <Text fw={600}>{t(text === '' ? 'noChats' : 'noMatch')}</Text>
            {text === '' && (
              <Text size="sm" c="dimmed" ta="center">
                {t('noChatsHint')}
              </Text>
            )}
          </Stack>
        )}
      </ScrollArea>
      {dialog === 'chat' && <NewChatDialog onClose={close} />}
      {dialog === 'group' && <NewGroupDialog onClose={close} />}
      {dialog === 'join' && <JoinGroupDialog onClose={close} />}
    </div>
  )
}
