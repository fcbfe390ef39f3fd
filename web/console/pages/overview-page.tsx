import { Center, SegmentedControl, Table, Text } from '@mantine/core'
import { type ReactNode, useState } from 'react'
import { portableClock } from '../../../client/sdk.ts'
import { useLanguage } from '../../parts/i18n.ts'
import { numberText } from '../../parts/times.ts'
import { useApi } from '../app/console-context.ts'
import { type TextKey, type Translate, useText } from '../app/i18n.ts'
import {
  type ActiveUsers,
  activeSeries,
  cohortsOf,
  dayOf,
  daysUntil,
  funnelOf,
  hoursUntil,
  type LatencyOfDay,
  type MessageCount,
  messageSeries,
  type PushFunnel,
  type RetentionWeek,
  type Totals,
} from '../app/statistics.ts'
import { type Asked, useAsked } from '../app/use-asked.ts'
import { AskedPane } from '../parts/asked-pane.tsx'
import { AreaFigure, BarFigure, LineFigure } from '../parts/charts.tsx'
import { Figures } from '../parts/figures.tsx'
import { PageHead, Panel } from '../parts/panel.tsx'

const SPANS = [7, 30, 90] as const
const HOURS = 48
const WEEKS = 8
const HOUR_CHARS = 13

/** Figures of the archive: who is there, what they say, who comes back, how fast it goes. */
export function OverviewPage() {
  const t = useText()
  const [days, setDays] = useState<number>(30)
  return (
    <>
      <PageHead title={t('overview')} text={t('overviewText')}>
        <SegmentedControl
          aria-label={t('span')}
          value={String(days)}
          data={SPANS.map(span => ({ value: String(span), label: t('days', { days: span }) }))}
          onChange={value => setDays(Number(value))}
        />
      </PageHead>
      <TotalFigures days={days} />
      <div className="charts">
        <ActiveChart days={days} />
        <KindChart days={days} />
        <HourChart />
        <LatencyChart days={days} />
        <Retention />
        <Funnel days={days} />
      </div>
    </>
  )
}

/** Asks for figures of the last days, the present one included. */
function useFigures<T>(name: string, days: number, more: Record<string, string> = {}): Asked<T> {
  const api = useApi()
  const key = `${name} ${days} ${JSON.stringify(more)}`
  return useAsked(key, () => {
    const now = portableClock.now()
    const [from] = daysUntil(now, days)
    return api.get<T>(`/v1/statistics/${name}`, { query: { from, to: dayOf(now), ...more } })
  })
}

function TotalFigures({ days }: { days: number }) {
  const t = useText()
  const language = useLanguage()
  const asked = useFigures<Totals>('totals', days)
  const span = t('days', { days })
  return (
    <AskedPane of={asked}>
      {({ registeredUsers, activeUsers, messages, groupsCreated }) => (
        <Figures
          of={[
            { name: t('registeredUsers'), value: numberText(registeredUsers, language), note: t('ever') },
            { name: t('activeUsers'), value: numberText(activeUsers, language), note: span },
            { name: t('messagesSent'), value: numberText(messages, language), note: span },
            { name: t('groupsCreated'), value: numberText(groupsCreated, language), note: span },
          ]}
        />
      )}
    </AskedPane>
  )
}

function ChartPanel<T>(props: {
  name: TextKey
  hint: TextKey
  of: Asked<{ rows: T[] }>
  children(rows: T[]): ReactNode
}) {
  const t = useText()
  const { name, hint, of: asked, children } = props
  return (
    <Panel title={t(name)} hint={t(hint)}>
      <div className="chart">
        <AskedPane of={asked}>
          {({ rows }) =>
            rows.length === 0 ? (
              <Center h="100%" mih={160}>
                <Text c="dimmed" size="sm">
                  {t('noFigures')}
                </Text>
              </Center>
            ) : (
              children(rows)
            )
          }
        </AskedPane>
      </div>
    </Panel>
  )
}

function ActiveChart({ days }: { days: number }) {
  const t = useText()
  const asked = useFigures<{ rows: ActiveUsers[] }>('active-users', days, { period: 'day' })
  return (
    <ChartPanel name="activeUsers" hint="activeUsersHint" of={asked}>
      {rows => (
        <AreaFigure
          label={t('activeUsers')}
          rows={activeSeries(rows, daysUntil(portableClock.now(), days))}
          lines={[
            { name: 'users', title: t('activeUsers') },
            { name: 'newUsers', title: t('newUsers') },
          ]}
        />
      )}
    </ChartPanel>
  )
}

function KindChart({ days }: { days: number }) {
  const t = useText()
  const asked = useFigures<{ rows: MessageCount[] }>('messages', days, { step: 'day' })
  return (
    <ChartPanel name="messagesByKind" hint="messagesByKindHint" of={asked}>
      {rows => {
        const { kinds, series } = messageSeries(rows, daysUntil(portableClock.now(), days), {
          placeOf: ({ at }) => dayOf(at),
          kindOf: ({ contentKind }) => contentKind,
        })
        const lines = kinds.map(kind => ({ name: kind, title: kind }))
        return <BarFigure label={t('messagesByKind')} rows={series} lines={lines} />
      }}
    </ChartPanel>
  )
}

