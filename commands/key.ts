import { existsSync, mkdirSync, renameSync, writeFileSync } from 'node:fs'
import { dirname } from 'node:path'
import { drawKey } from '../gateway/http/keys.ts'
import { ALL_SCOPES, isScope, type Scope } from '../gateway/http/scopes.ts'
import { BadConfig } from '../infra/config.ts'
import { connectRedis, redisReady } from '../infra/redis/redis.ts'
import type { AppsReader } from '../processors/membership/apps-store.ts'
import { appsReader } from '../processors/membership/main.ts'
import { PER_DAY_MAX } from '../schemas/apps.ts'
import { KEY_QUOTA_ACT } from '../schemas/event.ts'
import { isUserId, type SessionId, type UserId } from '../schemas/ids.ts'
import { OPERATOR_ROLES, OPERATOR_SCOPES, type OperatorRole } from '../schemas/operator-roles.ts'
import type { PackBody } from '../schemas/pack.ts'
import { type Context, closeContext, openContext } from './context.ts'
import { appendOperatorPack, operatorFault, submitOperatorPack } from './operator-pack.ts'

/** Keys of apps, for operators: what they do goes through the log like everything else. */

const USAGE = `key create APP [--name TEXT] [--role ROLE | --scopes a:b,c:d|all] [--days D] [--per-day N]
key list APP
key quota APP KEYID N|none          how many requests it may make in a day (UTC)
key revoke APP KEYID
  roles, of operators in the console: ${OPERATOR_ROLES.join(', ')}
  scopes: ${ALL_SCOPES.join(', ')}`
const DAY_MS = 86_400_000
const DAYS_MAX = 3_660
/** The app whose key may do everything, made when an installation is set up. */
export const ADMIN_APP = 'admin' as UserId

export interface KeyFlags {
  name: string | undefined
  scopes: string | undefined
  role: string | undefined
  days: string | undefined
  perDay: string | undefined
}

export async function keyCommand(options: {
  env: NodeJS.ProcessEnv
  words: readonly string[]
  flags: KeyFlags
}): Promise<number> {
  const { env, words, flags } = options
  const [verb, app, keyId, quota] = words
  if (app === undefined || !isUserId(app)) throw new BadConfig(USAGE)
  const context = await openContext({ ...env, PACKLOG_LOG_LEVEL: 'warn' }, 'key')
  try {
    switch (verb) {
      case 'create': {
        const { body, text } = newKey(context, app, flags)
        const quota = flags.perDay === undefined ? [] : [quotaAct(body.keyId, perDayOf(flags.perDay))]
        return await done(context, app, { bodies: [body, ...quota], line: text })
      }
      case 'list':
        return await listKeys(context, app)
      case 'quota':
        if (keyId === undefined || quota === undefined) throw new BadConfig(USAGE)
        return await setQuota(context, app, { keyId, perDay: perDayOf(quota) })
      case 'revoke':
        if (keyId === undefined) throw new BadConfig(USAGE)
        return await done(context, app, {
          bodies: [{ kind: 'RevokeKey', keyId }],
          line: `${keyId} of ${app} is revoked`,
        })
      default:
        throw new BadConfig(USAGE)
    }
  } finally {
    await closeContext(context)
  }
}

function inApp(app: UserId) {
  return { sessionId: `a:${app}` as SessionId, from: app }
}

/** Says each in turn; prints the line once all were accepted, or why one was not. */
async function done(
  context: Context,
  app: UserId,
  { bodies, line }: { bodies: readonly PackBody[]; line: string },
): Promise<number> {
  for (const body of bodies) {
    const fault = operatorFault(await submitOperatorPack(context, { ...inApp(app), body }))
    if (fault === undefined) continue
    process.stdout.write(`${fault}\n`)
    return 1
  }
  process.stdout.write(`${line}\n`)
  return 0
}

/** The pack that makes a key, and the key. */
function newKey({ clock, random }: Context, app: UserId, flags: KeyFlags) {
  const { keyId, secretHash, text } = drawKey(app, random)
  const body = {
    kind: 'CreateKey' as const,
    keyId,
    name: flags.name ?? 'made by an operator',
    secretHash,
    scopes: scopesOf(flags),
    ...expiryOf(flags.days, clock.now()),
  }
  return { body, text }
}

