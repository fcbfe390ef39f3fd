import { useMediaQuery } from '@mantine/hooks'
import { useEffect } from 'react'
import { ConversationPane } from '../chat/conversation-pane.tsx'
import { JoinGroupDialog } from '../chat/join-group-dialog.tsx'
import { SessionList } from '../chat/session-list.tsx'
import { useToast } from '../parts/toast.tsx'
import { PeoplePage } from '../people/people-page.tsx'
import { ConnectionBar } from './connection-bar.tsx'
import { EmptyPane } from './empty-pane.tsx'
import { useText } from './i18n.ts'
import { useMessenger } from './messenger-context.ts'
import { NavigationRail } from './navigation-rail.tsx'
import { useNotifications } from './notifications.ts'
import { goTo, useRoute } from './route.ts'
import { SettingsPage } from './settings-page.tsx'

/** Below this width one thing is shown at a time. */
export const PHONE_WIDTH_MAX = 767

/** The page of somebody who is logged in: navigation, a list, and what was chosen from it. */
export function Shell() {
  const messenger = useMessenger('sessions')
  const route = useRoute()
  const t = useText()
  const toast = useToast()
  const isPhone = useMediaQuery(`(max-width: ${PHONE_WIDTH_MAX}px)`, undefined, { getInitialValueInEffect: false })
  useEffect(
    () =>
      messenger.on('refused', ({ frame, answer }) => {
        if (frame.type !== 'send' && frame.type !== 'markRead') toast(t('refusedText', { reason: answer.reason }))
      }),
    [messenger, toast, t],
  )
  useNotifications(messenger, route)
  const unread = messenger.unread()
  useEffect(() => {
    document.title = unread > 0 ? `(${unread}) packlog` : 'packlog'
  }, [unread])
  const { tab, sessionId } = route
  const isInside = sessionId !== undefined
  const list =
    tab === 'chats' ? <SessionList selected={sessionId} /> : tab === 'contacts' ? <PeoplePage /> : <SettingsPage />
  return (
    <div className="shell" data-phone={isPhone} data-inside={isInside}>
      {!(isPhone && isInside) && <NavigationRail tab={tab} unread={unread} />}
      {!(isPhone && isInside) && (
        <section className="side" aria-label={t(tab)}>
          <ConnectionBar />
          {list}
        </section>
      )}
      {!(isPhone && !isInside) && (
        <main className="stage">
          {isInside ? (
            <ConversationPane key={sessionId} sessionId={sessionId} seq={route.seq} isPhone={isPhone === true} />
          ) : (
            <EmptyPane />
          )}
        </main>
      )}
      {route.invitation !== undefined && (
        <JoinGroupDialog invitation={route.invitation} onClose={() => goTo({ tab: 'chats' })} />
      )}
    </div>
  )
}
