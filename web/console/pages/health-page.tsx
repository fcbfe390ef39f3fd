import { Group, Table, Text } from '@mantine/core'
import { IconActivityHeartbeat } from '@tabler/icons-react'
import { useLanguage } from '../../parts/i18n.ts'
import { numberText } from '../../parts/times.ts'
import { useApi, useMay } from '../app/console-context.ts'
import { type Health, type ProcessHealth, partitionsOf, stagesOf } from '../app/health.ts'
import { useText } from '../app/i18n.ts'
import { hashOf } from '../app/route.ts'
import { useAsked } from '../app/use-asked.ts'
import { AskedPane, Notice } from '../parts/asked-pane.tsx'
import { DataTable } from '../parts/data-table.tsx'
import { Figures } from '../parts/figures.tsx'
import { PageHead, Panel } from '../parts/panel.tsx'
import { type Tone, ToneBadge } from '../parts/tone-badge.tsx'
import { When } from '../parts/when.tsx'

const POLL_MS = 3_000
/** Above this many records a stage is shown as being behind. */
const LAG_MANY = 1_000
const MEBI = 1_048_576

/** How the installation is now: processes, how far behind each stage is, what waits for an operator. */
export function HealthPage() {
  const t = useText()
  const api = useApi()
  const asked = useAsked('health', () => api.get<Health>('/v1/health'), POLL_MS)
  return (
    <>
      <PageHead title={t('health')} text={t('healthText')} />
      <AskedPane of={asked}>
        {health =>
          health.processes.length === 0 ? (
            <Notice icon={IconActivityHeartbeat} title={t('noProcesses')} text={t('noProcessesHint')} />
          ) : (
            <>
              <Summary health={health} />
              <LagTable health={health} />
              <Processes processes={health.processes} />
            </>
          )
        }
      </AskedPane>
    </>
  )
}

function Summary({ health: { processes, verify } }: { health: Health }) {
  const t = useText()
  const language = useLanguage()
  const dead = useDeadCount()
  const living = processes.filter(({ silent }) => !silent)
  const bad = processes.filter(({ silent, waiting, stopped }) => silent || waiting.length > 0 || stopped.length > 0)
  const sum = (of: (process: ProcessHealth) => number) => living.reduce((total, process) => total + of(process), 0)
  const behind = sum(({ lags }) => lags.reduce((total, { records }) => total + records, 0))
  return (
    <Figures
      of={[
        {
          name: t('processes'),
          value: `${living.length - bad.filter(({ silent }) => !silent).length}/${processes.length}`,
          isBad: bad.length > 0,
        },
        {
          name: t('connections'),
          value: numberText(
            sum(({ connections = 0 }) => connections),
            language,
          ),
        },
        { name: t('behind'), value: numberText(behind, language), isBad: behind > LAG_MANY },
        {
          name: t('deadLetters'),
          value: dead ?? '–',
          isBad: dead !== undefined && dead !== '0',
          href: hashOf({ place: 'deadLetters' }),
        },
        {
          name: t('lastVerify'),
          value:
            verify === undefined
              ? t('never')
              : verify.differences === 0
                ? t('equal')
                : t('differ', { count: verify.differences }),
          isBad: verify !== undefined && verify.differences > 0,
          ...(verify === undefined ? { note: 'npm run verify' } : { note: <When at={verify.at} /> }),
        },
      ]}
    />
  )
}

/** How many letters wait; undefined where that is not known. */
function useDeadCount(): string | undefined {
  const api = useApi()
  const may = useMay()
  const { answer } = useAsked('dead count', async () =>
    may('dead:read') ? api.get<{ letters: unknown[]; cursor?: string }>('/v1/dead-letters') : undefined,
  )
  return answer === undefined ? undefined : `${answer.letters.length}${answer.cursor === undefined ? '' : '+'}`
}

/** A row for each stage, a cell for each partition. */
function LagTable({ health }: { health: Health }) {
  const t = useText()
  const language = useLanguage()
  const stages = stagesOf(health.processes)
  const partitions = partitionsOf(stages)
  return (
    <Panel title={t('lag')} hint={t('lagHint')}>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls is reached with the keyboard */}
      <section className="table-scroll" aria-label={t('lag')} tabIndex={0}>
        <Table className="lag-table" verticalSpacing={6} horizontalSpacing="sm">
          <Table.Thead>
            <Table.Tr>
              <Table.Th>{t('stage')}</Table.Th>
              {partitions.map(partition => (
                <Table.Th key={partition} className="number">
                  {partition}
                </Table.Th>
              ))}
            </Table.Tr>
          </Table.Thead>
          <Table.Tbody>
            {[...stages].map(([stage, lags]) => (
              <Table.Tr key={stage}>
                <Table.Th scope="row">{stage}</Table.Th>
                {partitions.map(partition => {
                  const records = lags.get(partition)
                  return (
                    <Table.Td key={partition} className="number lag" data-level={levelOf(records)}>
                      {records === undefined ? '–' : numberText(records, language)}
                    </Table.Td>
                  )
                })}
              </Table.Tr>
            ))}
          </Table.Tbody>
        </Table>
      </section>
    </Panel>
  )
}

function levelOf(records: number | undefined): 'none' | 'fine' | 'some' | 'many' {
  if (records === undefined) return 'none'
  if (records > LAG_MANY) return 'many'
  return records > 0 ? 'some' : 'fine'
}

function Processes({ processes }: { processes: readonly ProcessHealth[] }) {
  const t = useText()
  const language = useLanguage()
  return (
    <Panel title={t('processes')}>
      <DataTable
        label={t('processes')}
        rows={processes}
        idOf={({ process }) => process}
        columns={[
          {
            title: t('process'),
            cell: ({ process, roles }) => (
              <>
                <Text size="sm" fw={600} className="break">
                  {process.split('@')[1] ?? process}
                </Text>
                <Text size="xs" className="quiet break">
                  {roles.join(', ')}
                </Text>
              </>
            ),
          },
          { title: t('state'), cell: process => <ProcessState of={process} /> },
          {
            title: t('memory'),
            isNumber: true,
            isMinor: true,
            cell: ({ memoryBytes }) => `${numberText(Math.round(memoryBytes / MEBI), language)} MiB`,
          },
          { title: t('since'), isMinor: true, cell: ({ startedAt }) => <When at={startedAt} /> },
        ]}
      />
    </Panel>
  )
}

function ProcessState({ of: { silent, waiting, stopped } }: { of: ProcessHealth }) {
  const t = useText()
  const badge = (tone: Tone, text: string) => (
    <ToneBadge key={text} tone={tone}>
      {text}
    </ToneBadge>
  )
  if (silent) return badge('bad', t('silent'))
  const marks = [
    ...stopped.map(stage => badge('bad', t('stopped', { stage }))),
    ...waiting.map(service => badge('warn', t('waitingFor', { service }))),
  ]
  return <Group gap={6}>{marks.length === 0 ? badge('good', t('serves')) : marks}</Group>
}
