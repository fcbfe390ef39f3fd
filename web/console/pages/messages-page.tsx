import { Button, Group, NativeSelect, TextInput } from '@mantine/core'
import { IconMessageSearch } from '@tabler/icons-react'
import { type FormEvent, useState } from 'react'
import type { ContentKind } from '../../../schemas/content.ts'
import type { EventFrame } from '../../../schemas/frames.ts'
import { isSessionId } from '../../../schemas/ids.ts'
import { useApi } from '../app/console-context.ts'
import { useText } from '../app/i18n.ts'
import { goTo } from '../app/route.ts'
import { usePages } from '../app/use-pages.ts'
import { AskedPane, Notice } from '../parts/asked-pane.tsx'
import { More } from '../parts/more.tsx'
import { PageHead, Panel } from '../parts/panel.tsx'
import { MessageRow } from './message-row.tsx'
import { SessionView } from './session-view.tsx'

const PAGE = 30

const KINDS: readonly ContentKind[] = [
  'Text',
  'Markdown',
  'Image',
  'Video',
  'Voice',
  'File',
  'Location',
  'Card',
  'MergedForward',
  'Custom',
]

/** Search over everything that was said, or one session. */
export function MessagesPage({ id }: { id?: string }) {
  return id === undefined ? <MessageSearch /> : <SessionView sessionId={id} />
}

interface Filter {
  words: string
  from: string
  sessionId: string
  contentKind: string
  sinceAt: string
  beforeAt: string
}

const NO_FILTER: Filter = { words: '', from: '', sessionId: '', contentKind: '', sinceAt: '', beforeAt: '' }

function MessageSearch() {
  const t = useText()
  const [filter, setFilter] = useState(NO_FILTER)
  // Whoever searches again for the same wants to know what has come since.
  const [asked, setAsked] = useState<{ filter: Filter; times: number }>()
  const field = (name: keyof Filter) => ({
    value: filter[name],
    onChange: (event: { currentTarget: { value: string } }) => {
      const { value } = event.currentTarget
      setFilter(before => ({ ...before, [name]: value }))
    },
  })
  const search = (event: FormEvent) => {
    event.preventDefault()
    setAsked(before => ({ filter, times: (before?.times ?? 0) + 1 }))
  }
  const isEmpty = filter.words.trim() === '' && filter.from.trim() === '' && filter.contentKind === ''
  return (
    <>
      <PageHead title={t('messages')} text={t('messagesText')}>
        <OpenSession />
      </PageHead>
      <Panel>
        <form onSubmit={search} className="filter">
          <TextInput className="wide" label={t('words')} description={t('wordsHint')} {...field('words')} />
          <TextInput label={t('sender')} {...field('from')} />
          <TextInput label={t('sessionId')} placeholder="s:alice:bob" {...field('sessionId')} />
          <NativeSelect
            label={t('kind')}
            data={[{ value: '', label: t('anyKind') }, ...KINDS]}
            {...field('contentKind')}
          />
          <TextInput type="datetime-local" label={t('from')} {...field('sinceAt')} />
          <TextInput type="datetime-local" label={t('until')} {...field('beforeAt')} />
          <Button type="submit" disabled={isEmpty}>
            {t('search')}
          </Button>
        </form>
      </Panel>
      {asked === undefined ? (
        <Notice icon={IconMessageSearch} title={t('searchFirst')} text={t('searchFirstHint')} />
      ) : (
        <Found key={asked.times} filter={asked.filter} />
      )}
    </>
  )
}

function OpenSession() {
  const t = useText()
  const [text, setText] = useState('')
  const open = (event: FormEvent) => {
    event.preventDefault()
    const sessionId = text.trim()
    if (isSessionId(sessionId)) goTo({ place: 'messages', id: sessionId })
  }
  return (
    <form onSubmit={open} className="find">
      <TextInput
        aria-label={t('openSession')}
        placeholder="s:alice:bob, g:team"
        value={text}
        error={text !== '' && !isSessionId(text.trim())}
        onChange={event => setText(event.currentTarget.value)}
      />
      <Button type="submit" variant="default" disabled={!isSessionId(text.trim())}>
        {t('open')}
      </Button>
    </form>
  )
}

/** What the fields of the form ask of the server; times are of the operator's own place. */
export function queryOf({ words, from, sessionId, contentKind, sinceAt, beforeAt }: Filter) {
  return {
    words: words.trim(),
    from: from.trim(),
    sessionId: sessionId.trim(),
    contentKind,
    ...(sinceAt === '' ? {} : { sinceAt: new Date(sinceAt).getTime() }),
    ...(beforeAt === '' ? {} : { beforeAt: new Date(beforeAt).getTime() }),
  }
}

function Found({ filter }: { filter: Filter }) {
  const t = useText()
  const api = useApi()
  const asked = usePages(`search ${JSON.stringify(filter)}`, async cursor => {
    const { events, cursor: next } = await api.get<{ events: EventFrame[]; cursor?: string }>('/v1/search', {
      query: { ...queryOf(filter), limit: PAGE, cursor },
    })
    return { rows: events, next }
  })
  return (
    <AskedPane of={asked}>
      {({ rows }) =>
        rows.length === 0 ? (
          <Notice icon={IconMessageSearch} title={t('nothingFound')} text={t('nothingFoundHint')} />
        ) : (
          <Panel>
            <ul className="plain-list timeline">
              {rows.map(event => (
                <MessageRow key={`${event.sessionId} ${event.seq}`} event={event} hasSession changed={asked.again} />
              ))}
            </ul>
            <Group justify="center">
              <More of={asked} />
            </Group>
          </Panel>
        )
      }
    </AskedPane>
  )
}
