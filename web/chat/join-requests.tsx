import { Button, Group, Stack, Text } from '@mantine/core'
import { useCallback, useEffect, useState } from 'react'
import type { SessionId, UserId } from '../../client/sdk.ts'
import { useText } from '../app/i18n.ts'
import { useMessenger, useNames } from '../app/messenger-context.ts'

interface Request {
  userId: UserId
  message?: string
}

/** Who waits to be let in. */
export function JoinRequests({ sessionId }: { sessionId: SessionId }) {
  const t = useText()
  const messenger = useMessenger()
  const names = useNames()
  const [requests, setRequests] = useState<Request[]>([])
  const read = useCallback(() => {
    messenger.ask({ type: 'joinRequests', sessionId }).then(
      answer => setRequests(answer.requests),
      () => {},
    )
  }, [messenger, sessionId])
  useEffect(() => {
    read()
    return messenger.on('event', event => {
      if (event.sessionId === sessionId && event.body.kind === 'JoinRequested') read()
    })
  }, [messenger, read, sessionId])
  const answer = async (userId: UserId, approved: boolean) => {
    setRequests(requests.filter(request => request.userId !== userId))
    await messenger.submit({ type: 'answerJoin', sessionId, userId, approved }).answer
  }
  if (requests.length === 0) return null
  return (
    <Stack gap="xs">
      <Text fw={600} size="sm">
        {t('joinRequests')}
      </Text>
      {requests.map(({ userId, message }) => (
        <Group key={userId} gap="xs" wrap="nowrap">
          <div className="grow">
            <Text truncate>{names.user(userId)}</Text>
            {message !== undefined && (
              <Text size="xs" className="quiet" truncate>
                {message}
              </Text>
            )}
          </div>
          <Button size="compact-sm" onClick={() => void answer(userId, true)}>
            {t('approve')}
          </Button>
          <Button size="compact-sm" variant="default" onClick={() => void answer(userId, false)}>
            {t('refuse')}
          </Button>
        </Group>
      ))}
    </Stack>
  )
}
