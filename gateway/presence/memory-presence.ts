import type { Millis } from '../../infra/clock.ts'
import type { UserId } from '../../schemas/ids.ts'
import type { DeviceHolder, Online, OnlineEntry, PresenceStore, Signal, Signals } from './presence-store.ts'

/** Presence in memory, shared by the gateways of one test. */
export class MemoryPresence implements PresenceStore {
  private readonly users = new Map<UserId, { connections: Map<string, OnlineEntry>; seenAt: Millis }>()
  private readonly listeners: ((signal: Signal) => void)[] = []
  private readonly devices = new Map<string, DeviceHolder>()
  /** True: every call rejects, and signals are lost. */
  isDown = false

  async enter(entries: readonly OnlineEntry[], now: Millis): Promise<void> {
    this.check()
    for (const entry of entries) this.user(entry.userId, now).connections.set(entry.connectionId, entry)
  }

  async leave(entries: readonly Pick<OnlineEntry, 'userId' | 'connectionId'>[], now: Millis): Promise<void> {
    this.check()
    for (const { userId, connectionId } of entries) this.user(userId, now).connections.delete(connectionId)
  }

  async claim(entries: readonly OnlineEntry[]): Promise<(DeviceHolder | undefined)[]> {
    this.check()
    return entries.map(entry => {
      const before = this.devices.get(deviceOf(entry))
      this.devices.set(deviceOf(entry), { connectionId: entry.connectionId, at: entry.at })
      return before
    })
  }

  async holders(entries: readonly OnlineEntry[]): Promise<(DeviceHolder | undefined)[]> {
    this.check()
    return entries.map(entry => this.devices.get(deviceOf(entry)))
  }

  async online(userIds: readonly UserId[], now: Millis): Promise<Online[]> {
    this.check()
    return userIds.map(userId => {
      const user = this.users.get(userId)
      const connections = [...(user?.connections.values() ?? [])].filter(({ until }) => until > now)
      const sorted = connections.sort((one, other) => one.at - other.at)
      return user === undefined
        ? { userId, connections: sorted }
        : { userId, connections: sorted, lastSeenAt: user.seenAt }
    })
  }

  /** Loses which connection of a device is the newest. */
  forgetDevices(): void {
    this.devices.clear()
  }

  /** A gateway's end of the signals. */
  signals(): Signals {
    return {
      publish: signals => {
        if (this.isDown) return
        for (const signal of signals) for (const listener of this.listeners) listener(signal)
      },
      listen: onSignal => {
        this.listeners.push(onSignal)
      },
    }
  }

  private user(userId: UserId, now: Millis) {
    const user = this.users.get(userId) ?? { connections: new Map<string, OnlineEntry>(), seenAt: now }
    user.seenAt = now
    this.users.set(userId, user)
    return user
  }

  private check(): void {
    if (this.isDown) throw new Error('presence is down')
  }
}

function deviceOf({ userId, device }: OnlineEntry): string {
  return `${userId} ${device.id}`
}
