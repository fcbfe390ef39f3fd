import { z } from 'zod'
import type { Clock, Millis, Random } from '../../infra/clock.ts'
import { type AppKey, PER_DAY_MAX } from '../../schemas/apps.ts'
import { KEY_QUOTA_ACT } from '../../schemas/event.ts'
import type { PackId, UserId } from '../../schemas/ids.ts'
import type { PackBody } from '../../schemas/pack.ts'
import type { KeyIndex } from '../ws/key-index.ts'
import { appSessionId, noteAct, submitAppPack } from './app-packs.ts'
import { ID_PATTERN } from './avro-schemas.ts'
import type { DayCounts } from './day-counts.ts'
import type { CallsNow } from './frame-routes.ts'
import { derivedPackId } from './idempotency.ts'
import { drawKey, type KeyUses } from './keys.ts'
import { type OutcomeBody, outcomeOf, outcomeSchema } from './outcome.ts'
import { Problem } from './problem.ts'
import { type Route, type RouteCall, route } from './route.ts'
import { ALL_SCOPES, type Scope } from './scopes.ts'

/**
 * Keys of an app. The secret is told once, when the key is made; the log and the views have its hash. A key makes no
 * other that may do more than itself; only `apps:write` makes keys of other apps.
 */

export interface KeyRouteParts {
  calls: CallsNow
  clock: Clock
  random: Random
  keys(): KeyIndex
  uses: KeyUses
  dayCounts: DayCounts
}

const YEARS_MS_MAX: Millis = 10 * 366 * 86_400_000
const OVERLAP_MS_MAX: Millis = 30 * 86_400_000
const OVERLAP_MS_DEFAULT: Millis = 86_400_000

const keyFields = {
  keyId: z.string(),
  name: z.string(),
  scopes: z.array(z.string()),
  createdAt: z.int(),
  expiresAt: z.int().optional().describe('Absent: it does not expire.'),
  perSecond: z.int().optional().describe('Requests that it may make in a second on one gateway; absent: the default.'),
}
const keySchema = z
  .strictObject({
    ...keyFields,
    lastUsedAt: z.int().optional().describe('Absent: not known.'),
    perDay: z
      .int()
      .optional()
      .describe('Requests that it may make in a day (UTC), over all gateways; absent: no limit.'),
    usedToday: z.int().optional().describe('Requests of today, where there is a limit and they are known.'),
  })
  .meta({ id: 'Key' })
const madeSchema = z
  .strictObject({ ...keyFields, key: z.string().describe('The key itself, told only now.') })
  .meta({ id: 'MadeKey' })

const newKeyBody = z.strictObject({
  name: z.string().min(1).max(100),
  scopes: z.array(z.enum(ALL_SCOPES)).min(1).max(ALL_SCOPES.length),
  expiresInMs: z.int().min(1_000).max(YEARS_MS_MAX).optional().describe('Absent: it does not expire.'),
  perSecond: z.int().min(1).max(100_000).optional(),
})
const quotaBody = z.strictObject({
  perDay: z.int().min(1).max(PER_DAY_MAX).nullable().describe('Requests in a day (UTC); null: no limit.'),
})
const keyParams = z.strictObject({ keyId: z.string().regex(ID_PATTERN) })
const appParams = z.strictObject({ app: z.string().regex(ID_PATTERN) })

