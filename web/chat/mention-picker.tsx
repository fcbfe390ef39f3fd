import { Paper, Text, UnstyledButton } from '@mantine/core'
import type { SessionId, UserId } from '../../client/sdk.ts'
import { useText } from '../app/i18n.ts'
import { useMessenger, useNames } from '../app/messenger-context.ts'
import { Face } from '../parts/face.tsx'

const OFFERED_MAX = 6

/** The mention that is being written before the caret. */
export function mentionAt(text: string, caret: number): { from: number; wanted: string } | undefined {
  const match = /(?:^|\s)@([A-Za-z0-9._-]*)$/.exec(text.slice(0, caret))
  if (match === null) return undefined
  const wanted = match[1]!
  return { from: caret - wanted.length - 1, wanted: wanted.toLowerCase() }
}

interface MentionPickerProps {
  sessionId: SessionId
  wanted: string
  onPick: (userId: UserId | 'all') => void
}

export function MentionPicker({ sessionId, wanted, onPick }: MentionPickerProps) {
  const t = useText()
  const messenger = useMessenger('members', 'profiles')
  const names = useNames()
  const members = messenger.members(sessionId).filter(({ userId }) => {
    const isWanted = `${userId} ${names.member(sessionId, userId)}`.toLowerCase().includes(wanted)
    return userId !== messenger.userId && isWanted
  })
  const me = messenger.lists.knownMember(sessionId, messenger.userId)
  const mayAll = me !== undefined && me.role !== 'member' && 'all'.startsWith(wanted)
  if (members.length === 0 && !mayAll) return null
  return (
    <Paper className="mention-picker" shadow="md" withBorder radius="md" p={4}>
      {mayAll && (
        <UnstyledButton className="person" onClick={() => onPick('all')}>
          <Text fw={600}>@all</Text>
          <Text size="xs" className="quiet">
            {t('everyone')}
          </Text>
        </UnstyledButton>
      )}
      {members.slice(0, OFFERED_MAX).map(({ userId }) => (
        <UnstyledButton key={userId} className="person" onClick={() => onPick(userId)}>
          <Face name={names.member(sessionId, userId)} id={userId} picture={names.avatar(userId)} size={28} />
          <Text fw={600}>{names.member(sessionId, userId)}</Text>
          <Text size="xs" className="quiet">
            {userId}
          </Text>
        </UnstyledButton>
      ))}
    </Paper>
  )
}
