import { useEffect, useState } from 'react'

/** The places of the console, in the order of the navigation, and the scope that each needs to show anything. */
export const PLACES = {
  overview: 'statistics:read',
  health: 'health:read',
  users: 'users:read',
  groups: 'groups:read',
  messages: 'moderation:read',
  broadcasts: 'jobs:read',
  webhooks: 'webhooks:read',
  deadLetters: 'dead:read',
  keys: 'keys:read',
  audit: 'audit:read',
} as const
export type Place = keyof typeof PLACES

export interface Route {
  place: Place
  /** What of it is looked at: a user, a group, a session. */
  id?: string
}

/** What the address says. */
export function parseRoute(hash: string): Route {
  const [, name = '', id] = hash.split('/')
  if (!Object.hasOwn(PLACES, name)) return { place: 'overview' }
  const place = name as Place
  return id === undefined || id === '' ? { place } : { place, id: decodeURIComponent(id) }
}

export function hashOf({ place, id }: Route): string {
  return id === undefined ? `#/${place}` : `#/${place}/${encodeURIComponent(id)}`
}

export function goTo(route: Route): void {
  location.hash = hashOf(route)
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
