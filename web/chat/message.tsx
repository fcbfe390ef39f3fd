import { ActionIcon, Menu, Popover, Text, Tooltip, UnstyledButton } from '@mantine/core'
import {
  IconArrowBackUp,
  IconArrowForwardUp,
  IconCheck,
  IconChecks,
  IconCopy,
  IconDots,
  IconEyeOff,
  IconMoodPlus,
  IconPencil,
  IconTrash,
  IconUsers,
} from '@tabler/icons-react'
import { useState } from 'react'
import type { EventFrame } from '../../client/sdk.ts'
import { useText } from '../app/i18n.ts'
import { type Names, useMessenger } from '../app/messenger-context.ts'
import { goTo } from '../app/route.ts'
import { Face } from '../parts/face.tsx'
import { useLanguage } from '../parts/i18n.ts'
import { clockTime } from '../parts/times.ts'
import { useToast } from '../parts/toast.tsx'
import { goneLine } from './describe.ts'
import { QUICK_EMOJI } from './emoji.ts'
import { MessageContent } from './message-content.tsx'
import type { MessageActions } from './message-list.tsx'
import { Quote } from './quote.tsx'
import { Readers } from './readers.tsx'

interface MessageProps extends MessageActions {
  event: EventFrame
  isFirst: boolean
  isLast: boolean
  isShown: boolean
  names: Names
}

export function Message(props: MessageProps) {
  const { event, isFirst, isLast, isShown, names } = props
  const t = useText()
  const messenger = useMessenger('sessions')
  const { body, from, sessionId } = event
  if (body.kind !== 'MessageAccepted') return null
  const isMine = from === messenger.userId
  if (body.content.kind === 'Removed')
    return <div className="line-event">{goneLine(event, messenger.userId, names, t)}</div>
  const isGroup = sessionId.startsWith('g:')
  const { extra } = body
  return (
    <article className="message" data-mine={isMine} data-first={isFirst} data-last={isLast} data-shown={isShown}>
      {isGroup && !isMine && (
        <div className="message-face">
          {isLast && <Face name={names.member(sessionId, from)} id={from} picture={names.avatar(from)} size={32} />}
        </div>
      )}
      <div className="message-body">
        <div className="bubble">
          {isGroup && !isMine && isFirst && (
            <Text size="xs" fw={700} className="sender">
              {names.member(sessionId, from)}
            </Text>
          )}
          {extra?.forward !== undefined && (
            <Text size="xs" className="forwarded">
              <IconArrowForwardUp size={12} aria-hidden /> {t('forwarded', { name: names.user(extra.forward.from) })}
            </Text>
          )}
          {extra?.quote !== undefined && <Quote sessionId={sessionId} quote={extra.quote} names={names} />}
          <MessageContent content={body.content} names={names} mentions={extra?.mentions ?? []} place={event} />
          <MessageFoot event={event} isMine={isMine} />
        </div>
        <Reactions event={event} names={names} />
      </div>
      <MessageTools {...props} isMine={isMine} />
    </article>
  )
}

/** Time, edits, and how far an own message has come. */
function MessageFoot({ event, isMine }: { event: EventFrame; isMine: boolean }) {
  const t = useText()
  const language = useLanguage()
  const messenger = useMessenger('sessions')
  const row = messenger.session(event.sessionId)
  const isSingle = event.sessionId.startsWith('s:')
  const isRead = (row?.peerReadSeq ?? 0) >= event.seq
  const isThere = isRead || (row?.peerDeliveredSeq ?? 0) >= event.seq
  const label = isRead ? t('read') : isThere ? t('delivered') : t('sent')
  const Icon = isThere ? IconChecks : IconCheck
  return (
    <span className="message-foot">
      {event.state?.change === 'edited' && <span>{t('edited')}</span>}
      <time dateTime={new Date(event.at).toISOString()}>{clockTime(event.at, language)}</time>
      {isMine && isSingle && (
        <span role="img" aria-label={label} title={label} data-read={isRead}>
          <Icon size={15} aria-hidden />
        </span>
      )}
    </span>
  )
}

function Reactions({ event, names }: { event: EventFrame; names: Names }) {
  const messenger = useMessenger()
  const { reactions, sessionId } = event
  if (reactions === undefined) return null
  return (
    <div className="reactions">
      {reactions.map(({ emoji, count, userIds }) => {
        const isMine = userIds.includes(messenger.userId)
        const toggle = () => {
          const type = isMine ? 'removeReaction' : 'addReaction'
          messenger.submit({ type, sessionId, target: messenger.target(event), emoji })
        }
        return (
          <Tooltip key={emoji} label={userIds.map(userId => names.member(sessionId, userId)).join(', ')} withArrow>
            <UnstyledButton className="reaction" data-mine={isMine} aria-pressed={isMine} onClick={toggle}>
              {emoji} <span>{count}</span>
            </UnstyledButton>
          </Tooltip>
        )
      })}
    </div>
  )
}

