import { Button, Group, Stack, TextInput } from '@mantine/core'
import { useState } from 'react'
import type { UserId } from '../../client/sdk.ts'
import { useText } from '../app/i18n.ts'
import { useMessenger } from '../app/messenger-context.ts'

/** What a user is to me, and what can be done about it. */
export function Relation({ userId }: { userId: UserId }) {
  const t = useText()
  const messenger = useMessenger('friends')
  const friend = messenger.lists.friends.get(userId)
  const [remark, setRemark] = useState(friend?.remark ?? '')
  const relation = friend?.relation ?? 'none'
  return (
    <Stack gap="xs">
      {relation === 'friend' && (
        <Group align="end" gap="xs" wrap="nowrap">
          <TextInput
            className="grow"
            label={t('remark')}
            value={remark}
            maxLength={100}
            onChange={event => setRemark(event.currentTarget.value)}
          />
          <Button
            variant="light"
            onClick={() => messenger.submit({ type: 'remarkFriend', userId, remark: remark.trim() })}
          >
            {t('save')}
          </Button>
        </Group>
      )}
      <Group gap="xs" grow>
        {relation === 'none' && !friend?.blocked && (
          <Button variant="light" onClick={() => messenger.submit({ type: 'requestFriend', userId })}>
            {t('addFriend')}
          </Button>
        )}
        {relation === 'asked' && (
          <Button onClick={() => messenger.submit({ type: 'acceptFriend', userId })}>{t('accept')}</Button>
        )}
        {relation === 'asked' && (
          <Button variant="default" onClick={() => messenger.submit({ type: 'refuseFriend', userId })}>
            {t('refuse')}
          </Button>
        )}
        {relation === 'friend' && (
          <Button variant="default" onClick={() => messenger.submit({ type: 'deleteFriend', userId })}>
            {t('removeFriend')}
          </Button>
        )}
        <Button
          variant="default"
          className="danger"
          onClick={() => messenger.submit({ type: friend?.blocked ? 'unblockUser' : 'blockUser', userId })}
        >
          {t(friend?.blocked ? 'unblock' : 'block')}
        </Button>
      </Group>
    </Stack>
  )
}