export function keyRoutes(parts: KeyRouteParts): Route[] {
  const { calls, clock, keys, uses, dayCounts } = parts
  const write = { tag: 'keys', scope: 'keys:write', actsFor: 'app' } as const
  const listed = async (app: UserId) => {
    const [all, used] = await Promise.all([keys().list(app), uses.of(app).catch(() => new Map<string, Millis>())])
    const keyIds = all.map(({ keyId }) => keyId)
    const quotas = await Promise.all(keyIds.map(keyId => keys().perDay(app, keyId)))
    const today = await dayCounts.of({ app, keyIds, now: clock.now() }).catch(() => [])
    return {
      keys: all.map((key, i) => ({
        ...shown(key),
        ...lastUse(used.get(key.keyId)),
        ...(quotas[i] === undefined ? {} : { perDay: quotas[i] }),
        ...(quotas[i] === undefined || today[i] === undefined ? {} : { usedToday: today[i] }),
      })),
    }
  }
  return [
    route({
      method: 'GET',
      url: '/v1/keys',
      id: 'listKeys',
      tag: 'keys',
      scope: 'keys:read',
      actsFor: 'app',
      summary: 'List the keys of the app, those that have expired as well',
      answer: z.strictObject({ keys: z.array(keySchema) }),
      handle: ({ identity }) => listed(identity.userId),
    }),
    route({
      ...write,
      method: 'POST',
      url: '/v1/keys',
      id: 'createKey',
      summary: 'Create a key of the app',
      body: newKeyBody,
      status: 201,
      answer: madeSchema,
      handle: call => {
        refuseMore(call, call.body.scopes)
        return createKey(parts, call, call.identity.userId)
      },
    }),
    route({
      ...write,
      method: 'POST',
      url: '/v1/keys/:keyId/rotate',
      id: 'rotateKey',
      summary: 'Create the successor of a key, which ends after a while',
      params: keyParams,
      body: z
        .strictObject({
          overlapMs: z.int().min(0).max(OVERLAP_MS_MAX).optional().describe('How long both are good; absent: a day.'),
        })
        .optional(),
      status: 201,
      answer: madeSchema,
      handle: async call => {
        const { identity, params, body } = call
        const old = await keys().find(identity.userId, params.keyId)
        if (old === undefined) throw noKey()
        refuseMore(call, old.scopes)
        const { name, scopes, perSecond } = old
        const made = await createKey(
          parts,
          { ...call, body: { name, scopes: scopes as Scope[], perSecond } },
          identity.userId,
        )
        const perDay = await keys().perDay(identity.userId, params.keyId)
        if (perDay !== undefined) {
          await setQuota(parts, call, made.keyId, perDay, derivedPackId(call.packId, `quota ${made.keyId}`))
        }
        const expiresAt = clock.now() + (body?.overlapMs ?? OVERLAP_MS_DEFAULT)
        const packId = derivedPackId(call.packId, `expire ${params.keyId}`)
        await appPack(parts, call, packId, { kind: 'SetKeyExpiry', keyId: params.keyId, expiresAt })
        return made
      },
    }),
    route({
      ...write,
      method: 'PUT',
      url: '/v1/keys/:keyId/quota',
      id: 'setKeyQuota',
      summary: 'Say how many requests a key may make in a day',
      description:
        'Every request counts, whatever comes of it; its successor by rotation has the same limit and a count of its own.',
      params: keyParams,
      body: quotaBody,
      answer: outcomeSchema,
      handle: async call => {
        const { keyId } = call.params
        if ((await keys().find(call.identity.userId, keyId)) === undefined) throw noKey()
        return setQuota(parts, call, keyId, call.body.perDay, call.packId)
      },
    }),
    route({
      ...write,
      method: 'DELETE',
      url: '/v1/keys/:keyId',
      id: 'revokeKey',
      summary: 'End a key at once',
      params: keyParams,
      answer: outcomeSchema,
      handle: async call => {
        const { keyId } = call.params
        await noteAct(calls(), call, { act: 'revokeKey', subject: keyId })
        return appPack(parts, call, call.packId, { kind: 'RevokeKey', keyId })
      },
    }),
    route({
      method: 'GET',
      url: '/v1/apps/:app/keys',
      id: 'listAppKeys',
      tag: 'keys',
      scope: 'apps:write',
      actsFor: 'app',
      summary: 'List the keys of any app',
      params: appParams,
      answer: z.strictObject({ keys: z.array(keySchema) }),
      handle: ({ params }) => listed(params.app as UserId),
    }),
    route({
      method: 'POST',
      url: '/v1/apps/:app/keys',
      id: 'createAppKey',
      tag: 'keys',
      scope: 'apps:write',
      actsFor: 'app',
      summary: 'Create a key of any app; the app is there with its first key',
      params: appParams,
      body: newKeyBody,
      status: 201,
      answer: madeSchema,
      handle: call => createKey(parts, call, call.params.app as UserId),
    }),
  ]
}