function MessageTools(props: MessageProps & { isMine: boolean }) {
  const { event, isMine, onReply, onEdit, onForward } = props
  const t = useText()
  const toast = useToast()
  const messenger = useMessenger('groups', 'members')
  const [isReacting, setReacting] = useState(false)
  const [showsReaders, setShowsReaders] = useState(false)
  const { sessionId, body, seq } = event
  const target = messenger.target(event)
  const content = body.kind === 'MessageAccepted' ? body.content : undefined
  const text = content?.kind === 'Text' || content?.kind === 'Markdown' ? content.text : undefined
  const role = messenger.lists.knownMember(sessionId, messenger.userId)?.role ?? messenger.group(sessionId)?.me?.role
  const mayTakeBack = isMine || role === 'owner' || role === 'admin'
  const react = (emoji: string) => {
    setReacting(false)
    messenger.submit({ type: 'addReaction', sessionId, target, emoji })
  }
  const copy = async () => {
    await navigator.clipboard.writeText(text ?? '')
    toast(t('copied'))
  }
  return (
    <div className="message-tools">
      <Popover opened={isReacting} onChange={setReacting} position="top" withinPortal trapFocus>
        <Popover.Target>
          <ActionIcon
            variant="subtle"
            color="gray"
            size="md"
            aria-label={t('react')}
            onClick={() => setReacting(!isReacting)}
          >
            <IconMoodPlus size={18} />
          </ActionIcon>
        </Popover.Target>
        <Popover.Dropdown p={4} className="quick-emoji">
          {QUICK_EMOJI.map(emoji => (
            <UnstyledButton key={emoji} className="emoji" aria-label={emoji} onClick={() => react(emoji)}>
              {emoji}
            </UnstyledButton>
          ))}
        </Popover.Dropdown>
      </Popover>
      <ActionIcon variant="subtle" color="gray" size="md" aria-label={t('reply')} onClick={() => onReply(event)}>
        <IconArrowBackUp size={18} />
      </ActionIcon>
      <Menu position="bottom-end" withinPortal>
        <Menu.Target>
          <ActionIcon variant="subtle" color="gray" size="md" aria-label={t('moreActions')}>
            <IconDots size={18} />
          </ActionIcon>
        </Menu.Target>
        <Menu.Dropdown>
          <Menu.Item leftSection={<IconArrowForwardUp size={16} />} onClick={() => onForward(event)}>
            {t('forward')}
          </Menu.Item>
          {text !== undefined && (
            <Menu.Item leftSection={<IconCopy size={16} />} onClick={() => void copy()}>
              {t('copy')}
            </Menu.Item>
          )}
          {isMine && text !== undefined && (
            <Menu.Item leftSection={<IconPencil size={16} />} onClick={() => onEdit(event)}>
              {t('edit')}
            </Menu.Item>
          )}
          {isMine && sessionId.startsWith('g:') && (
            <Menu.Item leftSection={<IconUsers size={16} />} onClick={() => setShowsReaders(true)}>
              {t('readers')}
            </Menu.Item>
          )}
          <Menu.Divider />
          {mayTakeBack && (
            <Menu.Item
              leftSection={<IconArrowBackUp size={16} />}
              onClick={() => messenger.submit({ type: 'revoke', sessionId, target })}
            >
              {t('revoke')}
            </Menu.Item>
          )}
          {mayTakeBack && (
            <Menu.Item
              color="red.8"
              leftSection={<IconTrash size={16} />}
              onClick={() => messenger.submit({ type: 'deleteForAll', sessionId, target })}
            >
              {t('deleteForAll')}
            </Menu.Item>
          )}
          <Menu.Item
            leftSection={<IconEyeOff size={16} />}
            onClick={() => messenger.submit({ type: 'deleteForMe', sessionId, targets: [target] })}
          >
            {t('deleteForMe')}
          </Menu.Item>
          <Menu.Item onClick={() => goTo({ tab: 'chats', sessionId, seq })} className="seq">
            #{seq}
          </Menu.Item>
        </Menu.Dropdown>
      </Menu>
      {showsReaders && <Readers event={event} onClose={() => setShowsReaders(false)} />}
    </div>
  )
}
