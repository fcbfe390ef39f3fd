import { Button, Group, Menu, Text } from '@mantine/core'
import { IconChevronDown, IconSend } from '@tabler/icons-react'
import { useState } from 'react'
import { Confirm } from '../../parts/confirm.tsx'
import { useToast } from '../../parts/toast.tsx'
import { useApi, useMay } from '../app/console-context.ts'
import { useText } from '../app/i18n.ts'
import { goTo } from '../app/route.ts'
import { useAct } from '../app/use-act.ts'
import { useAsked } from '../app/use-asked.ts'
import { usePages } from '../app/use-pages.ts'
import { AskedPane, Notice } from '../parts/asked-pane.tsx'
import { BackLink } from '../parts/back-link.tsx'
import { DataTable } from '../parts/data-table.tsx'
import { Facts } from '../parts/facts.tsx'
import { More } from '../parts/more.tsx'
import { PageHead, Panel } from '../parts/panel.tsx'
import { SecretDialog } from '../parts/secret-dialog.tsx'
import { StateBadge } from '../parts/state-badge.tsx'
import { When } from '../parts/when.tsx'
import type { WebhookSummary } from './webhooks-page.tsx'

interface Delivery {
  at: number
  sessionId: string
  kind: string
  partition: number
  offset: number
  attempt: number
  outcome: 'delivered' | 'failed' | 'dead' | 'dropped'
  status: number
  durationMs: number
  error: string
}

interface DeadSession {
  sessionId: string
  deadAt: number
  deliveries: number
  firstKind: string
}

const PAGE = 50

/** A webhook: what it is told, what came back, and what was given up. */
export function WebhookDetail({ webhookId }: { webhookId: string }) {
  const t = useText()
  const api = useApi()
  const path = `/v1/webhooks/${encodeURIComponent(webhookId)}`
  const asked = useAsked(path, () => api.get<WebhookSummary>(path))
  return (
    <>
      <BackLink to={{ place: 'webhooks' }} text={t('webhooks')} />
      <AskedPane of={asked}>
        {webhook => (
          <>
            <PageHead title={webhook.url} text={webhookId}>
              <Acts webhook={webhook} path={path} />
            </PageHead>
            <Panel>
              <Facts
                of={[
                  [t('use'), t(webhook.use === 'after' ? 'useAfter' : 'useBefore')],
                  [t('kindsOf'), webhook.kinds.length === 0 ? t('allKinds') : webhook.kinds.join(', ')],
                  [t('since'), <When key="since" at={webhook.createdAt} />],
                ]}
              />
            </Panel>
            <DeadSessions path={path} />
            <Deliveries path={path} />
          </>
        )}
      </AskedPane>
    </>
  )
}

interface Tested {
  delivered: boolean
  status?: number
  error?: string
  durationMs: number
}

function Acts({ webhook: { url, readOnly }, path }: { webhook: WebhookSummary; path: string }) {
  const t = useText()
  const api = useApi()
  const may = useMay()
  const toast = useToast()
  const { act, isBusy } = useAct()
  const [asked, setAsked] = useState<'rotateSecret' | 'deleteIt'>()
  const [secret, setSecret] = useState<string>()
  const test = () =>
    act(async () => {
      const { delivered, status = 0, error, durationMs } = await api.act<Tested>('POST', `${path}/test`)
      if (delivered) toast(t('testDelivered', { status, ms: durationMs }))
      else toast(t('testFailed', { reason: error ?? status }))
    })
  const confirmed = async () => {
    if (asked === 'rotateSecret') {
      await act(async () => setSecret((await api.act<{ secret: string }>('POST', `${path}/rotate`)).secret))
    } else if (await act(() => api.act('DELETE', path), t('isDeleted'))) {
      goTo({ place: 'webhooks' })
    }
    setAsked(undefined)
  }
  return (
    <Group gap="sm">
      <Button
        variant="default"
        loading={isBusy}
        disabled={!may('webhooks:write')}
        leftSection={<IconSend size={16} aria-hidden />}
        onClick={() => void test()}
      >
        {t('sendTest')}
      </Button>
      <Menu position="bottom-end" withinPortal>
        <Menu.Target>
          <Button
            variant="default"
            disabled={!may('webhooks:write') || readOnly}
            rightSection={<IconChevronDown size={16} aria-hidden />}
          >
            {t('actions')}
          </Button>
        </Menu.Target>
        <Menu.Dropdown>
          <Menu.Item onClick={() => setAsked('rotateSecret')}>{t('rotateSecret')}</Menu.Item>
          <Menu.Item className="danger" onClick={() => setAsked('deleteIt')}>
            {t('deleteIt')}
          </Menu.Item>
        </Menu.Dropdown>
      </Menu>
      {asked !== undefined && (
        <Confirm
          title={t(asked)}
          text={asked === 'deleteIt' ? t('deleteWebhookText', { url }) : t('rotateSecretText')}
          action={t(asked)}
          isBusy={isBusy}
          onConfirm={() => void confirmed()}
          onClose={() => setAsked(undefined)}
        />
      )}
      {secret !== undefined && (
        <SecretDialog title={t('secretMade')} secret={secret} onClose={() => setSecret(undefined)} />
      )}
    </Group>
  )
}

