import { ActionIcon, CloseButton, FileButton, Popover, Text, Textarea, UnstyledButton } from '@mantine/core'
import { IconArrowBackUp, IconMoodSmile, IconPaperclip, IconPencil, IconSend2 } from '@tabler/icons-react'
import { type KeyboardEvent, useEffect, useRef, useState } from 'react'
import type { EventFrame, SendExtra, SessionId, UserId } from '../../client/sdk.ts'
import { useText } from '../app/i18n.ts'
import { useMessenger, useNames } from '../app/messenger-context.ts'
import { EMOJI_GROUPS } from './emoji.ts'
import { MentionPicker, mentionAt } from './mention-picker.tsx'
import { quoteLine } from './quote.tsx'

/** What the next text is for, besides being said. */
export interface Intent {
  kind: 'reply' | 'edit'
  event: EventFrame
}

interface ComposerProps {
  sessionId: SessionId
  intent: Intent | undefined
  onDone: () => void
  onFiles: (files: readonly File[]) => void
  isPhone: boolean
}

/** The server keeps drafts of at most so many characters for other devices. */
const DRAFT_MAX = 500

export function Composer({ sessionId, intent, onDone, onFiles, isPhone }: ComposerProps) {
  const t = useText()
  const messenger = useMessenger('members')
  const names = useNames()
  const [text, setText] = useState(() => startText(intent, messenger.session(sessionId)?.attributes?.draft))
  const [caret, setCaret] = useState(0)
  const field = useRef<HTMLTextAreaElement>(null)
  useDraft(sessionId, intent === undefined ? text : undefined)
  useEffect(() => {
    if (!isPhone || intent !== undefined) field.current?.focus()
  }, [isPhone, intent])
  const mention = sessionId.startsWith('g:') ? mentionAt(text, caret) : undefined
  const change = (changed: string, at: number) => {
    setText(changed)
    setCaret(at)
    if (changed !== '') messenger.people.sayTyping(sessionId, true)
  }
  const insert = (inserted: string, from = field.current?.selectionStart ?? text.length) => {
    const to = field.current?.selectionEnd ?? from
    change(text.slice(0, from) + inserted + text.slice(to), from + inserted.length)
    field.current?.focus()
  }
  const submit = () => {
    const content = { kind: 'Text', text: text.trim() } as const
    if (content.text === '') return
    const members = messenger.lists.membersOf(sessionId).map(({ userId }) => userId)
    const extra = extraOf(content.text, sessionId.startsWith('g:') ? members : [], intent)
    if (intent?.kind === 'edit')
      messenger.submit({
        type: 'override',
        sessionId,
        target: messenger.target(intent.event),
        content,
        ...(extra && { extra }),
      })
    else messenger.send(sessionId, content, extra)
    setText('')
    onDone()
  }
  const pressed = (event: KeyboardEvent) => {
    if (event.key === 'Escape' && intent !== undefined) onDone()
    // On a phone the key makes a new line; while a word is composed it chooses the word.
    if (event.key !== 'Enter' || event.shiftKey || event.nativeEvent.isComposing || isPhone || mention !== undefined)
      return
    event.preventDefault()
    submit()
  }
  const picked = (userId: UserId | 'all') => {
    if (mention === undefined) return
    const before = `${text.slice(0, mention.from)}@${userId} `
    change(before + text.slice(caret), before.length)
    field.current?.focus()
  }
  return (
    <div className="composer">
      {intent !== undefined && (
        <div className="intent">
          {intent.kind === 'edit' ? <IconPencil size={18} aria-hidden /> : <IconArrowBackUp size={18} aria-hidden />}
          <div className="grow intent-text">
            <Text size="xs" fw={700}>
              {intent.kind === 'edit'
                ? t('editing')
                : t('replyTo', { name: names.member(sessionId, intent.event.from) })}
            </Text>
            <Text size="xs" truncate>
              {quoteLine(intent.event, messenger.userId, names, t)}
            </Text>
          </div>
          <CloseButton aria-label={t('cancel')} onClick={onDone} />
        </div>
      )}
      {mention !== undefined && <MentionPicker sessionId={sessionId} wanted={mention.wanted} onPick={picked} />}
      <div className="composer-row">
        <EmojiButton onPick={insert} />
        <FileButton multiple onChange={onFiles}>
          {({ onClick }) => (
            <ActionIcon variant="subtle" color="gray" size={42} radius="xl" aria-label={t('attach')} onClick={onClick}>
              <IconPaperclip size={24} />
            </ActionIcon>
          )}
        </FileButton>
        <Textarea
          ref={field}
          className="grow"
          autosize
          minRows={1}
          maxRows={8}
          radius="xl"
          size="md"
          value={text}
          placeholder={t('writeMessage')}
          aria-label={t('writeMessage')}
          onChange={event => change(event.currentTarget.value, event.currentTarget.selectionStart)}
          onSelect={event => setCaret(event.currentTarget.selectionStart)}
          onKeyDown={pressed}
          onPaste={event => {
            const files = [...event.clipboardData.files]
            if (files.length === 0) return
            event.preventDefault()
            onFiles(files)
          }}
        />
        <ActionIcon size={42} radius="xl" aria-label={t('send')} disabled={text.trim() === ''} onClick={submit}>
          <IconSend2 size={20} />
        </ActionIcon>
      </div>
    </div>
  )
}

