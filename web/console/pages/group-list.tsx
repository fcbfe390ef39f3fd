import { Anchor, Text } from '@mantine/core'
import { IconUsersGroup } from '@tabler/icons-react'
import type { Answer } from '../../../client/api/partner-api.ts'
import { Face } from '../../parts/face.tsx'
import { useApi } from '../app/console-context.ts'
import { useText } from '../app/i18n.ts'
import { hashOf } from '../app/route.ts'
import { usePages } from '../app/use-pages.ts'
import { AskedPane, Notice } from '../parts/asked-pane.tsx'
import { DataTable } from '../parts/data-table.tsx'
import { More } from '../parts/more.tsx'
import { Panel } from '../parts/panel.tsx'
import { StateBadge } from '../parts/state-badge.tsx'
import { When } from '../parts/when.tsx'

const PAGE = 50

type Groups = Answer<'listAllGroups'>

/** Every group, the newest first. */
export function GroupList() {
  const t = useText()
  const api = useApi()
  const asked = usePages('groups', async cursor => {
    const { groups, cursor: next } = await api.get<Groups>('/v1/moderation/groups', { query: { cursor, limit: PAGE } })
    return { rows: groups, next }
  })
  return (
    <AskedPane of={asked}>
      {({ rows }) =>
        rows.length === 0 ? (
          <Notice icon={IconUsersGroup} title={t('noGroups')} text={t('noGroupsHint')} />
        ) : (
          <>
            <GroupTable groups={rows} />
            <More of={asked} />
          </>
        )
      }
    </AskedPane>
  )
}

function GroupTable({ groups }: { groups: Groups['groups'] }) {
  const t = useText()
  return (
    <Panel>
      <DataTable
        label={t('groups')}
        rows={groups}
        idOf={({ groupId }) => groupId}
        columns={[
          {
            title: t('groupName'),
            cell: ({ groupId, name, avatar }) => (
              <a className="row-link" href={hashOf({ place: 'groups', id: groupId })}>
                <Face name={name || groupId} id={`g:${groupId}`} picture={avatar} size={36} />
                <span className="row-text">
                  <Text component="span" fw={600} size="sm" truncate>
                    {name || groupId}
                  </Text>
                  <Text component="span" size="xs" className="quiet" truncate>
                    {groupId}
                  </Text>
                </span>
              </a>
            ),
          },
          {
            title: t('createdBy'),
            isMinor: true,
            cell: ({ createdBy }) => (
              <Anchor href={hashOf({ place: 'users', id: createdBy })} size="sm" className="break">
                {createdBy}
              </Anchor>
            ),
          },
          { title: t('since'), isMinor: true, cell: ({ createdAt }) => <When at={createdAt} /> },
          {
            title: t('state'),
            cell: ({ dismissed }) => <StateBadge state={dismissed ? 'dismissed' : 'active'} />,
          },
        ]}
      />
    </Panel>
  )
}
