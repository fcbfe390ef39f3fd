import { Anchor, Button, Group, Text, TextInput, Title } from '@mantine/core'
import { type FormEvent, useState } from 'react'
import type { GroupSummary, MemberSummary } from '../../../schemas/frames.ts'
import { GROUP_SETTINGS_DEFAULT } from '../../../schemas/settings.ts'
import { Confirm } from '../../parts/confirm.tsx'
import { Face } from '../../parts/face.tsx'
import { useLanguage } from '../../parts/i18n.ts'
import { exactTime } from '../../parts/times.ts'
import { useApi, useMay } from '../app/console-context.ts'
import { useText } from '../app/i18n.ts'
import { goTo, hashOf } from '../app/route.ts'
import { useAct } from '../app/use-act.ts'
import { useAsked } from '../app/use-asked.ts'
import { usePages } from '../app/use-pages.ts'
import { AskedPane } from '../parts/asked-pane.tsx'
import { BackLink } from '../parts/back-link.tsx'
import { DataTable } from '../parts/data-table.tsx'
import { Facts } from '../parts/facts.tsx'
import { More } from '../parts/more.tsx'
import { PageHead, Panel } from '../parts/panel.tsx'
import { GroupList } from './group-list.tsx'

const MEMBERS_PAGE = 100

/** Every group; or one: what it is, who is in it, and its end. */
export function GroupsPage({ id }: { id?: string }) {
  return id === undefined ? <AllGroups /> : <GroupDetail groupId={id} />
}

function AllGroups() {
  const t = useText()
  const [text, setText] = useState('')
  const open = (event: FormEvent) => {
    event.preventDefault()
    const groupId = text.trim().replace(/^g:/, '')
    if (groupId !== '') goTo({ place: 'groups', id: groupId })
  }
  return (
    <>
      <PageHead title={t('groups')} text={t('groupsText')}>
        <form onSubmit={open} className="find">
          <TextInput
            aria-label={t('groupId')}
            placeholder={t('groupId')}
            value={text}
            onChange={event => setText(event.currentTarget.value)}
          />
          <Button type="submit" variant="default">
            {t('open')}
          </Button>
        </form>
      </PageHead>
      <GroupList />
    </>
  )
}

function GroupDetail({ groupId }: { groupId: string }) {
  const t = useText()
  const api = useApi()
  const path = `/v1/groups/${encodeURIComponent(groupId)}`
  const asked = useAsked(path, async () => (await api.get<{ group: GroupSummary }>(path)).group)
  return (
    <>
      <BackLink to={{ place: 'groups' }} text={t('groups')} />
      <AskedPane of={asked}>
        {group => (
          <>
            <Head group={group} groupId={groupId} />
            <div className="columns">
              <Members path={path} />
              <div className="column">
                <About group={group} />
              </div>
            </div>
          </>
        )}
      </AskedPane>
    </>
  )
}

function Head({ group, groupId }: { group: GroupSummary; groupId: string }) {
  const t = useText()
  const api = useApi()
  const may = useMay()
  const { act, isBusy } = useAct()
  const [isAsked, setAsked] = useState(false)
  const { sessionId, info, memberCount } = group
  const name = info.name || groupId
  const dismiss = async () => {
    const path = `/v1/moderation/groups/${encodeURIComponent(groupId)}/dismiss`
    if (await act(() => api.act('POST', path), t('isDismissed', { group: name }))) goTo({ place: 'groups' })
    setAsked(false)
  }
  return (
    <Group className="page-head" justify="space-between" gap="md">
      <Group gap="md" wrap="nowrap" className="grow page-head-text">
        <Face name={name} id={sessionId} picture={info.avatar} size={56} />
        <div className="grow">
          <Title order={1} size="h2" className="break">
            {name}
          </Title>
          <Text c="dimmed" size="sm" className="break">
            {sessionId}
          </Text>
        </div>
      </Group>
      <Group gap="sm">
        <Button component="a" variant="default" href={hashOf({ place: 'messages', id: sessionId })}>
          {t('readSession')}
        </Button>
        <Button variant="default" className="danger" disabled={!may('moderation:write')} onClick={() => setAsked(true)}>
          {t('dismiss')}
        </Button>
      </Group>
      {isAsked && (
        <Confirm
          title={t('dismiss')}
          text={t('dismissText', { group: name, count: memberCount })}
          action={t('dismiss')}
          typed={groupId}
          isBusy={isBusy}
          onConfirm={() => void dismiss()}
          onClose={() => setAsked(false)}
        />
      )}
    </Group>
  )
}

function Members({ path }: { path: string }) {
  const t = useText()
  const api = useApi()
  const language = useLanguage()
  const asked = usePages(`${path}/members`, async cursor => {
    const { members, cursor: next } = await api.get<{ members: MemberSummary[]; cursor?: string }>(`${path}/members`, {
      query: { cursor, limit: MEMBERS_PAGE },
    })
    return { rows: members, next }
  })
  return (
    <Panel title={t('members')}>
      <AskedPane of={asked}>
        {({ rows }) => (
          <>
            <DataTable
              label={t('members')}
              rows={rows}
              idOf={({ userId }) => userId}
              columns={[
                {
                  title: t('user'),
                  cell: ({ userId, alias, mutedUntil }) => (
                    <>
                      <Anchor href={hashOf({ place: 'users', id: userId })} size="sm" className="break">
                        {alias === undefined ? userId : `${alias} (${userId})`}
                      </Anchor>
                      {mutedUntil !== undefined && (
                        <Text size="xs" c="dimmed">
                          {t('mutedUntil', { when: exactTime(mutedUntil, language) })}
                        </Text>
                      )}
                    </>
                  ),
                },
                { title: t('role'), cell: ({ role }) => role },
                { title: t('joinedAt'), isMinor: true, isNumber: true, cell: ({ joinSeq }) => `#${joinSeq}` },
              ]}
            />
            <More of={asked} />
          </>
        )}
      </AskedPane>
    </Panel>
  )
}

const JOIN_POLICIES = { open: 'joinOpen', approval: 'joinApproval', inviteOnly: 'joinInvite' } as const

function About({ group: { owner, memberCount, info, settings = GROUP_SETTINGS_DEFAULT } }: { group: GroupSummary }) {
  const t = useText()
  return (
    <Panel title={t('profile')}>
      <Facts
        of={[
          [
            t('owner'),
            <Anchor key={owner} href={hashOf({ place: 'users', id: owner })} size="sm" className="break">
              {owner}
            </Anchor>,
          ],
          [t('members'), memberCount],
          ...(info.notice === '' ? [] : [[t('notice'), info.notice] as const]),
          [t('joinPolicy'), t(JOIN_POLICIES[settings.joinPolicy])],
          [t('historyShown'), t(settings.historyShown === 'all' ? 'historyAll' : 'historyFromJoining')],
          [t('memberLimit'), settings.membersMax === 0 ? '–' : settings.membersMax],
          ...(info.attributes ?? []).map(({ name, value }) => [name, value] as const),
        ]}
      />
    </Panel>
  )
}
