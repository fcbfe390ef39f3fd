import { Button, Collapse, Group, Switch, Text } from '@mantine/core'
import { IconMailCheck } from '@tabler/icons-react'
import { useState } from 'react'
import { Confirm } from '../../parts/confirm.tsx'
import { useApi, useMay } from '../app/console-context.ts'
import { useText } from '../app/i18n.ts'
import { useAct } from '../app/use-act.ts'
import { useAsked } from '../app/use-asked.ts'
import { usePages } from '../app/use-pages.ts'
import { AskedPane, Notice } from '../parts/asked-pane.tsx'
import { More } from '../parts/more.tsx'
import { PageHead, Panel } from '../parts/panel.tsx'
import { StateBadge } from '../parts/state-badge.tsx'
import { When } from '../parts/when.tsx'

interface Letter {
  id: string
  processor: string
  sessionId?: string
  state: 'open' | 'retrying' | 'failed' | 'applied' | 'discarded'
  error: string
  at: number
  changedAt: number
  by: string
}

const PAGE = 50

/** Records that a processor could not apply: looked at, tried again, given up. */
export function DeadLettersPage() {
  const t = useText()
  const api = useApi()
  const [all, setAll] = useState(false)
  const asked = usePages(`dead ${all}`, async cursor => {
    const query = { cursor, limit: PAGE, all: all ? 'true' : undefined }
    const { letters, cursor: next } = await api.get<{ letters: Letter[]; cursor?: string }>('/v1/dead-letters', {
      query,
    })
    return { rows: letters, next }
  })
  return (
    <>
      <PageHead title={t('deadLetters')} text={t('deadText')}>
        <Switch label={t('dealtWithToo')} checked={all} onChange={event => setAll(event.currentTarget.checked)} />
      </PageHead>
      <AskedPane of={asked}>
        {({ rows }) =>
          rows.length === 0 ? (
            <Notice icon={IconMailCheck} title={t('noDead')} text={t('noDeadHint')} />
          ) : (
            <Panel>
              <ul className="plain-list timeline">
                {rows.map(letter => (
                  <LetterRow key={letter.id} letter={letter} changed={asked.again} />
                ))}
              </ul>
              <More of={asked} />
            </Panel>
          )
        }
      </AskedPane>
    </>
  )
}

function LetterRow({ letter, changed }: { letter: Letter; changed(): void }) {
  const t = useText()
  const api = useApi()
  const may = useMay()
  const { act, isBusy } = useAct()
  const [isOpen, setOpen] = useState(false)
  const [isAsked, setAsked] = useState(false)
  const { id, processor, sessionId, state, error, at, by } = letter
  const path = `/v1/dead-letters/${id.split('/').map(encodeURIComponent).join('/')}`
  const retry = async () => {
    if (await act(() => api.act('POST', `${path}/retry`), t('isRetried'))) changed()
  }
  const discard = async () => {
    if (await act(() => api.act('POST', `${path}/discard`), t('isDiscarded'))) changed()
    setAsked(false)
  }
  const waits = state === 'open' || state === 'failed' || state === 'retrying'
  return (
    <li className="event">
      <div className="grow">
        <div className="event-head">
          <Text component="span" size="sm" fw={600}>
            {processor}
          </Text>
          <StateBadge state={state} />
          <Text component="span" size="xs" className="quiet">
            <When at={at} />
            {by === '' ? '' : ` · ${by}`}
          </Text>
        </div>
        <Text size="sm" className="break">
          {error}
        </Text>
        <Text size="xs" className="quiet break">
          {id}
          {sessionId === undefined ? '' : ` · ${sessionId}`}
        </Text>
        <Collapse expanded={isOpen}>{isOpen && <Record path={path} />}</Collapse>
      </div>
      <Group gap={4} justify="flex-end">
        <Button size="compact-sm" variant="subtle" color="gray" aria-expanded={isOpen} onClick={() => setOpen(!isOpen)}>
          {t('inspect')}
        </Button>
        {waits && (
          <>
            <Button
              size="compact-sm"
              variant="subtle"
              loading={isBusy}
              disabled={!may('dead:write')}
              onClick={() => void retry()}
            >
              {t('retry')}
            </Button>
            <Button
              size="compact-sm"
              variant="subtle"
              color="red.8"
              className="danger"
              disabled={!may('dead:write')}
              onClick={() => setAsked(true)}
            >
              {t('discard')}
            </Button>
          </>
        )}
      </Group>
      {isAsked && (
        <Confirm
          title={t('discard')}
          text={t('discardText')}
          action={t('discard')}
          isBusy={isBusy}
          onConfirm={() => void discard()}
          onClose={() => setAsked(false)}
        />
      )}
    </li>
  )
}

function Record({ path }: { path: string }) {
  const api = useApi()
  const asked = useAsked(path, () => api.get<{ event?: unknown; fault?: string }>(path))
  return (
    <AskedPane of={asked}>
      {({ event, fault }) => (
        // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls is reached with the keyboard
        <pre className="json" tabIndex={0}>
          {fault ?? JSON.stringify(event, null, 2)}
        </pre>
      )}
    </AskedPane>
  )
}
