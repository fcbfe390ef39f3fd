import type { Millis } from '../../infra/clock.ts'
import type { OnlineMessage } from '../../schemas/frames.ts'
import type { SessionId, UserId } from '../../schemas/ids.ts'
import type { Device } from '../../schemas/pack.ts'

/** A connection as its gateway enters it, again and again for as long as it lasts. */
export interface OnlineEntry {
  userId: UserId
  connectionId: string
  device: Device
  gateway: string
  /** Since when. */
  at: Millis
  /** Counts as gone from then on: its gateway has not entered it again. */
  until: Millis
}

export interface Online {
  userId: UserId
  /** The oldest first; those that count as gone are left out. */
  connections: OnlineEntry[]
  /** When a connection was last entered or ended, where that is known. */
  lastSeenAt?: Millis
}

/** The connection that a device has claimed last. */
export interface DeviceHolder {
  connectionId: string
  /** When it was opened, by its gateway. */
  at: Millis
}

/** Who is connected, over all gateways. Nothing of it is in the log. Calls reject when the store cannot be reached. */
export interface PresenceStore {
  enter(entries: readonly OnlineEntry[], now: Millis): Promise<void>
  leave(entries: readonly Pick<OnlineEntry, 'userId' | 'connectionId'>[], now: Millis): Promise<void>
  /**
   * Makes each the connection of its device, one after the other; gives the one that was it before, in the order asked.
   * Whatever gateways call at the same time, exactly one of a device is left that nobody was told of as the one before.
   */
  claim(entries: readonly OnlineEntry[]): Promise<(DeviceHolder | undefined)[]>
  /** The connection of each one's device, in the order asked. */
  holders(entries: readonly OnlineEntry[]): Promise<(DeviceHolder | undefined)[]>
  /** In the order asked. */
  online(userIds: readonly UserId[], now: Millis): Promise<Online[]>
}

/** What gateways tell each other, at most once and without an order. */
export type Signal =
  /** A connection of the user has come or gone. */
  | { kind: 'presence'; userId: UserId }
  /** Another connection of the same device came after this one. */
  | { kind: 'replaced'; userId: UserId; connectionId: string }
  | { kind: 'typing'; sessionId: SessionId; from: UserId; on: boolean }
  /** `connectionId`: who sent it, and is not told. */
  | { kind: 'online'; connectionId: string; message: OnlineMessage }

export interface Signals {
  /** Never rejects; what cannot be said now is lost. */
  publish(signals: readonly Signal[]): void
  /** Calls back for the signals of every gateway, its own included. One listener. */
  listen(onSignal: (signal: Signal) => void): void
}
