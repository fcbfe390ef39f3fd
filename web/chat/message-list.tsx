import { ActionIcon, Indicator, Loader, Text } from '@mantine/core'
import { IconArrowDown, IconAt } from '@tabler/icons-react'
import { type RefObject, useEffect, useLayoutEffect, useRef, useState } from 'react'
import { Virtualizer, type VirtualizerHandle } from 'virtua'
import type { Conversation, EventFrame, Seq } from '../../client/sdk.ts'
import { useText } from '../app/i18n.ts'
import { type Names, useMessenger } from '../app/messenger-context.ts'
import { useLanguage } from '../parts/i18n.ts'
import { dayName } from '../parts/times.ts'
import { eventLine } from './describe.ts'
import { Message } from './message.tsx'
import { PendingMessage } from './pending-message.tsx'
import { type TimelineItem, timelineItems } from './timeline-items.ts'

/** Older or newer events are loaded when less than this is left in that direction, px. */
const LOAD_WITHIN_PX = 600
/** Nearer to the end than this counts as being there, px. */
const END_WITHIN_PX = 80

export interface MessageActions {
  onReply(event: EventFrame): void
  onEdit(event: EventFrame): void
  onForward(event: EventFrame): void
}

interface MessageListProps extends MessageActions {
  conversation: Conversation
  names: Names
  /** A message that was linked to. */
  shownSeq: Seq | undefined
}

/** The messages of a window; only those in sight are in the page. */
export function MessageList({ conversation, names, shownSeq, ...actions }: MessageListProps) {
  const t = useText()
  const messenger = useMessenger('sessions', 'profiles', 'members')
  const row = messenger.session(conversation.sessionId)
  const { view } = conversation
  const list = useRef<VirtualizerHandle>(null)
  const scroller = useRef<HTMLDivElement>(null)
  const [isFollowing, setFollowing] = useState(shownSeq === undefined)
  const newAfter = useNewAfter(conversation)
  const items = timelineItems(view, newAfter)
  const isPrepend = useIsPrepend(items)
  const last = items.length - 1
  const lastKey = items[last]?.key
  const wanted = shownSeq === undefined ? -1 : items.findIndex(item => 'event' in item && item.event.seq === shownSeq)
  const hasShown = useRef<Seq>(undefined)
  // biome-ignore lint/correctness/useExhaustiveDependencies: another last item is to be shown as well
  useLayoutEffect(() => {
    if (wanted >= 0 && hasShown.current !== shownSeq) {
      hasShown.current = shownSeq
      list.current?.scrollToIndex(wanted, { align: 'center' })
    } else if (isFollowing && last >= 0) list.current?.scrollToIndex(last, { align: 'end' })
  }, [isFollowing, last, wanted, shownSeq, lastKey])
  useMarkRead(conversation, isFollowing)
  useStayAtEnd(scroller, isFollowing)
  const scrolled = (offset: number) => {
    const handle = list.current
    if (handle === null) return
    const left = handle.scrollSize - offset - handle.viewportSize
    loadAround(conversation, { before: offset, after: left })
    setFollowing(left < END_WITHIN_PX && view.isAtEnd)
  }
  // What was loaded may leave the place where it is, at the very edge: nothing scrolls then, and more is wanted still.
  // biome-ignore lint/correctness/useExhaustiveDependencies: each view is looked at once
  useEffect(() => {
    const handle = list.current
    if (handle === null || (isFollowing && handle.scrollSize > handle.viewportSize)) return
    const { scrollOffset, scrollSize, viewportSize } = handle
    loadAround(conversation, { before: scrollOffset, after: scrollSize - scrollOffset - viewportSize })
  }, [view])
  const toEnd = async () => {
    await conversation.jumpToEnd()
    setFollowing(true)
    list.current?.scrollToIndex(timelineItems(conversation.view, newAfter).length - 1, { align: 'end' })
  }
  const isFresh = items.length === 0 && !view.hasOlder
  return (
    <div className="messages" role="log" aria-label={names.session(conversation.sessionId)} aria-busy={view.isLoading}>
      {view.isLoading && (
        <div className="messages-loading">
          <Loader size="sm" aria-label={t('loadingOlder')} />
        </div>
      )}
      {isFresh && !view.isLoading && (
        <Text className="messages-empty" c="dimmed" size="sm">
          {t('historyBegins')}
        </Text>
      )}
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: whoever has no pointer scrolls with the keys */}
      <div ref={scroller} className="messages-scroll" tabIndex={0}>
        <div className="grow" />
        <Virtualizer ref={list} scrollRef={scroller} shift={isPrepend} onScroll={scrolled}>
          {items.map(item => (
            <TimelineRow
              key={item.key}
              item={item}
              names={names}
              isShown={'event' in item && item.event.seq === shownSeq}
              {...actions}
            />
          ))}
        </Virtualizer>
      </div>
      {(!isFollowing || !view.isAtEnd) && items.length > 0 && (
        <div className="to-end">
          {row?.firstMentionSeq !== undefined && (
            <ActionIcon
              size="xl"
              radius="xl"
              variant="default"
              aria-label={t('toMention')}
              onClick={() => void conversation.jumpTo(row.firstMentionSeq!)}
            >
              <IconAt size={20} />
            </ActionIcon>
          )}
          <Indicator label={row?.unread} size={18} disabled={(row?.unread ?? 0) === 0} color="indigo.7">
            <ActionIcon size="xl" radius="xl" variant="default" aria-label={t('toNewest')} onClick={() => void toEnd()}>
              <IconArrowDown size={20} />
            </ActionIcon>
          </Indicator>
        </div>
      )}
    </div>
  )
}