function startText(intent: Intent | undefined, draft: string | undefined): string {
  if (intent?.kind !== 'edit') return draft ?? ''
  const { body } = intent.event
  const content = body.kind === 'MessageAccepted' ? body.content : undefined
  return content?.kind === 'Text' || content?.kind === 'Markdown' ? content.text : ''
}

/** Whom a text names, and what it answers. */
function extraOf(text: string, members: readonly UserId[], intent: Intent | undefined): SendExtra | undefined {
  const named = new Set([...text.matchAll(/@([A-Za-z0-9._-]+)/g)].map(match => match[1]))
  const mentions = members.filter(userId => named.has(userId))
  const quoted = intent?.kind === 'reply' ? intent.event : undefined
  const kept =
    intent?.kind === 'edit' && intent.event.body.kind === 'MessageAccepted' ? intent.event.body.extra?.quote : undefined
  const quote = quoted === undefined ? kept : { seq: quoted.seq, packId: quoted.packId, from: quoted.from }
  const extra: SendExtra = {
    ...(mentions.length > 0 && { mentions }),
    ...(named.has('all') && members.length > 0 && { mentionsAll: true }),
    ...(quote !== undefined && { quote }),
  }
  return Object.keys(extra).length === 0 ? undefined : extra
}

/** Keeps what was begun, also for the user's other devices, when the conversation is left. */
function useDraft(sessionId: SessionId, text: string | undefined): void {
  const messenger = useMessenger()
  const latest = useRef(text)
  latest.current = text
  useEffect(
    () => () => {
      const kept = messenger.session(sessionId)
      if (latest.current === undefined || kept === undefined) return
      const draft = latest.current.trim().slice(0, DRAFT_MAX)
      if (draft !== (kept.attributes?.draft ?? ''))
        messenger.submit({ type: 'setSessionAttributes', sessionId, attributes: { draft } })
    },
    [messenger, sessionId],
  )
}

function EmojiButton({ onPick }: { onPick: (emoji: string) => void }) {
  const t = useText()
  const [isOpen, setOpen] = useState(false)
  return (
    <Popover opened={isOpen} onChange={setOpen} position="top-start" trapFocus>
      <Popover.Target>
        <ActionIcon
          variant="subtle"
          color="gray"
          size={42}
          radius="xl"
          aria-label={t('emoji')}
          aria-expanded={isOpen}
          onClick={() => setOpen(!isOpen)}
        >
          <IconMoodSmile size={24} />
        </ActionIcon>
      </Popover.Target>
      <Popover.Dropdown className="emoji-picker">
        {EMOJI_GROUPS.map(group => (
          <div key={group[0]} className="emoji-group">
            {group.map(emoji => (
              <UnstyledButton key={emoji} className="emoji" aria-label={emoji} onClick={() => onPick(emoji)}>
                {emoji}
              </UnstyledButton>
            ))}
          </div>
        ))}
      </Popover.Dropdown>
    </Popover>
  )
}
