import type { Clock, Millis } from '../../infra/clock.ts'
import type { Logger } from '../../infra/logger.ts'
import type { PeopleReader } from '../../processors/membership/people-store.ts'
import type { Event } from '../../schemas/event.ts'
import type { LoginSummary, UserPresence } from '../../schemas/frames.ts'
import type { UserId } from '../../schemas/ids.ts'
import {
  DEVICE_CLAIM_MS_MAX,
  PRESENCE_BATCH_MAX,
  PRESENCE_MS,
  PRESENCE_REFRESH_MS,
  PRESENCE_WATCHED_MAX,
} from '../limits.ts'
import { usersOf } from '../ws/audience.ts'
import type { ClientConnection } from '../ws/client-connection.ts'
import { Wheel } from '../ws/wheel.ts'
import type { Online, OnlineEntry, PresenceStore, Signal, Signals } from './presence-store.ts'

/**
 * Who is there, over all gateways: every gateway enters its own connections in the store, again before they would
 * count as gone, and tells the others when one comes or goes. Whoever watches a user is told when what they may see
 * of them has changed.
 *
 * Of the connections of one device the newest stays, over all gateways, as on a single one: each claims its device, and
 * the gateway of the one before is told to close it. A gateway whose claim took so long that a later connection came
 * before it closes its own; one that was not told finds out with the next refresh. Under a login policy the log decides
 * instead (login-packs.ts). While the store is away nothing is closed.
 *
 * A signal may be lost, and a gateway that was killed sends none: users who are watched are looked at once in each
 * refresh as well, so that the truth is told at most PRESENCE_MS + PRESENCE_REFRESH_MS late. What a user hides, and
 * whom they block, sees nothing: they look as if they were away for ever.
 */
export interface PresenceOptions {
  store: PresenceStore
  signals: Pick<Signals, 'publish'>
  people: PeopleReader
  clock: Clock
  logger: Logger
  gateway: string
  /** True where the log does not say which connections of a device may be there. */
  claimsDevices(): boolean
}

/** A user who is watched. What has passed on the log since goes before what the view says, which may be behind it. */
interface Watched {
  watchers: Set<ClientConnection>
  isShown: boolean | undefined
  blocks: Map<UserId, boolean>
}

export class Presence {
  private readonly options: PresenceOptions
  private readonly since = new WeakMap<ClientConnection, Millis>()
  /** Connections whose claim of their device was taken: of these another holder is a later one. */
  private readonly holding = new WeakSet<ClientConnection>()
  private readonly watched = new Map<UserId, Watched>()
  /** What each connection watches, with what it was told last. */
  private readonly watching = new Map<ClientConnection, Map<UserId, string>>()
  private entering: ClientConnection[] = []
  private leaving: ClientConnection[] = []
  /** Entered again: nobody is told. */
  private refreshing: ClientConnection[] = []
  private isFlushing = false
  private changed = new Set<UserId>()
  private isTelling = false
  /** Spreads what is entered again: thousands of commands at once would hold up every message behind them. */
  private readonly refreshes: Wheel<ClientConnection>
  private cancelLook: (() => void) | undefined

  constructor(options: PresenceOptions) {
    this.options = options
    this.refreshes = new Wheel({
      clock: options.clock,
      periodMs: PRESENCE_REFRESH_MS,
      onTurn: connection => {
        this.refreshing.push(connection)
        this.flushSoon()
      },
    })
  }

  start(): void {
    this.refreshes.start()
    this.lookLater()
  }

  private lookLater(): void {
    this.cancelLook = this.options.clock.schedule(PRESENCE_REFRESH_MS, () => {
      for (const userId of this.watched.keys()) this.look(userId)
      this.lookLater()
    })
  }

  stop(): void {
    this.refreshes.stop()
    this.cancelLook?.()
  }

  opened(connection: ClientConnection): void {
    this.since.set(connection, this.options.clock.now())
    this.entering.push(connection)
    this.refreshes.add(connection)
    this.flushSoon()
  }

  ended(connection: ClientConnection): void {
    for (const userId of this.watching.get(connection)?.keys() ?? []) this.forget(connection, userId)
    this.watching.delete(connection)
    this.leaving.push(connection)
    this.refreshes.remove(connection)
    this.flushSoon()
  }

