import { systemClock } from '../../../infra/clock.ts'
import { TestState } from '../../../processors/sequencer/testing/packs.ts'
import { makePackId, type PackId, type SessionId, type UserId } from '../../../schemas/ids.ts'
import { makePack } from '../../../schemas/make-pack.ts'
import type { PackBody } from '../../../schemas/pack.ts'
import { appendPack } from '../../../topics/append-pack.ts'
import { issueToken } from '../../auth/tokens.ts'
import { type GatewayOptions, type GatewayService, makeGateway } from '../../main.ts'
import { World } from '../../testing/world.ts'
import { secretHash } from '../../ws/key-index.ts'
import { keyText } from '../keys.ts'
import { ALL_SCOPES, type Scope } from '../scopes.ts'

/** A gateway with real sockets on the memory log, and calls to it. */

export const TOKEN_KEY = Buffer.alloc(32, 1)

export interface Reply {
  status: number
  type: string
  headers: Headers
  body: Record<string, unknown>
}

export interface CallOptions {
  /** The user whose token is used; empty: none. */
  user?: string
  /** The key or token itself. */
  bearer?: string
  body?: unknown
  headers?: Record<string, string>
}

export class HttpWorld {
  readonly world: World<typeof systemClock>
  readonly gateway: GatewayService

  private constructor(world: World<typeof systemClock>, gateway: GatewayService) {
    this.world = world
    this.gateway = gateway
  }

  static async start(more: Partial<GatewayOptions> = {}): Promise<HttpWorld> {
    const world = await World.on(systemClock)
    world.sequencer.isFollowing = true
    // What apps do is decided by the rules of the product: the script knows only chats.
    const rules = new TestState({ partitions: world.topics.packs.partitions })
    world.sequencer.dictate = pack => {
      if (/^[sg]:/.test(pack.sessionId)) return undefined
      const { body } = rules.run(pack, systemClock.now())
      return body.kind === 'PackRepeated' ? undefined : body
    }
    const gateway = makeGateway({
      ...world.gatewayParts(),
      http: { host: '127.0.0.1', port: 0 },
      tokens: TOKEN_KEY,
      log: world.log,
      clock: systemClock,
      nodeName: 'gw',
      checkAnswers: true,
      ...more,
    })
    await gateway.start()
    while (!gateway.ready()) await world.settle()
    return new HttpWorld(world, gateway)
  }

  stop(): Promise<void> {
    return this.gateway.drain()
  }

  packId(): PackId {
    return makePackId(systemClock.now(), this.world.random.bytes(10))
  }

  token(user: string, { forMs = 60_000, issuedAt = systemClock.now(), tokenId = 'jti' } = {}): Promise<string> {
    return issueToken(TOKEN_KEY, { userId: user as UserId, expiresAt: systemClock.now() + forMs, issuedAt, tokenId })
  }

  /** Writes a key of an app to the log, as an operator does, and gives it. */
  async key(
    app: string,
    {
      scopes = ALL_SCOPES as readonly Scope[],
      keyId = 'k1',
      expiresAt,
    }: { scopes?: readonly Scope[]; keyId?: string; expiresAt?: number } = {},
  ): Promise<string> {
    const secret = 'secret'
    await this.append(`a:${app}`, app, {
      kind: 'CreateKey',
      keyId,
      name: 'test',
      secretHash: secretHash(secret),
      scopes: [...scopes],
    })
    if (expiresAt !== undefined) await this.append(`a:${app}`, app, { kind: 'SetKeyExpiry', keyId, expiresAt })
    return keyText({ app, keyId, secret })
  }

  /** Appends a pack of an operator, past every gateway. */
  async append(sessionId: string, from: string, body: PackBody): Promise<void> {
    const { log, topics, codecs } = this.world
    const pack = makePack({
      sessionId: sessionId as SessionId,
      from: from as UserId,
      body,
      packId: this.packId(),
      actor: { kind: 'OPERATOR', id: 'operator' },
      gateway: 'operator',
    })
    await appendPack({ log, topic: topics.packs, codec: codecs.packs }, pack)
    await this.world.settle()
  }

  async call(method: string, path: string, options: CallOptions = {}): Promise<Reply> {
    const { user = 'alice', body, headers = {} } = options
    const bearer = options.bearer ?? (user === '' ? '' : await this.token(user))
    const response = await fetch(`http://127.0.0.1:${this.gateway.port}${path}`, {
      method,
      headers: {
        ...(bearer === '' ? {} : { authorization: `Bearer ${bearer}` }),
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
        ...headers,
      },
      ...(body === undefined ? {} : { body: typeof body === 'string' ? body : JSON.stringify(body) }),
    })
    return {
      status: response.status,
      type: response.headers.get('content-type') ?? '',
      headers: response.headers,
      body: JSON.parse(await response.text()) as Record<string, unknown>,
    }
  }
}
