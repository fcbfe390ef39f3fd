import { useEffect, useRef } from 'react'
import type { Messenger } from '../../client/sdk.ts'
import type { Route } from './route.ts'
import { goTo } from './route.ts'

const WANTED_KEY = 'packlog.notifications'

export function areNotificationsWanted(): boolean {
  return (
    'Notification' in globalThis && Notification.permission === 'granted' && localStorage.getItem(WANTED_KEY) === 'on'
  )
}

/** Asks the browser where it must be asked; gives whether they are shown from now on. */
export async function wantNotifications(on: boolean): Promise<boolean> {
  localStorage.setItem(WANTED_KEY, on ? 'on' : 'off')
  if (on && 'Notification' in globalThis && Notification.permission === 'default')
    await Notification.requestPermission()
  return areNotificationsWanted()
}

/** Shows what arrives while nobody looks, as the settings of the session say. */
export function useNotifications(messenger: Messenger, route: Route): void {
  const shown = useRef(route)
  shown.current = route
  useEffect(
    () =>
      messenger.on('event', event => {
        const { sessionId, from, body, seq } = event
        if (body.kind !== 'MessageAccepted' || from === messenger.userId || !areNotificationsWanted()) return
        const row = messenger.session(sessionId)
        if (row === undefined || seq <= row.readSeq || !messenger.isUpToDate || !messenger.isKeeper) return
        const notify = row.attributes?.notify ?? messenger.lists.settings.notify
        const means = body.extra?.mentionsAll || body.extra?.mentions?.includes(messenger.userId)
        if (notify === 'none' || (notify === 'mentions' && !means)) return
        if (document.hasFocus() && shown.current.sessionId === sessionId) return
        const text = body.content.kind === 'Text' ? body.content.text : ''
        const name = messenger.people.profile(from)?.name ?? from
        const notification = new Notification(name, { body: text, tag: sessionId, icon: './icon.svg' })
        notification.onclick = () => {
          focus()
          goTo({ tab: 'chats', sessionId })
        }
      }),
    [messenger],
  )
}
