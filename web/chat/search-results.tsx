import { Loader, Text, UnstyledButton } from '@mantine/core'
import { useEffect, useState } from 'react'
import { type EventFrame, portableClock } from '../../client/sdk.ts'
import { useText } from '../app/i18n.ts'
import { type Names, useMessenger } from '../app/messenger-context.ts'
import { goTo } from '../app/route.ts'
import { Face } from '../parts/face.tsx'
import { useLanguage } from '../parts/i18n.ts'
import { shortTime } from '../parts/times.ts'
import { previewLine } from './describe.ts'

const SEARCH_AFTER_MS = 300
const FOUND_MAX = 30

/** Messages that hold the words, the newest first; a click goes to where one stands. */
export function SearchResults({ words, names }: { words: string; names: Names }) {
  const t = useText()
  const language = useLanguage()
  const messenger = useMessenger()
  const found = useFoundMessages(words)
  return (
    <section>
      <Text component="h2" size="xs" fw={700} className="quiet section-title" px="sm" mt="md">
        {t('searchMessages')}
      </Text>
      {found === undefined && <Loader size="sm" m="md" aria-label={t('loading')} />}
      {found?.length === 0 && (
        <Text size="sm" c="dimmed" px="sm">
          {t('noMatch')}
        </Text>
      )}
      <ul className="plain-list">
        {found?.map(event => (
          <li key={`${event.sessionId} ${event.seq}`}>
            <UnstyledButton
              className="session-item"
              onClick={() => goTo({ tab: 'chats', sessionId: event.sessionId, seq: event.seq })}
            >
              <Face
                name={names.session(event.sessionId)}
                id={event.sessionId}
                picture={names.picture(event.sessionId)}
                size={36}
              />
              <span className="session-text">
                <span className="session-line">
                  <Text component="span" size="sm" fw={600} truncate className="grow">
                    {names.session(event.sessionId)}
                  </Text>
                  <Text component="span" size="xs" className="quiet">
                    {shortTime(event.at, language, t)}
                  </Text>
                </span>
                <Text component="span" size="sm" className="quiet" lineClamp={2}>
                  {previewLine(event, messenger.userId, names, t)}
                </Text>
              </span>
            </UnstyledButton>
          </li>
        ))}
      </ul>
    </section>
  )
}

/** Asks the server once the typing pauses; undefined while it is asked. */
function useFoundMessages(words: string): EventFrame[] | undefined {
  const messenger = useMessenger()
  const [found, setFound] = useState<EventFrame[]>()
  useEffect(() => {
    setFound(undefined)
    let isCurrent = true
    const cancel = portableClock.schedule(SEARCH_AFTER_MS, () => {
      const take = (events: EventFrame[]) => isCurrent && setFound(events)
      messenger.ask({ type: 'search', words, limit: FOUND_MAX }).then(
        answer => take(answer.events),
        () => take([]),
      )
    })
    return () => {
      isCurrent = false
      cancel()
    }
  }, [messenger, words])
  return found
}
