import { useEffect, useState } from 'react'
import type { SessionId } from '../../client/sdk.ts'
import { isSessionId } from '../../schemas/ids.ts'
import { type Invitation, parseInvitation } from './invite.ts'

export type Tab = 'chats' | 'contacts' | 'settings'

export interface Route {
  tab: Tab
  sessionId?: SessionId
  /** A message that is to be shown. */
  seq?: number
  /** Somebody followed a link into a group. */
  invitation?: Invitation
}

/** What the address says; a message of a chat can be linked to. */
export function parseRoute(hash: string): Route {
  const [, page, id, seq] = hash.split('/')
  if (page === 'contacts' || page === 'settings') return { tab: page }
  const sessionId = decodeURIComponent(id ?? '')
  const invitation = parseInvitation(hash)
  if (invitation !== undefined) return { tab: 'chats', invitation }
  if (page !== 'chat' || !isSessionId(sessionId)) return { tab: 'chats' }
  return seq !== undefined && /^\d+$/.test(seq)
    ? { tab: 'chats', sessionId, seq: Number(seq) }
    : { tab: 'chats', sessionId }
}

export function routeHash({ tab, sessionId, seq }: Route): string {
  if (sessionId === undefined) return tab === 'chats' ? '#/' : `#/${tab}`
  return `#/chat/${encodeURIComponent(sessionId)}${seq === undefined ? '' : `/${seq}`}`
}

export function goTo(route: Route): void {
  location.hash = routeHash(route)
}

export function useRoute(): Route {
  const [route, setRoute] = useState(() => parseRoute(location.hash))
  useEffect(() => {
    const follow = () => setRoute(parseRoute(location.hash))
    addEventListener('hashchange', follow)
    return () => removeEventListener('hashchange', follow)
  }, [])
  return route
}
