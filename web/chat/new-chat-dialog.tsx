import { Button, Stack, TextInput } from '@mantine/core'
import { type FormEvent, useState } from 'react'
import { singleSessionId, type UserId } from '../../client/sdk.ts'
import { isUserId } from '../../schemas/ids.ts'
import { useText } from '../app/i18n.ts'
import { useMessenger } from '../app/messenger-context.ts'
import { goTo } from '../app/route.ts'
import { Dialog } from '../parts/dialog.tsx'
import { PersonList } from '../people/person-list.tsx'

/** A chat with somebody: a friend, somebody who is found, or an id that is known. */
export function NewChatDialog({ onClose }: { onClose: () => void }) {
  const t = useText()
  const messenger = useMessenger('friends')
  const [text, setText] = useState('')
  const [error, setError] = useState('')
  const open = (userId: UserId) => {
    onClose()
    goTo({ tab: 'chats', sessionId: singleSessionId(messenger.userId, userId) })
  }
  const submit = (event: FormEvent) => {
    event.preventDefault()
    const entered = text.trim()
    if (!isUserId(entered) || entered === messenger.userId) return setError(t('nameInvalid'))
    open(entered)
  }
  return (
    <Dialog onClose={onClose} title={t('newChat')}>
      <form onSubmit={submit}>
        <Stack>
          <TextInput
            label={t('userId')}
            value={text}
            error={error}
            data-autofocus
            onChange={event => setText(event.currentTarget.value)}
          />
          <PersonList text={text} onPick={open} />
          <Button type="submit" disabled={text.trim() === ''}>
            {t('open')}
          </Button>
        </Stack>
      </form>
    </Dialog>
  )
}
