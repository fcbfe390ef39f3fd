import { Button, Center, Text } from '@mantine/core'
import { IconMessageOff } from '@tabler/icons-react'
import type { EventFrame } from '../../../schemas/frames.ts'
import { useApi } from '../app/console-context.ts'
import { useText } from '../app/i18n.ts'
import { usePages } from '../app/use-pages.ts'
import { AskedPane, Notice } from '../parts/asked-pane.tsx'
import { BackLink } from '../parts/back-link.tsx'
import { PageHead, Panel } from '../parts/panel.tsx'
import { MessageRow } from './message-row.tsx'

const PAGE = 50

/** A session as the log has it, hidden from nobody; that it was read is noted. The newest events come first. */
export function SessionView({ sessionId }: { sessionId: string }) {
  const t = useText()
  const api = useApi()
  const path = `/v1/moderation/sessions/${encodeURIComponent(sessionId)}/events`
  const asked = usePages(path, async cursor => {
    const { events, more } = await api.get<{ events: EventFrame[]; more: boolean }>(path, {
      query: { beforeSeq: cursor, limit: PAGE },
    })
    const oldest = events[0]
    return { rows: [...events].reverse(), next: more && oldest !== undefined ? String(oldest.seq) : undefined }
  })
  return (
    <>
      <BackLink to={{ place: 'messages' }} text={t('messages')} />
      <PageHead title={sessionId} text={t('sessionNoted')}>
        <Button variant="default" onClick={asked.again} loading={asked.isAsking && asked.answer !== undefined}>
          {t('refresh')}
        </Button>
      </PageHead>
      <AskedPane of={asked}>
        {({ rows, next }) =>
          rows.length === 0 ? (
            <Notice icon={IconMessageOff} title={t('emptySession')} />
          ) : (
            <Panel>
              <ul className="plain-list timeline">
                {rows.map(event => (
                  <MessageRow key={event.seq} event={event} changed={asked.again} />
                ))}
              </ul>
              <Center py="sm">
                {next === undefined ? (
                  <Text size="sm" c="dimmed">
                    {t('beginning')}
                  </Text>
                ) : (
                  <Button variant="default" loading={asked.isAsking} onClick={asked.more}>
                    {t('older')}
                  </Button>
                )}
              </Center>
            </Panel>
          )
        }
      </AskedPane>
    </>
  )
}
