import { createContext, useContext, useSyncExternalStore } from 'react'
import { peerOf } from '../../client/logic/fold-people.ts'
import type { Messenger, MessengerEvents } from '../../client/logic/messenger.ts'
import type { SessionId, UserId } from '../../client/sdk.ts'

/** Counts what has changed, so that React knows when to look again. */
export class Versions {
  private readonly counts = new Map<keyof MessengerEvents, number>()
  private readonly listeners = new Set<() => void>()
  private isTold = false

  constructor(messenger: Messenger) {
    const names = [
      'phase',
      'synced',
      'sessions',
      'friends',
      'groups',
      'members',
      'settings',
      'profiles',
      'presence',
      'typing',
    ] as const
    for (const name of names) messenger.on(name, () => this.count(name))
  }

  of(names: readonly (keyof MessengerEvents)[]): number {
    return names.reduce((sum, name) => sum + (this.counts.get(name) ?? 0), 0)
  }

  readonly subscribe = (listener: () => void) => {
    this.listeners.add(listener)
    return () => this.listeners.delete(listener)
  }

  /** Many changes of one tick are told once. */
  private count(name: keyof MessengerEvents): void {
    this.counts.set(name, (this.counts.get(name) ?? 0) + 1)
    if (this.isTold) return
    this.isTold = true
    queueMicrotask(() => {
      this.isTold = false
      for (const listener of this.listeners) listener()
    })
  }
}

export interface MessengerValue {
  messenger: Messenger
  versions: Versions
  logOut(): void
  /** A token that is good now, for the HTTP API. */
  token(): Promise<string>
}

export const MessengerContext = createContext<MessengerValue | undefined>(undefined)

function useValue(): MessengerValue {
  const value = useContext(MessengerContext)
  if (value === undefined) throw new Error('there is no messenger above this component')
  return value
}

/** The messenger; the component is drawn again whenever one of these changes. */
export function useMessenger(...names: (keyof MessengerEvents)[]): Messenger {
  const { messenger, versions } = useValue()
  useSyncExternalStore(versions.subscribe, () => versions.of(names))
  return messenger
}

export function useLogOut(): () => void {
  return useValue().logOut
}

export interface Names {
  user(userId: UserId): string
  /** How a member is called in a group. */
  member(sessionId: SessionId, userId: UserId): string
  session(sessionId: SessionId): string
  avatar(userId: UserId): string
  /** The picture of a group, or of who one chats with. */
  picture(sessionId: SessionId): string
}

/** How people and sessions are called: a remark before an alias before the profile before the id. */
export function useNames(): Names {
  return namesOf(useMessenger('profiles', 'friends', 'groups', 'members'))
}

function namesOf(messenger: Messenger): Names {
  const remark = (userId: UserId) => messenger.lists.friends.get(userId)?.remark
  const user = (userId: UserId) => remark(userId) || messenger.people.profile(userId)?.name || userId
  const alias = (sessionId: SessionId, userId: UserId) => messenger.lists.knownMember(sessionId, userId)?.alias ?? ''
  const session = (sessionId: SessionId) => {
    const peer = peerOf(sessionId, messenger.userId)
    if (peer !== undefined) return user(peer)
    if (sessionId.startsWith('g:')) return messenger.group(sessionId)?.info.name || sessionId.slice(2)
    return sessionId.split(':')[1] ?? sessionId
  }
  const avatar = (userId: UserId) => messenger.people.profile(userId)?.avatar ?? ''
  return {
    user,
    session,
    member: (sessionId, userId) => remark(userId) || alias(sessionId, userId) || user(userId),
    avatar,
    picture: sessionId => {
      const peer = peerOf(sessionId, messenger.userId)
      return peer === undefined ? (messenger.group(sessionId)?.info.avatar ?? '') : avatar(peer)
    },
  }
}
