import { Text } from '@mantine/core'
import { useEffect, useMemo, useState } from 'react'
import { peerOf } from '../../client/logic/fold-people.ts'
import type { EventFrame, SessionId } from '../../client/sdk.ts'
import { useText } from '../app/i18n.ts'
import { useMessenger, useNames } from '../app/messenger-context.ts'
import { Composer, type Intent } from './composer.tsx'
import { ConversationHead } from './conversation-head.tsx'
import { DetailsPanel } from './details-panel.tsx'
import { ForwardDialog } from './forward-dialog.tsx'
import { MessageList } from './message-list.tsx'
import { UploadList, useUploads } from './uploads.tsx'

interface ConversationPaneProps {
  sessionId: SessionId
  seq: number | undefined
  isPhone: boolean
}

/** One session: its head, its messages, what is written, and at the side what it is. */
export function ConversationPane({ sessionId, seq, isPhone }: ConversationPaneProps) {
  const messenger = useMessenger('sessions', 'groups', 'friends', 'members')
  const names = useNames()
  const conversation = useMemo(() => messenger.open(sessionId), [messenger, sessionId])
  const [intent, setIntent] = useState<Intent>()
  const [forwarded, setForwarded] = useState<EventFrame>()
  const [showsDetails, setShowsDetails] = useState(false)
  const uploads = useUploads()
  useEffect(() => {
    void (seq === undefined ? conversation.jumpToEnd() : conversation.jumpTo(seq))
    if (sessionId.startsWith('g:')) messenger.members(sessionId)
  }, [conversation, messenger, sessionId, seq])
  const hindrance = useHindrance(sessionId)
  return (
    <div className="conversation">
      <div className="conversation-main">
        <ConversationHead
          sessionId={sessionId}
          isPhone={isPhone}
          showsDetails={showsDetails}
          onDetails={() => setShowsDetails(!showsDetails)}
        />
        <MessageList
          conversation={conversation}
          names={names}
          shownSeq={seq}
          onReply={event => setIntent({ kind: 'reply', event })}
          onEdit={event => setIntent({ kind: 'edit', event })}
          onForward={setForwarded}
        />
        <UploadList uploads={uploads.list.filter(upload => upload.sessionId === sessionId)} onDrop={uploads.drop} />
        {hindrance === undefined ? (
          <Composer
            key={intent?.event.seq ?? 0}
            onFiles={files => {
              for (const file of files) void uploads.send(sessionId, file)
            }}
            sessionId={sessionId}
            intent={intent}
            onDone={() => setIntent(undefined)}
            isPhone={isPhone}
          />
        ) : (
          <Text className="hindrance" c="dimmed" size="sm" ta="center" p="md">
            {hindrance}
          </Text>
        )}
      </div>
      {showsDetails && <DetailsPanel sessionId={sessionId} isPhone={isPhone} onClose={() => setShowsDetails(false)} />}
      {forwarded !== undefined && <ForwardDialog event={forwarded} onClose={() => setForwarded(undefined)} />}
    </div>
  )
}

/** Why nothing can be written here; undefined where it can. */
function useHindrance(sessionId: SessionId): string | undefined {
  const t = useText()
  const messenger = useMessenger('sessions', 'groups', 'friends', 'members')
  const names = useNames()
  const peer = peerOf(sessionId, messenger.userId)
  if (peer !== undefined) {
    return messenger.lists.friends.get(peer)?.blocked ? t('youBlock', { name: names.user(peer) }) : undefined
  }
  if (sessionId.startsWith('b:')) return ''
  if (messenger.session(sessionId)?.isOut) return t('youAreOut')
  const group = messenger.group(sessionId)
  const role = messenger.lists.knownMember(sessionId, messenger.userId)?.role ?? group?.me?.role
  return group?.settings?.mutedAll && role === 'member' ? t('onlyAdmins') : undefined
}
