import { existsSync, mkdirSync, renameSync, writeFileSync } from 'node:fs'
import { dirname } from 'node:path'
import { KEY_ID_BYTES, keyText, SECRET_BYTES } from '../gateway/http/keys.ts'
import { ALL_SCOPES, isScope, type Scope } from '../gateway/http/scopes.ts'
import { secretHash } from '../gateway/ws/key-index.ts'
import { BadConfig } from '../infra/config.ts'
import { connectRedis } from '../infra/redis/redis.ts'
import { appsReader } from '../processors/membership/main.ts'
import { isUserId, type SessionId, type UserId } from '../schemas/ids.ts'
import { OPERATOR_ROLES, OPERATOR_SCOPES, type OperatorRole } from '../schemas/operator-roles.ts'
import { type Context, closeContext, openContext } from './context.ts'
import { appendOperatorPack } from './operator-pack.ts'

/** Keys of apps, for operators: what they do goes through the log like everything else. */

const USAGE = `key create APP [--name TEXT] [--role ROLE | --scopes a:b,c:d|all] [--days D]
key list APP
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
}

export async function keyCommand(options: {
  env: NodeJS.ProcessEnv
  words: readonly string[]
  flags: KeyFlags
}): Promise<number> {
  const { env, words, flags } = options
  const [verb, app, keyId] = words
  if (app === undefined || !isUserId(app)) throw new BadConfig(USAGE)
  const context = await openContext({ ...env, PACKLOG_LOG_LEVEL: 'warn' }, 'key')
  try {
    switch (verb) {
      case 'create': {
        const key = await createKey(context, app, flags)
        process.stdout.write(`${key}\n`)
        return 0
      }
      case 'list':
        return await listKeys(context, app)
      case 'revoke':
        if (keyId === undefined) throw new BadConfig(USAGE)
        await appendOperatorPack(context, { ...inApp(app), body: { kind: 'RevokeKey', keyId } })
        process.stdout.write(`${keyId} of ${app} is revoked\n`)
        return 0
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

/** Makes a key and gives it: it is told only here. */
async function createKey(context: Context, app: UserId, flags: KeyFlags): Promise<string> {
  const { clock, random } = context
  const keyId = random.bytes(KEY_ID_BYTES).toString('base64url')
  const secret = random.bytes(SECRET_BYTES).toString('base64url')
  await appendOperatorPack(context, {
    ...inApp(app),
    body: {
      kind: 'CreateKey',
      keyId,
      name: flags.name ?? 'made by an operator',
      secretHash: secretHash(secret),
      scopes: scopesOf(flags),
      ...expiryOf(flags.days, clock.now()),
    },
  })
  return keyText({ app, keyId, secret })
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

async function listKeys({ config, random, logger, closers }: Context, app: UserId): Promise<number> {
  const connection = connectRedis({ url: config.redisUrl, prefix: config.redisPrefix, name: 'packlog-key', logger })
  closers.push(() => connection.close())
  const { client } = connection
  if (client.status !== 'ready') await new Promise<void>(resolve => client.once('ready', () => resolve()))
  const entries = await appsReader({ connection, random }).keys(app)
  for (const { key } of entries) {
    if (key === undefined) continue
    const end = key.expiresAt === undefined ? 'for ever' : `until ${new Date(key.expiresAt).toISOString()}`
    process.stdout.write(`${key.keyId}  ${key.name}  ${end}  ${key.scopes.join(',')}\n`)
  }
  return 0
}

/** Makes the key of the admin app and writes it to the file, where there is no such file yet; true where it did. */
export async function ensureAdminKey(context: Context, file: string): Promise<boolean> {
  if (existsSync(file)) return false
  const key = await createKey(context, ADMIN_APP, {
    name: 'made at setup',
    role: 'admin',
    scopes: undefined,
    days: undefined,
  })
  mkdirSync(dirname(file), { recursive: true })
  const draft = `${file}.draft`
  writeFileSync(draft, `${key}\n`, { mode: 0o600 })
  renameSync(draft, file)
  return true
}
