import { ActionIcon, Text } from '@mantine/core'
import { IconArrowLeft, IconInfoCircle } from '@tabler/icons-react'
import { peerOf } from '../../client/logic/fold-people.ts'
import type { SessionId } from '../../client/sdk.ts'
import { useText } from '../app/i18n.ts'
import { useMessenger, useNames } from '../app/messenger-context.ts'
import { goTo } from '../app/route.ts'
import { Face } from '../parts/face.tsx'
import { useLanguage } from '../parts/i18n.ts'
import { shortTime } from '../parts/times.ts'
import { membersText } from './describe.ts'

interface ConversationHeadProps {
  sessionId: SessionId
  isPhone: boolean
  showsDetails: boolean
  onDetails: () => void
}

export function ConversationHead({ sessionId, isPhone, showsDetails, onDetails }: ConversationHeadProps) {
  const t = useText()
  const names = useNames()
  const name = names.session(sessionId)
  return (
    <header className="conversation-head">
      {isPhone && (
        <ActionIcon
          variant="subtle"
          color="gray"
          size="lg"
          aria-label={t('back')}
          onClick={() => goTo({ tab: 'chats' })}
        >
          <IconArrowLeft size={22} />
        </ActionIcon>
      )}
      <Face name={name} id={sessionId} size={40} picture={names.picture(sessionId)} />
      <div className="grow head-text">
        <Text component="h2" fw={700} truncate>
          {name}
        </Text>
        <Text size="xs" className="quiet" truncate>
          <Subtitle sessionId={sessionId} />
        </Text>
      </div>
      <ActionIcon
        variant={showsDetails ? 'light' : 'subtle'}
        color="gray"
        size="lg"
        aria-label={t('chatInfo')}
        aria-expanded={showsDetails}
        onClick={onDetails}
      >
        <IconInfoCircle size={22} />
      </ActionIcon>
    </header>
  )
}

/** Who is typing, else whether they are there, else how many they are. */
function Subtitle({ sessionId }: { sessionId: SessionId }) {
  const t = useText()
  const language = useLanguage()
  const messenger = useMessenger('typing', 'presence', 'groups')
  const names = useNames()
  const typing = messenger.people.typing(sessionId)
  if (typing.length > 0) {
    const text = typing.length > 1 ? t('typingMany') : t('typingOne', { name: names.member(sessionId, typing[0]!) })
    return <span className="accent">{text}</span>
  }
  const peer = peerOf(sessionId, messenger.userId)
  if (peer === undefined) {
    const count = messenger.group(sessionId)?.memberCount
    return count === undefined ? null : membersText(count, t)
  }
  const presence = messenger.people.presence(peer)
  if ((presence?.online.length ?? 0) > 0) return t('online')
  return presence?.lastSeenAt === undefined
    ? peer
    : t('lastSeen', { when: shortTime(presence.lastSeenAt, language, t) })
}
