import { ActionIcon, Badge, Menu, Text } from '@mantine/core'
import { IconDots } from '@tabler/icons-react'
import { useEffect } from 'react'
import { type MemberSummary, portableClock, type SessionId, singleSessionId } from '../../client/sdk.ts'
import type { MemberRole } from '../../schemas/settings.ts'
import { useText } from '../app/i18n.ts'
import { useMessenger, useNames } from '../app/messenger-context.ts'
import { goTo } from '../app/route.ts'
import { Face } from '../parts/face.tsx'
import { membersText } from './describe.ts'

const SHOWN_MAX = 200
const MUTE_MS = 3_600_000
const RANK: Record<MemberRole, number> = { owner: 2, admin: 1, member: 0 }

export function GroupMembers({ sessionId, myRole }: { sessionId: SessionId; myRole: MemberRole }) {
  const t = useText()
  const messenger = useMessenger('members', 'presence')
  const members = [...messenger.members(sessionId)].sort((a, b) => RANK[b.role] - RANK[a.role])
  const shown = members.slice(0, SHOWN_MAX)
  const ids = shown.map(({ userId }) => userId).join(' ')
  useEffect(() => {
    messenger.people.watchPresence(ids.split(' ').filter(id => id !== '') as MemberSummary['userId'][])
  }, [messenger, ids])
  return (
    <div>
      <Text fw={600} size="sm" mb={4}>
        {membersText(members.length, t)}
      </Text>
      <ul className="plain-list">
        {shown.map(member => (
          <Member key={member.userId} sessionId={sessionId} member={member} myRole={myRole} />
        ))}
      </ul>
    </div>
  )
}

interface MemberProps {
  sessionId: SessionId
  member: MemberSummary
  myRole: MemberRole
}

function Member({ sessionId, member, myRole }: MemberProps) {
  const t = useText()
  const messenger = useMessenger('presence')
  const names = useNames()
  const { userId, role } = member
  const isMe = userId === messenger.userId
  const isMuted = (member.mutedUntil ?? 0) > portableClock.now()
  return (
    <li className="person">
      <Face
        name={names.member(sessionId, userId)}
        id={userId}
        picture={names.avatar(userId)}
        size={34}
        isOnline={(messenger.people.presence(userId)?.online.length ?? 0) > 0}
      />
      <Text className="grow" truncate>
        {names.member(sessionId, userId)}
        {isMe && <span className="quiet"> ({t('you')})</span>}
      </Text>
      {isMuted && (
        <Badge size="xs" color="gray.7" variant="filled">
          {t('muted')}
        </Badge>
      )}
      {role !== 'member' && (
        <Badge size="xs" variant="filled" color={role === 'owner' ? 'indigo.7' : 'teal.9'}>
          {t(role)}
        </Badge>
      )}
      {!isMe && <MemberMenu sessionId={sessionId} member={member} myRole={myRole} isMuted={isMuted} />}
    </li>
  )
}

function MemberMenu({ sessionId, member, myRole, isMuted }: MemberProps & { isMuted: boolean }) {
  const t = useText()
  const messenger = useMessenger()
  const { userId, role } = member
  const isAbove = RANK[myRole] > RANK[role]
  return (
    <Menu position="bottom-end" withinPortal>
      <Menu.Target>
        <ActionIcon variant="subtle" color="gray" aria-label={`${t('moreActions')}: ${userId}`}>
          <IconDots size={16} />
        </ActionIcon>
      </Menu.Target>
      <Menu.Dropdown>
        <Menu.Item onClick={() => goTo({ tab: 'chats', sessionId: singleSessionId(messenger.userId, userId) })}>
          {t('message')}
        </Menu.Item>
        {myRole === 'owner' && (
          <Menu.Item
            onClick={() =>
              messenger.submit({
                type: 'setRole',
                sessionId,
                userIds: [userId],
                role: role === 'admin' ? 'member' : 'admin',
              })
            }
          >
            {t(role === 'admin' ? 'takeAdmin' : 'makeAdmin')}
          </Menu.Item>
        )}
        {myRole === 'owner' && (
          <Menu.Item onClick={() => messenger.submit({ type: 'changeOwner', sessionId, userId })}>
            {t('makeOwner')}
          </Menu.Item>
        )}
        {isAbove && (
          <Menu.Item
            onClick={() =>
              messenger.submit({
                type: 'muteMember',
                sessionId,
                userId,
                until: isMuted ? 0 : portableClock.now() + MUTE_MS,
              })
            }
          >
            {t(isMuted ? 'unmuteMember' : 'muteMember')}
          </Menu.Item>
        )}
        {isAbove && (
          <Menu.Item
            color="red.8"
            onClick={() => messenger.submit({ type: 'removeMembers', sessionId, userIds: [userId] })}
          >
            {t('removeMember')}
          </Menu.Item>
        )}
      </Menu.Dropdown>
    </Menu>
  )
}