function DeadSessions({ path }: { path: string }) {
  const t = useText()
  const api = useApi()
  const may = useMay()
  const { act, isBusy } = useAct()
  const asked = useAsked(`${path}/dead`, () => api.get<{ sessions: DeadSession[] }>(`${path}/dead`))
  const { answer } = asked
  if (answer === undefined || answer.sessions.length === 0) return null
  const of = (sessionId: string) => `${path}/dead/${encodeURIComponent(sessionId)}`
  const replay = (sessionId: string) =>
    act(() => api.act('POST', `${of(sessionId)}/replay`), t('isReplayed')).then(asked.again)
  const drop = (sessionId: string) => act(() => api.act('DELETE', of(sessionId)), t('isDropped')).then(asked.again)
  return (
    <Panel title={t('deadSessions')} hint={t('deadSessionsHint')}>
      <DataTable
        label={t('deadSessions')}
        rows={answer.sessions}
        idOf={({ sessionId }) => sessionId}
        columns={[
          { title: t('session'), cell: ({ sessionId }) => <span className="break">{sessionId}</span> },
          { title: t('event'), isMinor: true, cell: ({ firstKind }) => firstKind },
          { title: t('waitsCount'), isNumber: true, cell: ({ deliveries }) => deliveries },
          { title: t('since'), isMinor: true, cell: ({ deadAt }) => <When at={deadAt} /> },
          {
            title: '',
            cell: ({ sessionId }) => (
              <Group gap={4} justify="flex-end" wrap="nowrap">
                <Button
                  size="compact-sm"
                  variant="subtle"
                  loading={isBusy}
                  disabled={!may('webhooks:write')}
                  onClick={() => void replay(sessionId)}
                >
                  {t('replay')}
                </Button>
                <Button
                  size="compact-sm"
                  variant="subtle"
                  color="red.8"
                  className="danger"
                  disabled={!may('webhooks:write')}
                  onClick={() => void drop(sessionId)}
                >
                  {t('discard')}
                </Button>
              </Group>
            ),
          },
        ]}
      />
    </Panel>
  )
}

function Deliveries({ path }: { path: string }) {
  const t = useText()
  const api = useApi()
  const asked = usePages(`${path}/deliveries`, async cursor => {
    const { deliveries, cursor: next } = await api.get<{ deliveries: Delivery[]; cursor?: string }>(
      `${path}/deliveries`,
      { query: { cursor, limit: PAGE } },
    )
    return { rows: deliveries, next }
  })
  return (
    <Panel title={t('deliveries')}>
      <AskedPane of={asked}>
        {({ rows }) =>
          rows.length === 0 ? (
            <Notice icon={IconSend} title={t('noDeliveries')} />
          ) : (
            <>
              <DataTable
                label={t('deliveries')}
                rows={rows}
                idOf={({ partition, offset, attempt, at }) => `${partition}/${offset}/${attempt}/${at}`}
                columns={[
                  { title: t('at'), cell: ({ at }) => <When at={at} /> },
                  {
                    title: t('event'),
                    cell: ({ kind, sessionId }) => (
                      <>
                        <Text size="sm">{kind}</Text>
                        <Text size="xs" className="quiet break">
                          {sessionId}
                        </Text>
                      </>
                    ),
                  },
                  { title: t('outcome'), cell: ({ outcome }) => <StateBadge state={outcome} /> },
                  {
                    title: t('answer'),
                    isMinor: true,
                    cell: ({ status, error }) => <span className="break">{error === '' ? status : error}</span>,
                  },
                  { title: t('attempt'), isNumber: true, isMinor: true, cell: ({ attempt }) => attempt },
                  { title: t('duration'), isNumber: true, isMinor: true, cell: ({ durationMs }) => `${durationMs} ms` },
                ]}
              />
              <More of={asked} />
            </>
          )
        }
      </AskedPane>
    </Panel>
  )
}
