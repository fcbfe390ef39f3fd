import { Anchor, Button, Group, Menu, Text, Title } from '@mantine/core'
import { IconChevronDown } from '@tabler/icons-react'
import { useState } from 'react'
import type { GroupSummary, LoginSummary, SessionSummary } from '../../../schemas/frames.ts'
import { vendorOf } from '../../../schemas/push-devices.ts'
import type { Attribute, UserSettings } from '../../../schemas/settings.ts'
import { Confirm } from '../../parts/confirm.tsx'
import { Face } from '../../parts/face.tsx'
import { useApi, useMay } from '../app/console-context.ts'
import { useText } from '../app/i18n.ts'
import { hashOf } from '../app/route.ts'
import { useAct } from '../app/use-act.ts'
import { useAsked } from '../app/use-asked.ts'
import { AskedPane } from '../parts/asked-pane.tsx'
import { BackLink } from '../parts/back-link.tsx'
import { DataTable } from '../parts/data-table.tsx'
import { Facts } from '../parts/facts.tsx'
import { Panel } from '../parts/panel.tsx'
import { StateBadge } from '../parts/state-badge.tsx'
import { When } from '../parts/when.tsx'
import type { UserSummary } from './users-page.tsx'

/** A user: who they are, where they are connected, what they take part in, and what an operator does about them. */
export function UserDetail({ userId }: { userId: string }) {
  const t = useText()
  const api = useApi()
  const asked = useAsked(userId, () => api.get<UserSummary>(`/v1/users/${encodeURIComponent(userId)}`))
  return (
    <>
      <BackLink to={{ place: 'users' }} text={t('users')} />
      <AskedPane of={asked}>
        {user => (
          <>
            <Head user={user} again={asked.again} />
            {user.access === 'erased' && <Erasure userId={userId} />}
            <div className="columns">
              <Sessions userId={userId} />
              <div className="column">
                <Connections userId={userId} />
                <Groups userId={userId} />
                <PushDevices userId={userId} />
                <About user={user} />
              </div>
            </div>
          </>
        )}
      </AskedPane>
    </>
  )
}

function Head({ user, again }: { user: UserSummary; again(): void }) {
  const { userId, profile, access } = user
  return (
    <Group className="page-head" justify="space-between" gap="md">
      <Group gap="md" wrap="nowrap" className="grow">
        <Face name={profile?.name || userId} id={userId} picture={profile?.avatar ?? ''} size={56} />
        <div className="grow">
          <Group gap="xs">
            <Title order={1} size="h2" className="break">
              {profile?.name || userId}
            </Title>
            <StateBadge state={access} />
          </Group>
          <Text c="dimmed" size="sm" className="break">
            {userId}
          </Text>
        </div>
      </Group>
      {access !== 'erased' && <Acts user={user} again={again} />}
    </Group>
  )
}

type Dangerous = 'disable' | 'erase'

function Acts({ user: { userId, access }, again }: { user: UserSummary; again(): void }) {
  const t = useText()
  const api = useApi()
  const may = useMay()
  const { act, isBusy } = useAct()
  const [asked, setAsked] = useState<Dangerous>()
  const path = `/v1/users/${encodeURIComponent(userId)}`
  const user = userId
  const isDisabled = access === 'disabled'
  const confirmed = async (dangerous: Dangerous) => {
    const said = dangerous === 'disable' ? t('isDisabled', { user }) : t('isErasing', { user })
    if (await act(() => api.act('POST', `${path}/${dangerous}`), said)) again()
    setAsked(undefined)
  }
  return (
    <>
      <Menu position="bottom-end" withinPortal>
        <Menu.Target>
          <Button variant="default" loading={isBusy} rightSection={<IconChevronDown size={16} aria-hidden />}>
            {t('actions')}
          </Button>
        </Menu.Target>
        <Menu.Dropdown>
          <Menu.Item
            disabled={!may('tokens:write')}
            onClick={() => void act(() => api.act('POST', `${path}/logout`), t('loggedOut', { user })).then(again)}
          >
            {t('logOutUser')}
          </Menu.Item>
          {isDisabled ? (
            <Menu.Item
              disabled={!may('users:write')}
              onClick={() => void act(() => api.act('POST', `${path}/enable`), t('isEnabled', { user })).then(again)}
            >
              {t('enable')}
            </Menu.Item>
          ) : (
            <Menu.Item disabled={!may('users:write')} onClick={() => setAsked('disable')}>
              {t('disable')}
            </Menu.Item>
          )}
          <Menu.Divider />
          <Menu.Item className="danger" disabled={!may('users:erase')} onClick={() => setAsked('erase')}>
            {t('erase')}
          </Menu.Item>
        </Menu.Dropdown>
      </Menu>
      {asked !== undefined && (
        <Confirm
          title={t(asked)}
          text={asked === 'erase' ? t('eraseText', { user }) : t('disableText', { user })}
          action={t(asked)}
          {...(asked === 'erase' ? { typed: userId } : {})}
          isBusy={isBusy}
          onConfirm={() => void confirmed(asked)}
          onClose={() => setAsked(undefined)}
        />
      )}
    </>
  )
}

interface ErasureProgress {
  sessions: number
  erased: number
  held: string[]
  full: number
  done: boolean
}

const ERASURE_POLL_MS = 3_000

function Erasure({ userId }: { userId: string }) {
  const t = useText()
  const api = useApi()
  const path = `/v1/users/${encodeURIComponent(userId)}/erasure`
  const asked = useAsked(`erasure ${userId}`, () => api.get<ErasureProgress>(path), ERASURE_POLL_MS)
  return (
    <Panel title={t('erasure')}>
      <AskedPane of={asked}>
        {({ sessions, erased, full, held }) => (
          <Text size="sm">{t('erasureSays', { sessions, erased, full, held: held.length })}</Text>
        )}
      </AskedPane>
    </Panel>
  )
}

