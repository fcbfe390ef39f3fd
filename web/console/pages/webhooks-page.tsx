import { Anchor, Button, Group, Text } from '@mantine/core'
import { IconPlus, IconWebhook } from '@tabler/icons-react'
import { useState } from 'react'
import { useApi, useMay } from '../app/console-context.ts'
import { useText } from '../app/i18n.ts'
import { hashOf } from '../app/route.ts'
import { useAsked } from '../app/use-asked.ts'
import { AskedPane, Notice } from '../parts/asked-pane.tsx'
import { DataTable } from '../parts/data-table.tsx'
import { PageHead, Panel } from '../parts/panel.tsx'
import { SecretDialog } from '../parts/secret-dialog.tsx'
import { ToneBadge } from '../parts/tone-badge.tsx'
import { When } from '../parts/when.tsx'
import { NewWebhookDialog } from './new-webhook-dialog.tsx'
import { WebhookDetail } from './webhook-detail.tsx'

export interface WebhookSummary {
  webhookId: string
  url: string
  use: 'after' | 'before'
  kinds: string[]
  sessionKinds: string[]
  failOpen: boolean
  budgetMs: number
  secretVersion: number
  createdAt: number
  rotatedAt: number
  readOnly: boolean
}

/** Whom events are told to, and who is asked before. */
export function WebhooksPage({ id }: { id?: string }) {
  return id === undefined ? <Webhooks /> : <WebhookDetail webhookId={id} />
}

function Webhooks() {
  const t = useText()
  const api = useApi()
  const may = useMay()
  const asked = useAsked('webhooks', () => api.get<{ webhooks: WebhookSummary[] }>('/v1/webhooks'))
  const [isMaking, setMaking] = useState(false)
  const [secret, setSecret] = useState<string>()
  return (
    <>
      <PageHead title={t('webhooks')} text={t('webhooksText')}>
        <Button
          leftSection={<IconPlus size={16} aria-hidden />}
          disabled={!may('webhooks:write')}
          onClick={() => setMaking(true)}
        >
          {t('newWebhook')}
        </Button>
      </PageHead>
      <AskedPane of={asked}>
        {({ webhooks }) =>
          webhooks.length === 0 ? (
            <Notice icon={IconWebhook} title={t('noWebhooks')} text={t('noWebhooksHint')} />
          ) : (
            <WebhookTable webhooks={webhooks} />
          )
        }
      </AskedPane>
      {isMaking && (
        <NewWebhookDialog
          made={made => {
            setMaking(false)
            setSecret(made)
            asked.again()
          }}
          onClose={() => setMaking(false)}
        />
      )}
      {secret !== undefined && (
        <SecretDialog title={t('webhookMade')} secret={secret} onClose={() => setSecret(undefined)} />
      )}
    </>
  )
}

function WebhookTable({ webhooks }: { webhooks: readonly WebhookSummary[] }) {
  const t = useText()
  return (
    <Panel>
      <DataTable
        label={t('webhooks')}
        rows={webhooks}
        idOf={({ webhookId }) => webhookId}
        columns={[
          {
            title: t('url'),
            cell: ({ webhookId, url, readOnly }) => (
              <>
                <Anchor href={hashOf({ place: 'webhooks', id: webhookId })} size="sm" fw={600} className="break">
                  {url}
                </Anchor>
                <Group gap={6}>
                  <Text size="xs" className="quiet break">
                    {webhookId}
                  </Text>
                  {readOnly && <ToneBadge tone="quiet">{t('inFile')}</ToneBadge>}
                </Group>
              </>
            ),
          },
          { title: t('use'), cell: ({ use }) => t(use === 'after' ? 'useAfter' : 'useBefore') },
          {
            title: t('kindsOf'),
            isMinor: true,
            cell: ({ kinds }) => <span className="break">{kinds.length === 0 ? t('allKinds') : kinds.join(', ')}</span>,
          },
          { title: t('since'), isMinor: true, cell: ({ createdAt }) => <When at={createdAt} /> },
        ]}
      />
    </Panel>
  )
}