function HourChart() {
  const t = useText()
  const asked = useFigures<{ rows: MessageCount[] }>('messages', 3, { step: 'hour' })
  const hourOf = (at: number) => new Date(at).toISOString().slice(0, HOUR_CHARS)
  return (
    <ChartPanel name="messagesByHour" hint="messagesByHourHint" of={asked}>
      {rows => {
        const { kinds, series } = messageSeries(rows, hoursUntil(portableClock.now(), HOURS).map(hourOf), {
          placeOf: ({ at }) => hourOf(at),
          kindOf: ({ sessionKind }) => sessionKind,
        })
        const lines = kinds.map(kind => ({ name: kind, title: sessionKindText(kind, t) }))
        return <BarFigure label={t('messagesByHour')} rows={series} lines={lines} tick={hourTick} />
      }}
    </ChartPanel>
  )
}

/** `14:00` of `2026-03-02T14`. */
const hourTick = (at: string) => `${at.slice(HOUR_CHARS - 2)}:00`

function sessionKindText(kind: string, t: Translate): string {
  const known: Record<string, TextKey> = { single: 'single', group: 'group', notify: 'notify' }
  const key = known[kind.toLowerCase()]
  return key === undefined ? kind : t(key)
}

function LatencyChart({ days }: { days: number }) {
  const t = useText()
  const asked = useFigures<{ rows: LatencyOfDay[] }>('latency', days)
  return (
    <ChartPanel name="latency" hint="latencyHint" of={asked}>
      {rows => (
        <LineFigure
          label={t('latency')}
          unit="ms"
          rows={rows.map(({ day, ...values }) => ({ at: day, ...values }))}
          lines={[
            { name: 'deliveredMsP50', title: t('deliveredP50') },
            { name: 'deliveredMsP95', title: t('deliveredP95') },
            { name: 'readMsP50', title: t('readP50') },
          ]}
        />
      )}
    </ChartPanel>
  )
}

function Retention() {
  const t = useText()
  const language = useLanguage()
  const asked = useFigures<{ rows: RetentionWeek[] }>('retention', 7 * WEEKS)
  const weeks = Array.from({ length: WEEKS }, (_, week) => week)
  return (
    <ChartPanel name="retention" hint="retentionHint" of={asked}>
      {rows => (
        // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls is reached with the keyboard
        <section className="table-scroll" aria-label={t('retention')} tabIndex={0}>
          <Table className="lag-table" verticalSpacing={6} horizontalSpacing="xs">
            <Table.Thead>
              <Table.Tr>
                <Table.Th>{t('cohort')}</Table.Th>
                <Table.Th className="number">{t('people')}</Table.Th>
                {weeks.map(week => (
                  <Table.Th key={week} className="number">
                    {t('week', { week })}
                  </Table.Th>
                ))}
              </Table.Tr>
            </Table.Thead>
            <Table.Tbody>
              {cohortsOf(rows, WEEKS).map(({ cohort, people, shares }) => (
                <Table.Tr key={cohort}>
                  <Table.Th scope="row">{cohort}</Table.Th>
                  <Table.Td className="number">{numberText(people, language)}</Table.Td>
                  {weeks.map(week => (
                    <Table.Td key={week} className="number share" style={shareStyle(shares[week])}>
                      {shares[week] === undefined ? '' : `${Math.round(100 * shares[week])} %`}
                    </Table.Td>
                  ))}
                </Table.Tr>
              ))}
            </Table.Tbody>
          </Table>
        </section>
      )}
    </ChartPanel>
  )
}

/** The more of them, the deeper; text stays readable on all of it. */
function shareStyle(share: number | undefined) {
  if (share === undefined) return {}
  return { background: `color-mix(in srgb, var(--chosen) ${Math.round(100 * share)}%, transparent)` }
}

function Funnel({ days }: { days: number }) {
  const t = useText()
  const language = useLanguage()
  const asked = useFigures<{ rows: PushFunnel[] }>('pushes', days)
  const steps = ['attempted', 'accepted', 'delivered', 'opened', 'failed', 'deadTokens'] as const
  return (
    <ChartPanel name="pushFunnel" hint="pushFunnelHint" of={asked}>
      {rows => {
        const funnel = funnelOf(rows)
        const most = Math.max(funnel.attempted, 1)
        return (
          <dl className="funnel">
            {steps.map(step => (
              <div key={step}>
                <dt>{t(step)}</dt>
                <dd>
                  <span className="funnel-bar" data-bad={step === 'failed' || step === 'deadTokens'}>
                    <span style={{ width: `${(100 * funnel[step]) / most}%` }} />
                  </span>
                  <span className="funnel-value">{numberText(funnel[step], language)}</span>
                </dd>
              </div>
            ))}
          </dl>
        )
      }}
    </ChartPanel>
  )
}