const SESSIONS_SHOWN = 50

function Sessions({ userId }: { userId: string }) {
  const t = useText()
  const api = useApi()
  const asked = useAsked(`sessions ${userId}`, () =>
    api.get<{ sessions: SessionSummary[] }>('/v1/sessions', { query: { limit: SESSIONS_SHOWN }, as: userId }),
  )
  return (
    <Panel title={t('sessions')}>
      <AskedPane of={asked}>
        {({ sessions }) =>
          sessions.length === 0 ? (
            <Text c="dimmed" size="sm" p="md">
              {t('noSessions')}
            </Text>
          ) : (
            <DataTable
              label={t('sessions')}
              rows={sessions}
              idOf={({ sessionId }) => sessionId}
              columns={[
                {
                  title: t('session'),
                  cell: ({ sessionId }) => (
                    <Anchor href={hashOf({ place: 'messages', id: sessionId })} size="sm" className="break">
                      {sessionId}
                    </Anchor>
                  ),
                },
                { title: t('unread'), isNumber: true, cell: ({ unread }) => unread },
                { title: t('lastActivity'), isMinor: true, cell: ({ at }) => <When at={at} /> },
              ]}
            />
          )
        }
      </AskedPane>
    </Panel>
  )
}

function Groups({ userId }: { userId: string }) {
  const t = useText()
  const api = useApi()
  const asked = useAsked(`groups ${userId}`, () => api.get<{ groups: GroupSummary[] }>('/v1/groups', { as: userId }))
  return (
    <Panel title={t('groups')}>
      <AskedPane of={asked}>
        {({ groups }) =>
          groups.length === 0 ? (
            <Text c="dimmed" size="sm" p="md">
              {t('noGroups')}
            </Text>
          ) : (
            <DataTable
              label={t('groups')}
              rows={groups}
              idOf={({ sessionId }) => sessionId}
              columns={[
                {
                  title: t('group'),
                  cell: ({ sessionId, info }) => (
                    <Anchor href={hashOf({ place: 'groups', id: sessionId.slice(2) })} size="sm" className="break">
                      {info.name || sessionId.slice(2)}
                    </Anchor>
                  ),
                },
                { title: t('role'), cell: ({ me }) => me?.role ?? '' },
                { title: t('members'), isNumber: true, isMinor: true, cell: ({ memberCount }) => memberCount },
              ]}
            />
          )
        }
      </AskedPane>
    </Panel>
  )
}

function Connections({ userId }: { userId: string }) {
  const t = useText()
  const api = useApi()
  const asked = useAsked(`logins ${userId}`, () => api.get<{ logins: LoginSummary[] }>('/v1/me/logins', { as: userId }))
  return (
    <Panel title={t('connections')}>
      <AskedPane of={asked}>
        {({ logins }) =>
          logins.length === 0 ? (
            <Text c="dimmed" size="sm" p="md">
              {t('noConnections')}
            </Text>
          ) : (
            <DataTable
              label={t('connections')}
              rows={logins}
              idOf={({ connectionId }) => connectionId}
              columns={[
                { title: t('device'), cell: ({ device }) => <span className="break">{device.id}</span> },
                { title: t('gateway'), isMinor: true, cell: ({ gateway }) => gateway },
                { title: t('since'), cell: ({ at }) => <When at={at} /> },
              ]}
            />
          )
        }
      </AskedPane>
    </Panel>
  )
}

interface PushDevice {
  serviceType: number
  packageName: string
  appVersion: string
  token: string
  locale: string
  at: number
}

function PushDevices({ userId }: { userId: string }) {
  const t = useText()
  const api = useApi()
  const asked = useAsked(`push ${userId}`, () =>
    api.get<{ devices: PushDevice[] }>('/v1/me/push-devices', { as: userId }),
  )
  return (
    <Panel title={t('pushDevices')}>
      <AskedPane of={asked}>
        {({ devices }) =>
          devices.length === 0 ? (
            <Text c="dimmed" size="sm" p="md">
              {t('noPushDevices')}
            </Text>
          ) : (
            <DataTable
              label={t('pushDevices')}
              rows={devices}
              idOf={({ token }) => token}
              columns={[
                { title: t('service'), cell: ({ serviceType }) => vendorOf(serviceType) ?? serviceType },
                { title: t('package'), cell: ({ packageName }) => <span className="break">{packageName}</span> },
                { title: t('version'), isMinor: true, cell: ({ appVersion }) => appVersion },
                { title: t('since'), isMinor: true, cell: ({ at }) => <When at={at} /> },
              ]}
            />
          )
        }
      </AskedPane>
    </Panel>
  )
}

function About({ user: { userId, profile } }: { user: UserSummary }) {
  const t = useText()
  const api = useApi()
  const asked = useAsked(`settings ${userId}`, () =>
    api.get<{ settings: UserSettings; attributes: Attribute[] }>('/v1/me/settings', { as: userId }),
  )
  return (
    <Panel title={t('profile')}>
      <AskedPane of={asked}>
        {({ settings, attributes }) => (
          <Facts
            of={[
              ...(profile?.fields ?? []).map(({ name, value }) => [name, value] as const),
              ...Object.entries(settings).map(([name, value]) => [name, textOf(value)] as const),
              ...attributes.map(({ name, value }) => [name, value] as const),
            ]}
          />
        )}
      </AskedPane>
    </Panel>
  )
}

function textOf(value: unknown): string {
  return typeof value === 'object' ? JSON.stringify(value) : String(value)
}
