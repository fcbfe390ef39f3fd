import { Button, Stack, Text, TextInput } from '@mantine/core'
import { type FormEvent, useState } from 'react'
import { groupSessionId, isGroupId, type SessionId } from '../../schemas/ids.ts'
import type { InviteUse } from '../../schemas/pack.ts'
import { useText } from '../app/i18n.ts'
import { type Invitation, parseInvitation } from '../app/invite.ts'
import { useMessenger } from '../app/messenger-context.ts'
import { goTo } from '../app/route.ts'
import { Dialog } from '../parts/dialog.tsx'
import { useToast } from '../parts/toast.tsx'

/** Joins a group by its id or an invite link, or asks to be let in. */
export function JoinGroupDialog({ invitation, onClose }: { invitation?: Invitation; onClose: () => void }) {
  const t = useText()
  const toast = useToast()
  const messenger = useMessenger()
  const [text, setText] = useState('')
  const [error, setError] = useState('')
  const join = async (sessionId: SessionId, invite?: InviteUse) => {
    const outcome = await messenger.submit({ type: 'joinGroup', sessionId, ...(invite && { invite }) }).answer
    const isIn = outcome.kind === 'Accepted' ? outcome.seq > 0 : outcome.name === 'ALREADY_MEMBER'
    if (outcome.kind === 'Refused' && !isIn) return setError(outcome.reason)
    onClose()
    if (isIn) goTo({ tab: 'chats', sessionId })
    else toast(t('requestSent'))
  }
  const submit = (event: FormEvent) => {
    event.preventDefault()
    const link = invitation ?? parseInvitation(text)
    if (link !== undefined) return void join(link.sessionId, { inviteId: link.inviteId, secret: link.secret })
    const groupId = text.trim().replace(/^g:/, '')
    if (!isGroupId(groupId)) return setError(t('nameInvalid'))
    void join(groupSessionId(groupId))
  }
  return (
    <Dialog onClose={onClose} title={t('joinGroup')}>
      <form onSubmit={submit}>
        <Stack>
          {invitation === undefined ? (
            <TextInput
              label={t('groupIdOrLink')}
              value={text}
              error={error}
              data-autofocus
              onChange={event => setText(event.currentTarget.value)}
            />
          ) : (
            <>
              <Text className="break">{t('invitedTo', { group: invitation.groupName })}</Text>
              {error !== '' && (
                <Text c="red.8" size="sm" role="alert">
                  {error}
                </Text>
              )}
            </>
          )}
          <Button type="submit" disabled={invitation === undefined && text.trim() === ''}>
            {t('join')}
          </Button>
        </Stack>
      </form>
    </Dialog>
  )
}