  /** Settings and blocks that pass on im.events may show or hide a user who is watched. */
  passed({ body, from, sessionId }: Event): void {
    const known = this.watched.get(from)
    if (known === undefined) return
    if (body.kind === 'SettingsUpdated') known.isShown = body.settings.presenceShown
    else if (body.kind === 'UserBlocked' || body.kind === 'UserUnblocked') {
      const peerId = usersOf(sessionId).find(userId => userId !== from)
      if (peerId !== undefined) known.blocks.set(peerId, body.kind === 'UserBlocked')
    } else return
    this.look(from)
  }

  /** A connection of the user has come or gone, here or elsewhere. */
  moved(userId: UserId): void {
    this.look(userId)
  }

  /** How the users are now, as `viewer` may see it. Rejects when a store cannot be reached. */
  async of(userIds: readonly UserId[], viewer: UserId): Promise<UserPresence[]> {
    const { store, people, clock } = this.options
    const [online, settings, blocks] = await Promise.all([
      store.online(userIds, clock.now()),
      people.settings(userIds),
      people.blocks(userIds.map(userId => ({ userId, peerId: viewer }))),
    ])
    return online.map((user, i) => {
      const { presenceShown } = settings[i]!
      return shown(user, {
        viewer,
        isHidden: this.isHidden(user.userId, viewer, { presenceShown, isBlocked: blocks[i]! }),
      })
    })
  }

  private isHidden(
    userId: UserId,
    viewer: UserId,
    { presenceShown, isBlocked }: { presenceShown: boolean; isBlocked: boolean },
  ): boolean {
    const known = this.watched.get(userId)
    return !(known?.isShown ?? presenceShown) || (known?.blocks.get(viewer) ?? isBlocked)
  }

  async logins(userId: UserId): Promise<LoginSummary[]> {
    const { store, clock } = this.options
    const [found] = await store.online([userId], clock.now())
    return found!.connections.map(({ connectionId, device, gateway, at }) => ({ connectionId, device, gateway, at }))
  }

  /** False where the connection would watch too many. */
  watch(connection: ClientConnection, seen: readonly UserPresence[]): boolean {
    const watching = this.watching.get(connection) ?? new Map<UserId, string>()
    const added = seen.filter(({ userId }) => !watching.has(userId)).length
    if (watching.size + added > PRESENCE_WATCHED_MAX) return false
    if (connection.isClosed) return true
    this.watching.set(connection, watching)
    for (const user of seen) {
      watching.set(user.userId, whatCounts(user))
      const watched = this.watched.get(user.userId) ?? { watchers: new Set(), isShown: undefined, blocks: new Map() }
      watched.watchers.add(connection)
      this.watched.set(user.userId, watched)
    }
    return true
  }

  unwatch(connection: ClientConnection, userIds: readonly UserId[]): void {
    for (const userId of userIds) this.forget(connection, userId)
  }

  private forget(connection: ClientConnection, userId: UserId): void {
    this.watching.get(connection)?.delete(userId)
    const watchers = this.watched.get(userId)?.watchers
    watchers?.delete(connection)
    if (watchers?.size === 0) this.watched.delete(userId)
  }

  private flushSoon(): void {
    if (this.isFlushing) return
    this.isFlushing = true
    this.options.clock.defer(() => {
      this.flush().finally(() => {
        this.isFlushing = false
        if (this.entering.length + this.leaving.length + this.refreshing.length > 0) this.flushSoon()
      })
    })
  }

  /** Writes what has come and gone, in order; what fails is written with the next refresh, or counts as gone. */
  private async flush(): Promise<void> {
    const { store, signals, clock, logger } = this.options
    const now = clock.now()
    const entering = this.entering.splice(0, PRESENCE_BATCH_MAX)
    const leaving = this.leaving.splice(0, PRESENCE_BATCH_MAX)
    const refreshing = this.refreshing.splice(0, PRESENCE_BATCH_MAX)
    const present = [...entering, ...refreshing]
    try {
      await store.enter(
        present.filter(({ isClosed }) => !isClosed).map(connection => this.entryOf(connection, now)),
        now,
      )
      await store.leave(
        leaving.map(({ id, identity }) => ({ userId: identity.userId, connectionId: id })),
        now,
      )
      await this.claim(entering)
      const users = new Set([...entering, ...leaving].map(({ identity }) => identity.userId))
      signals.publish([...users].map(userId => ({ kind: 'presence', userId })))
      await this.checkHolders(refreshing)
    } catch (error) {
      logger.warn({ err: error }, 'who is connected could not be written')
    }
  }

