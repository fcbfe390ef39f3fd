import type { Clock, Random } from '../../infra/clock.ts'
import type { CloseName } from '../../schemas/close-codes.ts'
import type { RecordCodec } from '../../schemas/codec.ts'
import type { Event } from '../../schemas/event.ts'
import {
  makePackId,
  type Partition,
  RULES_SESSION,
  type SessionId,
  type UserId,
  userSessionId,
} from '../../schemas/ids.ts'
import { makePack } from '../../schemas/make-pack.ts'
import type { Device, Pack, PackBody, Rules } from '../../schemas/pack.ts'
import { LOGIN_PACK_MS_MAX } from '../limits.ts'
import type { Identity } from './asker.ts'
import type { PackAppender } from './pack-appender.ts'

/**
 * Logins that go through the log, so that a policy holds over all gateways (docs/adr/0011).
 *
 * Under the policy `all` nothing is written: a login costs no pack. Under the others a connection is served when its
 * LoggedIn has come back. Of logins at the same time the log makes an order, and every gateway closes the connections
 * that a LoggedIn names. A login that was named before its connection was there is refused: between the event and the
 * opening there may be a moment, for which `waiting` remembers it.
 * Without the log nobody is let in under such a policy: it could not be kept.
 */

export type LoginAnswer = { ok: true; connectionId: string } | { ok: false; close: CloseName }

export interface LoginPacksOptions {
  codec: RecordCodec<Pack>
  clock: Clock
  random: Random
  gateway: string
  policy: Rules['loginPolicy']
  appender: Pick<PackAppender<LoginWait>, 'enqueue'>
  partitionOf(sessionId: SessionId): Partition
  /** Closes a connection of this gateway, where it is one. */
  close(userId: UserId, connectionId: string, name: CloseName, detail?: string): void
  /** The same for all connections of a user. */
  closeAll(userId: UserId, name: CloseName, detail?: string): void
}

/** A login or logout that is on its way to the log. */
export interface LoginWait {
  isOpen: boolean
  readonly userId: UserId
  readonly connectionId: string
  isKicked: boolean
  settle(answer: 'in' | 'unavailable'): void
}

/** Bytes of a connection id. */
const CONNECTION_ID_BYTES = 9

export class LoginPacks {
  private readonly options: LoginPacksOptions
  /** By connection id, until the connection is open or refused. */
  private readonly waiting = new Map<string, LoginWait>()
  private readonly sessions = new Map<SessionId, number>()
  private policy: Rules['loginPolicy']
  private rulesVersion = -1

  constructor(options: LoginPacksOptions) {
    this.options = options
    this.policy = options.policy
  }

  /** True where logins go through the log. */
  get isAsked(): boolean {
    return this.policy !== 'all'
  }

  /** True where the events of a session are needed for a login that waits. */
  wants(sessionId: SessionId): boolean {
    return this.sessions.has(sessionId) || sessionId === RULES_SESSION
  }

  /** Lets a connection in and opens it, by the policy; `open` runs in the same turn in which the answer is sure. */
  async login(identity: Identity, open: (connectionId: string) => void): Promise<CloseName | undefined> {
    const connectionId = this.options.random.bytes(CONNECTION_ID_BYTES).toString('base64url')
    if (this.policy === 'all') {
      open(connectionId)
      return undefined
    }
    const wait = this.begin(identity.userId, connectionId)
    try {
      const answer = await this.append(identity, wait, { kind: 'Login', connectionId })
      if (answer === 'unavailable') return 'UNAVAILABLE'
      if (wait.isKicked) return 'KICKED'
      open(connectionId)
      return undefined
    } finally {
      this.end(wait)
    }
  }

  private begin(userId: UserId, connectionId: string): LoginWait {
    const sessionId = userSessionId(userId)
    const wait: LoginWait = { isOpen: true, userId, connectionId, isKicked: false, settle: () => {} }
    this.waiting.set(connectionId, wait)
    this.sessions.set(sessionId, (this.sessions.get(sessionId) ?? 0) + 1)
    return wait
  }

