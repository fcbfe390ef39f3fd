import { Text, UnstyledButton } from '@mantine/core'
import { useEffect, useState } from 'react'
import { portableClock, type UserId } from '../../client/sdk.ts'
import { useMessenger, useNames } from '../app/messenger-context.ts'
import { Face } from '../parts/face.tsx'

const FIND_AFTER_MS = 250
const FOUND_MAX = 8

/** Friends whose name matches, and users whom the server finds. */
export function PersonList({ text, onPick }: { text: string; onPick: (userId: UserId) => void }) {
  const messenger = useMessenger('friends', 'profiles')
  const names = useNames()
  const found = useFoundUsers(text)
  const wanted = text.trim().toLowerCase()
  const friends = messenger.friends().filter(({ relation, userId }) => {
    return relation === 'friend' && names.user(userId).toLowerCase().includes(wanted)
  })
  const userIds = [...new Set([...friends.map(({ userId }) => userId), ...found])].slice(0, FOUND_MAX)
  if (userIds.length === 0) return null
  return (
    <ul className="plain-list">
      {userIds.map(userId => (
        <li key={userId}>
          <UnstyledButton className="person" onClick={() => onPick(userId)}>
            <Face name={names.user(userId)} id={userId} picture={names.avatar(userId)} size={36} />
            <span className="person-text">
              <Text component="span" fw={600} truncate>
                {names.user(userId)}
              </Text>
              <Text component="span" size="xs" className="quiet" truncate>
                {userId}
              </Text>
            </span>
          </UnstyledButton>
        </li>
      ))}
    </ul>
  )
}

/** Asks the server once the typing pauses. */
export function useFoundUsers(text: string): UserId[] {
  const messenger = useMessenger()
  const [found, setFound] = useState<UserId[]>([])
  const name = text.trim()
  useEffect(() => {
    setFound([])
    if (name.length < 2) return
    return portableClock.schedule(FIND_AFTER_MS, () => {
      messenger.ask({ type: 'findUsers', name, limit: FOUND_MAX }).then(
        ({ profiles }) => setFound(profiles.map(({ userId }) => userId).filter(userId => userId !== messenger.userId)),
        () => setFound([]),
      )
    })
  }, [messenger, name])
  return found
}
