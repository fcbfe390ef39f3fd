import { Button, Group, Progress, Text } from '@mantine/core'
import { IconPlus, IconSpeakerphone } from '@tabler/icons-react'
import { useState } from 'react'
import { Confirm } from '../../parts/confirm.tsx'
import { useLanguage } from '../../parts/i18n.ts'
import { numberText } from '../../parts/times.ts'
import { useApi, useMay } from '../app/console-context.ts'
import { useText } from '../app/i18n.ts'
import { useAct } from '../app/use-act.ts'
import { useAsked } from '../app/use-asked.ts'
import { AskedPane, Notice } from '../parts/asked-pane.tsx'
import { PageHead, Panel } from '../parts/panel.tsx'
import { StateBadge } from '../parts/state-badge.tsx'
import { When } from '../parts/when.tsx'
import { NewBroadcastDialog } from './new-broadcast-dialog.tsx'

interface Job {
  jobId: string
  job: string
  state: 'waiting' | 'running' | 'done' | 'cancelled' | 'failed'
  total: number
  done: number
  failed: number
  startedAt: number
  error?: string
}

const POLL_MS = 2_000

/** Messages to everybody, and all else that takes long: how far it is, and its end before that. */
export function BroadcastsPage() {
  const t = useText()
  const api = useApi()
  const may = useMay()
  const asked = useAsked('jobs', () => api.get<{ jobs: Job[] }>('/v1/jobs'), POLL_MS)
  const [isMaking, setMaking] = useState(false)
  return (
    <>
      <PageHead title={t('broadcasts')} text={t('broadcastsText')}>
        <Button
          leftSection={<IconPlus size={16} aria-hidden />}
          disabled={!may('notifications:write')}
          onClick={() => setMaking(true)}
        >
          {t('newBroadcast')}
        </Button>
      </PageHead>
      <AskedPane of={asked}>
        {({ jobs }) =>
          jobs.length === 0 ? (
            <Notice icon={IconSpeakerphone} title={t('noBroadcasts')} text={t('noBroadcastsHint')} />
          ) : (
            <Panel>
              <ul className="plain-list timeline">
                {jobs.map(job => (
                  <JobRow key={job.jobId} job={job} changed={asked.again} />
                ))}
              </ul>
            </Panel>
          )
        }
      </AskedPane>
      {isMaking && <NewBroadcastDialog begun={asked.again} onClose={() => setMaking(false)} />}
    </>
  )
}

function JobRow({ job, changed }: { job: Job; changed(): void }) {
  const t = useText()
  const api = useApi()
  const may = useMay()
  const language = useLanguage()
  const { act, isBusy } = useAct()
  const [isAsked, setAsked] = useState(false)
  const { jobId, job: kind, state, total, done, failed, startedAt, error } = job
  const isGoing = state === 'waiting' || state === 'running'
  const cancel = async () => {
    const path = `/v1/jobs/${encodeURIComponent(jobId)}/cancel`
    if (await act(() => api.act('POST', path), t('isCancelled'))) changed()
    setAsked(false)
  }
  return (
    <li className="event">
      <div className="grow">
        <div className="event-head">
          <Text component="span" size="sm" fw={600}>
            {kind}
          </Text>
          <StateBadge state={state} />
          <Text component="span" size="xs" className="quiet">
            <When at={startedAt} />
          </Text>
        </div>
        <Progress
          my={6}
          value={total === 0 ? 0 : Math.min(100, (100 * done) / total)}
          color={state === 'failed' ? 'red' : 'indigo'}
          aria-label={t('progress')}
        />
        <Group gap="md">
          <Text size="xs" className="quiet">
            {t('progressSays', { done: numberText(done, language), total: numberText(total, language) })}
          </Text>
          {failed > 0 && <Text size="xs">{t('failedCount', { count: numberText(failed, language) })}</Text>}
          {error !== undefined && state === 'failed' && (
            <Text size="xs" className="break">
              {error}
            </Text>
          )}
        </Group>
      </div>
      {isGoing && (
        <Button
          size="compact-sm"
          variant="subtle"
          color="red.8"
          className="danger"
          disabled={!may('jobs:write')}
          onClick={() => setAsked(true)}
        >
          {t('cancelJob')}
        </Button>
      )}
      {isAsked && (
        <Confirm
          title={t('cancelJob')}
          text={t('cancelJobText')}
          action={t('cancelJob')}
          isBusy={isBusy}
          onConfirm={() => void cancel()}
          onClose={() => setAsked(false)}
        />
      )}
    </li>
  )
}
