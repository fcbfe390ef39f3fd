import { Button, Group, ScrollArea, Stack, Text, TextInput, Title, UnstyledButton } from '@mantine/core'
import { IconSearch } from '@tabler/icons-react'
import { useEffect, useState } from 'react'
import { type FriendSummary, singleSessionId, type UserId } from '../../client/sdk.ts'
import { useText } from '../app/i18n.ts'
import { useMessenger, useNames } from '../app/messenger-context.ts'
import { goTo } from '../app/route.ts'
import { Face } from '../parts/face.tsx'
import { PersonList } from './person-list.tsx'

/** Requests, friends, groups of people one does not want to hear of, and finding others. */
export function PeoplePage() {
  const t = useText()
  const messenger = useMessenger('friends', 'presence', 'profiles')
  const [text, setText] = useState('')
  const all = messenger.friends()
  const asked = all.filter(({ relation, blocked }) => relation === 'asked' && !blocked)
  const requested = all.filter(({ relation }) => relation === 'requested')
  const friends = all.filter(({ relation }) => relation === 'friend')
  const blocked = all.filter(friend => friend.blocked)
  const open = (userId: UserId) => goTo({ tab: 'chats', sessionId: singleSessionId(messenger.userId, userId) })
  const ids = friends.map(({ userId }) => userId).join(' ')
  useEffect(() => {
    messenger.people.watchPresence(ids.split(' ').filter(id => id !== '') as UserId[])
  }, [messenger, ids])
  return (
    <div className="list-page">
      <header className="list-head">
        <Title order={1} size="h3">
          {t('contacts')}
        </Title>
      </header>
      <TextInput
        className="list-search"
        type="search"
        radius="xl"
        value={text}
        placeholder={t('findPeople')}
        aria-label={t('findPeople')}
        leftSection={<IconSearch size={16} />}
        onChange={event => setText(event.currentTarget.value)}
      />
      <ScrollArea className="list-scroll" viewportProps={{ tabIndex: -1 }}>
        <Stack gap="lg" p="xs">
          {text.trim() !== '' && <PersonList text={text} onPick={open} />}
          <People
            title={t('friendRequests')}
            people={asked}
            onOpen={open}
            actions={userId => <Answer userId={userId} />}
          />
          <People title={t('requested')} people={requested} onOpen={open} />
          <People title={t('friends')} people={friends} onOpen={open} />
          <People title={t('blocked')} people={blocked} onOpen={open} actions={userId => <Unblock userId={userId} />} />
          {all.length === 0 && text === '' && (
            <Stack align="center" gap={4} p="xl" mt="xl">
              <Text fw={600}>{t('noFriends')}</Text>
              <Text size="sm" c="dimmed" ta="center">
                {t('noFriendsHint')}
              </Text>
            </Stack>
          )}
        </Stack>
      </ScrollArea>
    </div>
  )
}

interface PeopleProps {
  title: string
  people: readonly FriendSummary[]
  onOpen: (userId: UserId) => void
  actions?: (userId: UserId) => React.ReactNode
}

function People({ title, people, onOpen, actions }: PeopleProps) {
  const messenger = useMessenger('presence')
  const names = useNames()
  if (people.length === 0) return null
  return (
    <section>
      <Text component="h2" size="xs" fw={700} className="quiet section-title">
        {title}
      </Text>
      <ul className="plain-list">
        {people.map(({ userId, message }) => (
          <li key={userId} className="person-row">
            <UnstyledButton className="person grow" onClick={() => onOpen(userId)}>
              <Face
                name={names.user(userId)}
                id={userId}
                picture={names.avatar(userId)}
                size={40}
                isOnline={(messenger.people.presence(userId)?.online.length ?? 0) > 0}
              />
              <span className="person-text">
                <Text component="span" fw={600} truncate>
                  {names.user(userId)}
                </Text>
                <Text component="span" size="xs" className="quiet" truncate>
                  {message ?? userId}
                </Text>
              </span>
            </UnstyledButton>
            {actions?.(userId)}
          </li>
        ))}
      </ul>
    </section>
  )
}

function Answer({ userId }: { userId: UserId }) {
  const t = useText()
  const messenger = useMessenger()
  return (
    <Group gap={4} wrap="nowrap">
      <Button size="compact-sm" onClick={() => messenger.submit({ type: 'acceptFriend', userId })}>
        {t('accept')}
      </Button>
      <Button size="compact-sm" variant="default" onClick={() => messenger.submit({ type: 'refuseFriend', userId })}>
        {t('refuse')}
      </Button>
    </Group>
  )
}

function Unblock({ userId }: { userId: UserId }) {
  const t = useText()
  const messenger = useMessenger()
  return (
    <Button size="compact-sm" variant="default" onClick={() => messenger.submit({ type: 'unblockUser', userId })}>
      {t('unblock')}
    </Button>
  )
}
