import { Button, Stack, TagsInput, TextInput } from '@mantine/core'
import { type FormEvent, useState } from 'react'
import { isUserId } from '../../schemas/ids.ts'
import { useText } from '../app/i18n.ts'
import { useMessenger } from '../app/messenger-context.ts'
import { goTo } from '../app/route.ts'
import { Dialog } from '../parts/dialog.tsx'

export function NewGroupDialog({ onClose }: { onClose: () => void }) {
  const t = useText()
  const messenger = useMessenger('friends')
  const [name, setName] = useState('')
  const [members, setMembers] = useState<string[]>([])
  const [error, setError] = useState('')
  const [isBusy, setBusy] = useState(false)
  const friends = messenger.friends().filter(({ relation }) => relation === 'friend')
  const submit = async (event: FormEvent) => {
    event.preventDefault()
    const userIds = members.filter(isUserId)
    if (userIds.length < members.length) return setError(t('nameInvalid'))
    setBusy(true)
    const request = { type: 'createGroup', info: { name: name.trim() }, members: userIds } as const
    const { answer, sessionId } = messenger.submit({ ...request, members: userIds })
    const outcome = await answer
    setBusy(false)
    if (outcome.kind === 'Refused') return setError(outcome.reason)
    onClose()
    goTo({ tab: 'chats', sessionId })
  }
  return (
    <Dialog onClose={onClose} title={t('newGroup')}>
      <form onSubmit={submit}>
        <Stack>
          <TextInput
            label={t('groupName')}
            value={name}
            maxLength={100}
            data-autofocus
            onChange={event => setName(event.currentTarget.value)}
          />
          <TagsInput
            label={t('membersTitle')}
            description={t('userIdsHint')}
            data={friends.map(({ userId }) => userId)}
            value={members}
            error={error}
            splitChars={[',', ' ', ';']}
            acceptValueOnBlur
            clearButtonProps={{ 'aria-label': t('remove') }}
            onChange={setMembers}
          />
          <Button type="submit" loading={isBusy} disabled={name.trim() === ''}>
            {t('create')}
          </Button>
        </Stack>
      </form>
    </Dialog>
  )
}