  /** Makes connections those of their devices; whose was it before is closed, wherever it is. */
  private async claim(connections: readonly ClientConnection[]): Promise<void> {
    const { store, signals, clock } = this.options
    const claiming = this.claiming(connections)
    if (claiming.length === 0) return
    const now = clock.now()
    const entries = claiming.map(connection => this.entryOf(connection, now))
    const before = await store.claim(entries)
    for (const connection of claiming) this.holding.add(connection)
    const replaced: Signal[] = []
    const late: number[] = []
    for (const [i, holder] of before.entries()) {
      const { userId, connectionId, at } = entries[i]!
      if (holder === undefined || holder.connectionId === connectionId) continue
      if (holder.at > at + DEVICE_CLAIM_MS_MAX) late.push(i)
      else replaced.push({ kind: 'replaced', userId, connectionId: holder.connectionId })
    }
    signals.publish(replaced)
    if (late.length === 0) return
    // The newer one gets its device back.
    await store.claim(late.map(i => ({ ...entries[i]!, ...before[i]! })))
    for (const i of late) claiming[i]!.close('KICKED')
  }

  /** Closes those that were replaced without being told, and claims again where the store has forgotten it or never heard. */
  private async checkHolders(connections: readonly ClientConnection[]): Promise<void> {
    const { store, clock } = this.options
    const checked = this.claiming(connections)
    if (checked.length === 0) return
    const holders = await store.holders(checked.map(connection => this.entryOf(connection, clock.now())))
    const unclaimed: ClientConnection[] = []
    for (const [i, holder] of holders.entries()) {
      const connection = checked[i]!
      if (holder?.connectionId === connection.id) continue
      const openedAt = this.since.get(connection) ?? 0
      const isReplaced = holder !== undefined && (this.holding.has(connection) || holder.at > openedAt)
      if (isReplaced) connection.close('KICKED')
      else unclaimed.push(connection)
    }
    await this.claim(unclaimed)
  }

  private claiming(connections: readonly ClientConnection[]): ClientConnection[] {
    return this.options.claimsDevices() ? connections.filter(({ isClosed }) => !isClosed) : []
  }

  private entryOf(connection: ClientConnection, now: Millis): OnlineEntry {
    const { identity, id } = connection
    const at = this.since.get(connection) ?? now
    const { userId, device } = identity
    return { userId, connectionId: id, device, gateway: this.options.gateway, at, until: now + PRESENCE_MS }
  }

  /** Looks again at a user who is watched; several changes in a row are one look. */
  private look(userId: UserId): void {
    if (!this.watched.has(userId)) return
    this.changed.add(userId)
    if (this.isTelling) return
    this.isTelling = true
    this.tellAll().finally(() => {
      this.isTelling = false
    })
  }

  private async tellAll(): Promise<void> {
    while (this.changed.size > 0) {
      const userIds = [...this.changed]
      this.changed = new Set()
      for (const userId of userIds) {
        try {
          await this.tell(userId)
        } catch (error) {
          // Looked at again with the next refresh.
          this.options.logger.warn({ err: error }, 'a user who is watched could not be looked at')
        }
      }
    }
  }

  private async tell(userId: UserId): Promise<void> {
    const { store, people, clock } = this.options
    const watchers = [...(this.watched.get(userId)?.watchers ?? [])]
    const [[online], [settings], blocks] = await Promise.all([
      store.online([userId], clock.now()),
      people.settings([userId]),
      people.blocks(watchers.map(({ identity }) => ({ userId, peerId: identity.userId }))),
    ])
    for (const [i, connection] of watchers.entries()) {
      const viewer = connection.identity.userId
      const { presenceShown } = settings!
      const isHidden = this.isHidden(userId, viewer, { presenceShown, isBlocked: blocks[i]! })
      const user = shown(online!, { viewer, isHidden })
      const told = this.watching.get(connection)
      const text = whatCounts(user)
      if (connection.isClosed || told?.has(userId) !== true || told.get(userId) === text) continue
      told.set(userId, text)
      connection.send({ type: 'presenceChanged', user })
    }
  }
}

/** What a viewer sees of a user: nothing where the user hides or blocks. */
function shown(
  { userId, connections, lastSeenAt }: Online,
  { viewer, isHidden }: { viewer: UserId; isHidden: boolean },
): UserPresence {
  if (userId !== viewer && isHidden) return { userId, online: [] }
  const online = [...new Set(connections.map(({ device }) => device.type))].sort((a, b) => a - b)
  return online.length > 0 || lastSeenAt === undefined ? { userId, online } : { userId, online, lastSeenAt }
}

/** Of a user who is away the time does not count: it is the end of what was told last. */
function whatCounts({ online }: UserPresence): string {
  return online.join()
}
