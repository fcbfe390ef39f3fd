import { Text, UnstyledButton } from '@mantine/core'
import type { EventFrame, SessionId } from '../../client/sdk.ts'
import { useText } from '../app/i18n.ts'
import { useMessenger, useNames } from '../app/messenger-context.ts'
import { goTo } from '../app/route.ts'
import { Dialog } from '../parts/dialog.tsx'
import { Face } from '../parts/face.tsx'

/** Sends a message on to another session; the server checks that it may be read. */
export function ForwardDialog({ event, onClose }: { event: EventFrame; onClose: () => void }) {
  const t = useText()
  const messenger = useMessenger('sessions')
  const names = useNames()
  const sessions = messenger.sessions().filter(({ sessionId, isOut }) => !sessionId.startsWith('b:') && !isOut)
  const pick = (sessionId: SessionId) => {
    const { body, seq, packId } = event
    if (body.kind === 'MessageAccepted') {
      messenger.send(sessionId, body.content, { forward: { sessionId: event.sessionId, seq, packId } })
    }
    onClose()
    goTo({ tab: 'chats', sessionId })
  }
  return (
    <Dialog onClose={onClose} title={t('forwardTo')}>
      <ul className="plain-list">
        {sessions.map(({ sessionId }) => (
          <li key={sessionId}>
            <UnstyledButton className="person" onClick={() => pick(sessionId)}>
              <Face name={names.session(sessionId)} id={sessionId} picture={names.picture(sessionId)} size={36} />
              <Text fw={600}>{names.session(sessionId)}</Text>
            </UnstyledButton>
          </li>
        ))}
      </ul>
    </Dialog>
  )
}
