import { Badge, Text, UnstyledButton } from '@mantine/core'
import { IconBellOff, IconPinFilled } from '@tabler/icons-react'
import { useEffect } from 'react'
import { peerOf } from '../../client/logic/fold-people.ts'
import type { SessionRow } from '../../client/sdk.ts'
import { useText } from '../app/i18n.ts'
import { type Names, useMessenger } from '../app/messenger-context.ts'
import { goTo } from '../app/route.ts'
import { Face } from '../parts/face.tsx'
import { useLanguage } from '../parts/i18n.ts'
import { shortTime } from '../parts/times.ts'
import { previewLine } from './describe.ts'

const COUNT_MAX = 99

interface SessionItemProps {
  row: SessionRow
  isSelected: boolean
  names: Names
}

export function SessionItem({ row, isSelected, names }: SessionItemProps) {
  const t = useText()
  const language = useLanguage()
  const messenger = useMessenger('typing', 'presence')
  const { sessionId, unread, mentions, attributes } = row
  const name = names.session(sessionId)
  const peer = peerOf(sessionId, messenger.userId)
  useEffect(() => {
    if (peer !== undefined) messenger.people.watchPresence([peer])
  }, [messenger, peer])
  const isOnline = peer !== undefined && (messenger.people.presence(peer)?.online.length ?? 0) > 0
  const typing = messenger.people.typing(sessionId)
  const line = attributes?.draft && !isSelected ? attributes.draft : previewLine(row.last, messenger.userId, names, t)
  const isMuted = attributes?.notify === 'none'
  return (
    <li>
      <UnstyledButton
        className="session-item"
        aria-current={isSelected ? 'true' : undefined}
        onClick={() => goTo({ tab: 'chats', sessionId })}
      >
        <Face name={name} id={sessionId} isOnline={isOnline} picture={names.picture(sessionId)} />
        <span className="session-text">
          <span className="session-line">
            <Text component="span" fw={unread > 0 ? 700 : 600} truncate className="grow">
              {name}
            </Text>
            {attributes?.pinned && <IconPinFilled size={14} className="quiet" aria-label={t('pin')} />}
            {isMuted && <IconBellOff size={14} className="quiet" aria-label={t('mute')} />}
            <Text component="span" size="xs" className="quiet">
              {shortTime(row.at, language, t)}
            </Text>
          </span>
          <span className="session-line">
            {typing.length > 0 ? (
              <Text component="span" size="sm" truncate className="grow accent">
                {typing.length > 1 ? t('typingMany') : t('typingOne', { name: names.member(sessionId, typing[0]!) })}
              </Text>
            ) : (
              <Text component="span" size="sm" truncate className="grow quiet">
                {attributes?.draft && !isSelected && <span className="draft">{t('draft')}: </span>}
                {line}
              </Text>
            )}
            {(mentions ?? 0) > 0 && (
              <Badge size="sm" color="red.8" circle aria-label={t('mentionYou')}>
                @
              </Badge>
            )}
            {unread > 0 && (
              <Badge size="md" variant="filled" color={isMuted ? 'gray.7' : 'indigo.7'} className="count">
                {unread > COUNT_MAX ? `${COUNT_MAX}+` : unread}
              </Badge>
            )}
          </span>
        </span>
      </UnstyledButton>
    </li>
  )
}
