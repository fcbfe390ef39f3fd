import { Text, UnstyledButton } from '@mantine/core'
import type { EventFrame, PackId, Seq, SessionId, UserId } from '../../client/sdk.ts'
import { useText } from '../app/i18n.ts'
import { type Names, useMessenger } from '../app/messenger-context.ts'
import { goTo } from '../app/route.ts'
import { contentLine, goneLine } from './describe.ts'

interface QuoteProps {
  sessionId: SessionId
  quote: { seq: Seq; packId: PackId; from?: UserId }
  names: Names
}

/** The message that is answered, as it is now; a click goes there. */
export function Quote({ sessionId, quote, names }: QuoteProps) {
  const t = useText()
  const messenger = useMessenger('sessions')
  const event = messenger.open(sessionId).view.events.find(({ seq }) => seq === quote.seq)
  const from = quote.from ?? event?.from
  return (
    <UnstyledButton className="quote" onClick={() => goTo({ tab: 'chats', sessionId, seq: quote.seq })}>
      {from !== undefined && (
        <Text component="span" size="xs" fw={700} truncate>
          {names.member(sessionId, from)}
        </Text>
      )}
      <Text component="span" size="xs" truncate>
        {event === undefined ? t('messageUnavailable') : quoteLine(event, messenger.userId, names, t)}
      </Text>
    </UnstyledButton>
  )
}

export function quoteLine(event: EventFrame, me: UserId, names: Names, t: ReturnType<typeof useText>): string {
  if (event.body.kind !== 'MessageAccepted') return ''
  const { content } = event.body
  return content.kind === 'Removed' ? goneLine(event, me, names, t) : contentLine(content, t)
}
