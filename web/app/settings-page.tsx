import { Button, Group, ScrollArea, SegmentedControl, Stack, Switch, Text, TextInput, Title } from '@mantine/core'
import { type ReactNode, useEffect, useState } from 'react'
import type { LoginSummary } from '../../schemas/frames.ts'
import { deviceTypeName } from '../../schemas/pack.ts'
import type { Notify, Profile, UserSettings } from '../../schemas/settings.ts'
import { LANGUAGES, type Language, useLanguage } from '../parts/i18n.ts'
import { SCHEMES, type Scheme, usePreferences } from '../parts/preferences.ts'
import { exactTime } from '../parts/times.ts'
import { useToast } from '../parts/toast.tsx'
import { useText } from './i18n.ts'
import { useLogOut, useMessenger, useNames } from './messenger-context.ts'
import { areNotificationsWanted, wantNotifications } from './notifications.ts'
import { PictureField } from './picture-field.tsx'

export function SettingsPage() {
  const t = useText()
  const logOut = useLogOut()
  return (
    <div className="list-page">
      <header className="list-head">
        <Title order={1} size="h3">
          {t('settings')}
        </Title>
      </header>
      <ScrollArea className="list-scroll" viewportProps={{ tabIndex: 0 }}>
        <Stack gap="xl" p="md">
          <ProfileForm />
          <Appearance />
          <Privacy />
          <Devices />
          <Button variant="default" className="danger" onClick={logOut}>
            {t('logOut')}
          </Button>
        </Stack>
      </ScrollArea>
    </div>
  )
}

function Section({ title, children }: { title: string; children: ReactNode }) {
  return (
    <Stack gap="sm" component="section">
      <Text component="h2" size="xs" fw={700} className="quiet section-title">
        {title}
      </Text>
      {children}
    </Stack>
  )
}

function ProfileForm() {
  const t = useText()
  const toast = useToast()
  const messenger = useMessenger('profiles')
  const names = useNames()
  const known = messenger.people.profile(messenger.userId)?.name ?? ''
  const [name, setName] = useState<string>()
  const update = async (profile: Partial<Profile>) => {
    const { kind } = await messenger.submit({ type: 'updateProfile', profile }).answer
    if (kind === 'Accepted') toast(t('saved'))
  }
  return (
    <Section title={t('profile')}>
      <div>
        <Text fw={700} truncate>
          {names.user(messenger.userId)}
        </Text>
        <Text size="xs" className="quiet" truncate>
          {messenger.userId}
        </Text>
      </div>
      <PictureField
        name={names.user(messenger.userId)}
        id={messenger.userId}
        picture={names.avatar(messenger.userId)}
        onChange={avatar => void update({ avatar })}
      />
      <Group align="end" gap="xs" wrap="nowrap">
        <TextInput
          className="grow"
          label={t('displayName')}
          value={name ?? known}
          maxLength={100}
          onChange={event => setName(event.currentTarget.value)}
        />
        <Button
          onClick={() => void update({ name: (name ?? known).trim() })}
          disabled={name === undefined || name.trim() === known}
        >
          {t('save')}
        </Button>
      </Group>
    </Section>
  )
}

function Appearance() {
  const t = useText()
  const { language, scheme, setLanguage, setScheme } = usePreferences()
  const schemeNames: Record<Scheme, string> = { auto: t('system'), light: t('light'), dark: t('dark') }
  return (
    <Section title={t('appearance')}>
      <SegmentedControl
        aria-label={t('appearance')}
        value={scheme}
        data={SCHEMES.map(value => ({ value, label: schemeNames[value] }))}
        onChange={value => setScheme(value as Scheme)}
      />
      <SegmentedControl
        aria-label={t('language')}
        value={language}
        data={Object.entries(LANGUAGES).map(([value, label]) => ({ value, label }))}
        onChange={value => setLanguage(value as Language)}
      />
    </Section>
  )
}

function Privacy() {
  const t = useText()
  const messenger = useMessenger('settings')
  const { settings } = messenger.lists
  const set = (changed: Partial<UserSettings>) => messenger.submit({ type: 'updateSettings', settings: changed })
  const [shows, setShows] = useState(areNotificationsWanted)
  return (
    <>
      <Section title={t('notifications')}>
        <SegmentedControl
          aria-label={t('notifications')}
          value={settings.notify}
          data={[
            { value: 'all', label: t('notifyAll') },
            { value: 'mentions', label: t('notifyMentions') },
            { value: 'none', label: t('notifyNone') },
          ]}
          onChange={value => set({ notify: value as Notify })}
        />
        <Switch
          label={t('browserNotifications')}
          checked={shows}
          onChange={event => void wantNotifications(event.currentTarget.checked).then(setShows)}
        />
      </Section>
      <Section title={t('privacy')}>
        <Switch
          label={t('messagesFromFriends')}
          checked={settings.messagesFrom === 'friends'}
          onChange={event => set({ messagesFrom: event.currentTarget.checked ? 'friends' : 'anyone' })}
        />
        <Switch
          label={t('findable')}
          checked={settings.findable}
          onChange={event => set({ findable: event.currentTarget.checked })}
        />
        <Switch
          label={t('presenceShown')}
          checked={settings.presenceShown}
          onChange={event => set({ presenceShown: event.currentTarget.checked })}
        />
      </Section>
    </>
  )
}

function Devices() {
  const t = useText()
  const language = useLanguage()
  const messenger = useMessenger('phase')
  const [logins, setLogins] = useState<LoginSummary[]>([])
  const { phase } = messenger
  const current = phase.kind === 'Live' ? phase.connectionId : ''
  useEffect(() => {
    if (current !== '')
      messenger.ask({ type: 'logins' }).then(
        answer => setLogins(answer.logins),
        () => {},
      )
  }, [messenger, current])
  const others = logins.filter(({ connectionId }) => connectionId !== current)
  const end = async () => {
    await messenger.submit({ type: 'logout', connectionIds: others.map(({ connectionId }) => connectionId) }).answer
    setLogins(logins.filter(({ connectionId }) => connectionId === current))
  }
  return (
    <Section title={t('devices')}>
      {logins.map(({ connectionId, device, at }) => (
        <div key={connectionId} title={device.id}>
          <Text size="sm" fw={600}>
            <span className="capital">{deviceTypeName(device.type)}</span>
            {connectionId === current && ` (${t('thisDevice')})`}
          </Text>
          <Text size="xs" className="quiet">
            {exactTime(at, language)}
          </Text>
        </div>
      ))}
      {others.length > 0 && (
        <Button variant="default" onClick={() => void end()}>
          {t('logOutOthers')}
        </Button>
      )}
    </Section>
  )
}
