import { Button, Group, Text, TextInput } from '@mantine/core'
import { IconSearch, IconUser } from '@tabler/icons-react'
import { type FormEvent, useState } from 'react'
import type { ProfileSummary, UserPresence } from '../../../schemas/frames.ts'
import { isUserId } from '../../../schemas/ids.ts'
import type { Profile } from '../../../schemas/settings.ts'
import { Face } from '../../parts/face.tsx'
import type { Api } from '../app/api.ts'
import { useApi, useConsole } from '../app/console-context.ts'
import { useText } from '../app/i18n.ts'
import { hashOf } from '../app/route.ts'
import { useAsked } from '../app/use-asked.ts'
import { usePages } from '../app/use-pages.ts'
import { AskedPane, Notice } from '../parts/asked-pane.tsx'
import { DataTable } from '../parts/data-table.tsx'
import { More } from '../parts/more.tsx'
import { PageHead, Panel } from '../parts/panel.tsx'
import { StateBadge } from '../parts/state-badge.tsx'
import { UserDetail } from './user-detail.tsx'

export interface UserSummary {
  userId: string
  access: 'active' | 'disabled' | 'erased'
  profile?: Profile
}

const PAGE = 50

/** Everybody, or one of them. */
export function UsersPage({ id }: { id?: string }) {
  return id === undefined ? <Users /> : <UserDetail userId={id} />
}

function Users() {
  const t = useText()
  // Whoever looks for the same again wants to know who has come since.
  const [wanted, setWanted] = useState({ name: '', times: 0 })
  const [text, setText] = useState('')
  const find = (event: FormEvent) => {
    event.preventDefault()
    setWanted(({ times }) => ({ name: text.trim(), times: times + 1 }))
  }
  return (
    <>
      <PageHead title={t('users')} text={t('usersText')}>
        <form onSubmit={find} className="find">
          <TextInput
            aria-label={t('findUser')}
            placeholder={t('findUser')}
            leftSection={<IconSearch size={16} aria-hidden />}
            value={text}
            onChange={event => {
              setText(event.currentTarget.value)
              if (event.currentTarget.value === '') setWanted({ name: '', times: 0 })
            }}
          />
          <Button type="submit" variant="default">
            {t('find')}
          </Button>
        </form>
      </PageHead>
      {wanted.name === '' ? <AllUsers /> : <FoundUsers key={wanted.times} wanted={wanted.name} />}
    </>
  )
}

function AllUsers() {
  const t = useText()
  const api = useApi()
  const asked = usePages('users', async cursor => {
    const { users, cursor: next } = await api.get<{ users: UserSummary[]; cursor?: string }>('/v1/users', {
      query: { cursor, limit: PAGE },
    })
    return { rows: users, next }
  })
  return (
    <AskedPane of={asked}>
      {({ rows }) =>
        rows.length === 0 ? (
          <Notice icon={IconUser} title={t('noUsers')} text={t('noUsersHint')} />
        ) : (
          <>
            <UserTable users={rows} />
            <More of={asked} />
          </>
        )
      }
    </AskedPane>
  )
}

function FoundUsers({ wanted }: { wanted: string }) {
  const t = useText()
  const { api, operator } = useConsole()
  const asked = useAsked(`find ${wanted}`, () => findUsers(api, operator.app, wanted))
  return (
    <AskedPane of={asked}>
      {users =>
        users.length === 0 ? (
          <Notice icon={IconUser} title={t('noMatch')} text={t('noMatchHint')} />
        ) : (
          <UserTable users={users} />
        )
      }
    </AskedPane>
  )
}

/** Those with this beginning of a name, and who has this id; one of whom nothing is known is not found. */
async function findUsers(api: Api, app: string, wanted: string): Promise<UserSummary[]> {
  const byName = await api.get<{ profiles: ProfileSummary[] }>('/v1/profiles/search', {
    query: { name: wanted, limit: PAGE },
    as: app,
  })
  const ids: string[] = byName.profiles.map(({ userId }) => userId)
  if (isUserId(wanted) && !ids.includes(wanted)) ids.unshift(wanted)
  const users = await Promise.all(ids.map(id => api.get<UserSummary>(`/v1/users/${encodeURIComponent(id)}`)))
  return users
}

function UserTable({ users }: { users: readonly UserSummary[] }) {
  const t = useText()
  const online = useOnline(users.map(({ userId }) => userId))
  return (
    <Panel>
      <DataTable
        label={t('users')}
        rows={users}
        idOf={({ userId }) => userId}
        columns={[
          {
            title: t('user'),
            cell: ({ userId, profile }) => (
              <a className="row-link" href={hashOf({ place: 'users', id: userId })}>
                <Face
                  name={profile?.name || userId}
                  id={userId}
                  picture={profile?.avatar ?? ''}
                  size={36}
                  isOnline={online.has(userId)}
                />
                <span className="row-text">
                  <Text component="span" fw={600} size="sm" truncate>
                    {profile?.name || userId}
                  </Text>
                  <Text component="span" size="xs" className="quiet" truncate>
                    {userId}
                  </Text>
                </span>
              </a>
            ),
          },
          {
            title: t('state'),
            cell: ({ userId, access }) => (
              <Group gap={6} wrap="nowrap">
                <StateBadge state={access} />
                {online.has(userId) && <StateBadge state="online" />}
              </Group>
            ),
          },
        ]}
      />
    </Panel>
  )
}

/** Which of the users are connected, as far as that is known. */
function useOnline(userIds: readonly string[]): ReadonlySet<string> {
  const { api, operator } = useConsole()
  const list = userIds.join(',')
  const { answer } = useAsked(`presence ${list}`, async () => {
    if (list === '') return []
    const query = { userIds: list }
    const { users } = await api.get<{ users: UserPresence[] }>('/v1/presence', { query, as: operator.app })
    return users.filter(({ online }) => online.length > 0).map(({ userId }) => userId as string)
  })
  return new Set(answer)
}
