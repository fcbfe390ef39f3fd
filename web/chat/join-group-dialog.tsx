import { Button, Modal, Stack, TextInput } from '@mantine/core'
import { type FormEvent, useState } from 'react'
import { groupSessionId, isGroupId } from '../../schemas/ids.ts'
import { useText } from '../app/i18n.ts'
import { useMessenger } from '../app/messenger-context.ts'
import { goTo } from '../app/route.ts'
import { useToast } from '../parts/toast.tsx'

/** Joins a group by its id, or asks to be let in. */
export function JoinGroupDialog({ onClose }: { onClose: () => void }) {
  const t = useText()
  const toast = useToast()
  const messenger = useMessenger()
  const [text, setText] = useState('')
  const [error, setError] = useState('')
  const submit = async (event: FormEvent) => {
    event.preventDefault()
    const groupId = text.trim().replace(/^g:/, '')
    if (!isGroupId(groupId)) return setError(t('nameInvalid'))
    const sessionId = groupSessionId(groupId)
    const outcome = await messenger.submit({ type: 'joinGroup', sessionId }).answer
    if (outcome.kind === 'Refused') return setError(outcome.reason)
    onClose()
    if (outcome.seq === 0) toast(t('requestSent'))
    else goTo({ tab: 'chats', sessionId })
  }
  return (
    <Modal opened onClose={onClose} title={t('joinGroup')} closeButtonProps={{ 'aria-label': t('close') }}>
      <form onSubmit={submit}>
        <Stack>
          <TextInput
            label={t('groupId')}
            value={text}
            error={error}
            data-autofocus
            onChange={event => setText(event.currentTarget.value)}
          />
          <Button type="submit" disabled={text.trim() === ''}>
            {t('join')}
          </Button>
        </Stack>
      </form>
    </Modal>
  )
}
