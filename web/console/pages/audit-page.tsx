import { Button, Code, Text } from '@mantine/core'
import { IconHistory } from '@tabler/icons-react'
import { useApi, useConsole } from '../app/console-context.ts'
import { useText } from '../app/i18n.ts'
import type { KeySummary } from '../app/operator.ts'
import { useAsked } from '../app/use-asked.ts'
import { usePages } from '../app/use-pages.ts'
import { AskedPane, Notice } from '../parts/asked-pane.tsx'
import { DataTable } from '../parts/data-table.tsx'
import { More } from '../parts/more.tsx'
import { PageHead, Panel } from '../parts/panel.tsx'
import { When } from '../parts/when.tsx'

interface Act {
  seq: number
  at: number
  act: string
  subject: string
  detail?: string
}

const PAGE = 50

/** What was done with keys of the app, by whom and when. */
export function AuditPage() {
  const t = useText()
  const { operator } = useConsole()
  const api = useApi()
  const asked = usePages('audit', async cursor => {
    const { acts, cursor: next } = await api.get<{ acts: Act[]; cursor?: string }>('/v1/audit', {
      query: { cursor, limit: PAGE },
    })
    return { rows: acts, next }
  })
  const names = useKeyNames()
  return (
    <>
      <PageHead title={t('audit')} text={t('auditText', { app: operator.app })}>
        <Button variant="default" onClick={asked.again} loading={asked.isAsking && asked.answer !== undefined}>
          {t('refresh')}
        </Button>
      </PageHead>
      <AskedPane of={asked}>
        {({ rows }) =>
          rows.length === 0 ? (
            <Notice icon={IconHistory} title={t('noActs')} />
          ) : (
            <Panel>
              <DataTable
                label={t('audit')}
                rows={rows}
                idOf={({ seq }) => String(seq)}
                columns={[
                  { title: t('at'), cell: ({ at }) => <When at={at} /> },
                  {
                    title: t('act'),
                    cell: ({ act }) => (
                      <Text size="sm" fw={600}>
                        {act}
                      </Text>
                    ),
                  },
                  { title: t('subject'), cell: ({ subject }) => <span className="break">{subject}</span> },
                  { title: t('by'), cell: act => byWhom(act, names) },
                  {
                    title: t('detail'),
                    isMinor: true,
                    cell: act => <Code className="detail">{detailText(act)}</Code>,
                  },
                ]}
              />
              <More of={asked} />
            </Panel>
          )
        }
      </AskedPane>
    </>
  )
}

/** Names of keys: what stands in the log is their ids. */
function useKeyNames(): ReadonlyMap<string, string> {
  const api = useApi()
  const { answer } = useAsked('key names', () => api.get<{ keys: KeySummary[] }>('/v1/keys'))
  return new Map(answer?.keys.map(({ keyId, name }) => [keyId, name]))
}

/** The fields that an act says of itself. */
export function detailOf({ detail }: Pick<Act, 'detail'>): Record<string, unknown> {
  if (detail === undefined) return {}
  try {
    return JSON.parse(detail) as Record<string, unknown>
  } catch {
    return { detail }
  }
}

function byWhom(act: Act, names: ReadonlyMap<string, string>): string {
  const { keyId } = detailOf(act)
  return typeof keyId === 'string' ? (names.get(keyId) ?? keyId) : ''
}

function detailText(act: Act): string {
  const { keyId: _, requestId: __, ...fields } = detailOf(act)
  return Object.entries(fields)
    .map(([name, value]) => `${name}: ${typeof value === 'string' ? value : JSON.stringify(value)}`)
    .join(', ')
}