  private end(wait: LoginWait): void {
    wait.isOpen = false
    this.waiting.delete(wait.connectionId)
    const sessionId = userSessionId(wait.userId)
    const left = this.sessions.get(sessionId)! - 1
    if (left === 0) this.sessions.delete(sessionId)
    else this.sessions.set(sessionId, left)
  }

  private append(identity: Identity, wait: LoginWait, body: PackBody): Promise<'in' | 'unavailable'> {
    return new Promise(resolve => {
      const cancel = this.options.clock.schedule(LOGIN_PACK_MS_MAX, () => wait.settle('unavailable'))
      wait.settle = answer => {
        cancel()
        wait.isOpen = false
        resolve(answer)
      }
      this.enqueue(identity, wait, body)
    })
  }

  private enqueue({ userId, device }: { userId: UserId; device: Device }, wait: LoginWait, body: PackBody): void {
    const { codec, clock, random, gateway, appender, partitionOf } = this.options
    const sessionId = userSessionId(userId)
    const pack = makePack({
      sessionId,
      from: userId,
      body,
      packId: makePackId(clock.now(), random.bytes(10)),
      actor: { kind: 'SYSTEM', id: userId },
      device,
      gateway,
    })
    const record = { key: Buffer.from(sessionId), value: codec.encode(pack), headers: {} }
    appender.enqueue(partitionOf(sessionId), record, wait)
  }

  /** A connection that was let in by the log has ended by itself: the log is told, as far as it can be reached. */
  ended({ userId, device }: Identity, connectionId: string): void {
    if (this.policy === 'all') return
    const wait: LoginWait = { isOpen: true, userId, connectionId, isKicked: false, settle: () => {} }
    this.enqueue({ userId, device }, wait, { kind: 'Logout', connectionIds: [connectionId], code: 0 })
  }

  /** Packs of logins could not be appended. */
  failed(waits: readonly LoginWait[]): void {
    for (const wait of waits) wait.settle('unavailable')
  }

  /** Takes what passes on im.events, after it was delivered. */
  passed(event: Event): void {
    const { body, from } = event
    switch (body.kind) {
      case 'LoggedIn':
        for (const connectionId of body.kicked) this.kick(from, connectionId, 'KICKED')
        this.waiting.get(body.connectionId)?.settle('in')
        break
      case 'LoggedOut': {
        const name = body.code === 0 ? 'LOGGED_OUT' : 'KICKED'
        for (const connectionId of body.connectionIds) this.kick(from, connectionId, name, body.reason)
        if (body.connectionIds.length === 0) this.kickAll(from, name, body.reason)
        break
      }
      case 'UserDisabled':
      case 'UserErased':
        this.kickAll(from, 'ACCESS_DENIED', 'the account is closed')
        break
      case 'PackRefused':
        this.refused(event)
        break
      case 'RulesSet':
        if (body.rules.version <= this.rulesVersion) break
        this.rulesVersion = body.rules.version
        this.policy = body.rules.loginPolicy
        break
      default:
        break
    }
  }

  /** A login pack of this gateway was refused: nobody waits in vain. */
  private refused({ sessionId, gateway }: Event): void {
    if (gateway !== this.options.gateway || !this.sessions.has(sessionId)) return
    // The refusal does not name the connection; a login that was not meant comes again.
    for (const wait of this.waiting.values()) if (userSessionId(wait.userId) === sessionId) wait.settle('unavailable')
  }

  private kick(userId: UserId, connectionId: string, name: CloseName, detail?: string): void {
    const wait = this.waiting.get(connectionId)
    if (wait !== undefined) wait.isKicked = true
    this.options.close(userId, connectionId, name, detail)
  }

  private kickAll(userId: UserId, name: CloseName, detail?: string): void {
    for (const wait of this.waiting.values()) if (wait.userId === userId) wait.isKicked = true
    this.options.closeAll(userId, name, detail)
  }
}