/** Loads what is near to sight; `before` and `after` are px that are there already. */
function loadAround(conversation: Conversation, { before, after }: { before: number; after: number }): void {
  const { hasOlder, isAtEnd, isLoading } = conversation.view
  if (isLoading) return
  if (before < LOAD_WITHIN_PX && hasOlder) void conversation.loadOlder()
  else if (after < LOAD_WITHIN_PX && !isAtEnd) void conversation.loadNewer()
}

interface TimelineRowProps extends MessageActions {
  item: TimelineItem
  names: Names
  isShown: boolean
}

function TimelineRow({ item, names, isShown, ...actions }: TimelineRowProps) {
  const t = useText()
  const language = useLanguage()
  switch (item.kind) {
    case 'day':
      return <div className="line-between">{dayName(item.at, language, t)}</div>
    case 'unread':
      return <div className="line-unread">{t('newMessages')}</div>
    case 'event':
      return <div className="line-event">{eventLine(item.event, names, t)}</div>
    case 'message':
      return (
        <Message
          event={item.event}
          isFirst={item.isFirst}
          isLast={item.isLast}
          isShown={isShown}
          names={names}
          {...actions}
        />
      )
    case 'pending':
      return <PendingMessage row={item.row} />
  }
}

/** Where the new messages began when the conversation was opened. */
function useNewAfter(conversation: Conversation): Seq | undefined {
  const messenger = useMessenger()
  const [seq] = useState(() => {
    const row = messenger.session(conversation.sessionId)
    return row !== undefined && row.unread > 0 ? row.readSeq : undefined
  })
  return seq
}

/** True where the list has grown at its beginning: what is in sight must stay where it is. */
function useIsPrepend(items: readonly TimelineItem[]): boolean {
  const before = useRef<{ first: string | undefined; last: string | undefined }>({ first: undefined, last: undefined })
  const first = items.find(item => item.kind !== 'day')?.key
  const last = items.at(-1)?.key
  const isPrepend = before.current.first !== undefined && before.current.first !== first && before.current.last === last
  useLayoutEffect(() => {
    before.current = { first, last }
  })
  return isPrepend
}

/** Keeps the end in sight while the list, or what it holds, changes its size: a panel opens, a picture is there. */
function useStayAtEnd(scroller: RefObject<HTMLDivElement | null>, isFollowing: boolean): void {
  const follows = useRef(isFollowing)
  follows.current = isFollowing
  useEffect(() => {
    const element = scroller.current
    if (element === null) return
    const observer = new ResizeObserver(() => {
      if (follows.current) element.scrollTop = element.scrollHeight
    })
    for (const watched of [element, ...element.children]) observer.observe(watched)
    return () => observer.disconnect()
  }, [scroller])
}

/** What stands in sight at the end is read, as long as somebody looks. */
function useMarkRead(conversation: Conversation, isFollowing: boolean): void {
  const messenger = useMessenger('sessions')
  const [isLooking, setLooking] = useState(() => document.visibilityState === 'visible')
  useEffect(() => {
    const look = () => setLooking(document.visibilityState === 'visible')
    document.addEventListener('visibilitychange', look)
    return () => document.removeEventListener('visibilitychange', look)
  }, [])
  const row = messenger.session(conversation.sessionId)
  const seq = conversation.view.events.at(-1)?.seq ?? 0
  const mayRead = isLooking && isFollowing && conversation.view.isAtEnd && row !== undefined && seq > row.readSeq
  useEffect(() => {
    if (mayRead) messenger.markRead(conversation.sessionId, seq)
  }, [mayRead, messenger, conversation, seq])
}