function scopesOf({ role, scopes: text = 'all' }: Pick<KeyFlags, 'role' | 'scopes'>): Scope[] {
  if (role !== undefined) {
    if (!OPERATOR_ROLES.includes(role as OperatorRole)) throw new BadConfig(USAGE)
    return role === 'admin' ? [...ALL_SCOPES] : [...OPERATOR_SCOPES[role as Exclude<OperatorRole, 'admin'>]]
  }
  if (text === 'all') return [...ALL_SCOPES]
  const scopes = text.split(',')
  if (!scopes.every(isScope)) throw new BadConfig(USAGE)
  return scopes as Scope[]
}

function expiryOf(text: string | undefined, now: number): { expiresAt?: number } {
  if (text === undefined) return {}
  const days = Number(text)
  if (!(days > 0 && days <= DAYS_MAX)) throw new BadConfig(`--days: 1 to ${DAYS_MAX}`)
  return { expiresAt: now + Math.round(days * DAY_MS) }
}

/** `none` takes the limit away. Throws BadConfig. */
function perDayOf(text: string): number | null {
  if (text === 'none') return null
  const perDay = Number(text)
  if (Number.isSafeInteger(perDay) && perDay >= 1 && perDay <= PER_DAY_MAX) return perDay
  throw new BadConfig(`requests in a day: 1 to ${PER_DAY_MAX}, or none`)
}

function quotaAct(keyId: string, perDay: number | null): PackBody {
  return { kind: 'RecordAct', act: KEY_QUOTA_ACT, subject: keyId, detail: JSON.stringify({ perDay }) }
}

async function setQuota(
  context: Context,
  app: UserId,
  { keyId, perDay }: { keyId: string; perDay: number | null },
): Promise<number> {
  const apps = await openApps(context)
  const isThere = (await apps.keys(app)).some(({ key }) => key?.keyId === keyId)
  if (!isThere) {
    process.stdout.write(`${app} has no key ${keyId}\n`)
    return 1
  }
  const limit = perDay === null ? 'no limit' : `${perDay} requests in a day`
  return done(context, app, { bodies: [quotaAct(keyId, perDay)], line: `${keyId} of ${app}: ${limit}` })
}

async function openApps({ config, random, logger, closers }: Context): Promise<AppsReader> {
  const connection = connectRedis({ url: config.redisUrl, prefix: config.redisPrefix, name: 'packlog-key', logger })
  closers.push(() => connection.close())
  await redisReady(connection)
  return appsReader({ connection, random })
}

async function listKeys(context: Context, app: UserId): Promise<number> {
  const apps = await openApps(context)
  const [entries, quotas] = await Promise.all([apps.keys(app), apps.quotas(app)])
  for (const { key } of entries) {
    if (key === undefined) continue
    const end = key.expiresAt === undefined ? 'for ever' : `until ${new Date(key.expiresAt).toISOString()}`
    const perDay = quotas.find(({ keyId }) => keyId === key.keyId)?.perDay
    const limit = perDay === undefined ? '' : `, ${perDay} requests in a day`
    process.stdout.write(`${key.keyId}  ${key.name}  ${end}${limit}  ${key.scopes.join(',')}\n`)
  }
  return 0
}

/** Makes the key of the admin app and writes it to the file, where there is no such file yet; true where it did. */
export async function ensureAdminKey(context: Context, file: string): Promise<boolean> {
  if (existsSync(file)) return false
  const flags = { name: 'made at setup', role: 'admin', scopes: undefined, days: undefined, perDay: undefined }
  const { body, text } = newKey(context, ADMIN_APP, flags)
  // Nobody decides yet: the sequencer starts after the setup.
  await appendOperatorPack(context, { ...inApp(ADMIN_APP), body })
  mkdirSync(dirname(file), { recursive: true })
  const draft = `${file}.draft`
  writeFileSync(draft, `${text}\n`, { mode: 0o600 })
  renameSync(draft, file)
  return true
}