type NewKeyCall = Pick<RouteCall, 'caller' | 'identity' | 'packId' | 'requestId'> & { body: z.infer<typeof newKeyBody> }

async function createKey(
  { calls, clock, random }: KeyRouteParts,
  call: NewKeyCall,
  app: UserId,
): Promise<z.infer<typeof madeSchema>> {
  const { name, scopes, expiresInMs, perSecond } = call.body
  const now = clock.now()
  const { keyId, secretHash, text } = drawKey(app, random)
  await noteAct(calls(), call, { act: 'createKey', subject: `${app}.${keyId}`, name, scopes })
  const key = {
    keyId,
    name,
    scopes: [...scopes],
    ...(expiresInMs === undefined ? {} : { expiresAt: now + expiresInMs }),
    ...(perSecond === undefined ? {} : { perSecond }),
  }
  // Sent again, it is another key: the secret of the first is told to nobody twice.
  const { at } = outcomeOf(
    await submitAppPack(calls(), asOperator(call.identity, app), {
      packId: derivedPackId(call.packId, `create ${keyId}`),
      sessionId: appSessionId(app),
      from: app,
      body: { kind: 'CreateKey', ...key, secretHash },
    }),
  )
  return { ...key, createdAt: at, key: text }
}

/** An app writes to its own session; to that of another one only as an operator. */
function asOperator(identity: RouteCall['identity'], app: UserId): RouteCall['identity'] {
  return identity.userId === app ? identity : { ...identity, actor: { kind: 'OPERATOR', id: identity.userId } }
}

async function appPack(
  { calls }: KeyRouteParts,
  { identity }: Pick<RouteCall, 'identity'>,
  packId: PackId,
  body: PackBody,
): Promise<OutcomeBody> {
  const app = identity.userId
  return outcomeOf(await submitAppPack(calls(), identity, { packId, sessionId: appSessionId(app), from: app, body }))
}

/** An act of the app (docs/adr/0024): the last one of a key counts, on every gateway that has read it. */
async function setQuota(
  parts: KeyRouteParts,
  { caller, identity, requestId }: Pick<RouteCall, 'caller' | 'identity' | 'requestId'>,
  keyId: string,
  perDay: number | null,
  packId: PackId,
): Promise<OutcomeBody> {
  const by = caller.kind === 'app' ? { keyId: caller.keyId } : {}
  const detail = JSON.stringify({ perDay, ...by, requestId })
  return appPack(parts, { identity }, packId, { kind: 'RecordAct', act: KEY_QUOTA_ACT, subject: keyId, detail })
}

function noKey(): Problem {
  return new Problem('NOT_EXIST', 'there is no such key')
}

function refuseMore({ caller }: Pick<RouteCall, 'caller'>, scopes: readonly string[]): void {
  const more = caller.kind === 'app' ? scopes.find(scope => !caller.scopes.has(scope as Scope)) : undefined
  if (more !== undefined) throw new Problem('ACCESS_DENIED', `the key has no scope ${more} to give`)
}

function shown({ keyId, name, scopes, at, expiresAt, perSecond }: AppKey): z.infer<typeof keySchema> {
  return {
    keyId,
    name,
    scopes,
    createdAt: at,
    ...(expiresAt === undefined ? {} : { expiresAt }),
    ...(perSecond === undefined ? {} : { perSecond }),
  }
}

function lastUse(at: Millis | undefined): { lastUsedAt?: Millis } {
  return at === undefined ? {} : { lastUsedAt: at }
}
