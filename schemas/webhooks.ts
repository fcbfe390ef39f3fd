import { createHmac, timingSafeEqual } from 'node:crypto'
import type { Millis } from '../infra/clock.ts'
import { eventKinds } from './codec.ts'
import type { UserId } from './ids.ts'

/**
 * What a partner's webhook is, and how what is sent to it is signed.
 *
 * The log and the views never have a secret: it is derived from a master key that only gateways and the webhooks role
 * have (PACKLOG_WEBHOOK_KEY_FILE), from the app, the webhook and its version. A higher version is another secret; for a
 * day after a rotation requests carry the signatures of both.
 */

/** `after`: told of events. `before`: asked about packs, before they are taken. */
export const WEBHOOK_USES = ['after', 'before'] as const
export type WebhookUse = (typeof WEBHOOK_USES)[number]

/** Kinds of sessions, by the letter that their ids begin with. */
export const SESSION_KINDS = { single: 's', group: 'g', notification: 'b', user: 'u', app: 'a' } as const
export type SessionKind = keyof typeof SESSION_KINDS
export const SESSION_KIND_NAMES = Object.keys(SESSION_KINDS) as SessionKind[]

/** The packs that a before-hook can be asked about. */
export const HOOK_PACK_KINDS = ['SendMessage', 'OverrideMessage', 'JoinGroup', 'AddMembers', 'RequestFriend'] as const
export type HookPackKind = (typeof HOOK_PACK_KINDS)[number]

/** What a webhook may be told besides events of the log: that a user has come or gone. Only where it names them. */
export const PRESENCE_KINDS = ['UserOnline', 'UserOffline'] as const
export type PresenceKind = (typeof PRESENCE_KINDS)[number]

/** Outcomes that are no event of an app, a user or a session. */
const TOLD_TO_NOBODY: ReadonlySet<string> = new Set(['PackRefused', 'PackRepeated', 'RulesSet'])
/** What an after-webhook may name. */
export const WEBHOOK_EVENT_KINDS: readonly string[] = [
  ...eventKinds.filter(kind => !TOLD_TO_NOBODY.has(kind)),
  ...PRESENCE_KINDS,
]

export function isPresenceKind(kind: string): kind is PresenceKind {
  return (PRESENCE_KINDS as readonly string[]).includes(kind)
}

export interface WebhookSettings {
  webhookId: string
  url: string
  use: WebhookUse
  /** Kinds of events (after) or of packs (before); empty: all. */
  kinds: string[]
  /** Empty: all. */
  sessionKinds: SessionKind[]
  /** Before-hooks: what a pack becomes when the hook does not answer in time or well. */
  failOpen: boolean
  /** Before-hooks: how long the hook may take. */
  budgetMs: Millis
}

/** A webhook of an app, as it is now. */
export interface AppWebhook extends WebhookSettings {
  /** Of the secret, from 1; a higher one is another secret. */
  secretVersion: number
  /** Log time since when it has been there: earlier events are not sent. */
  since: Millis
  /** Log time of the last rotation of its secret; `since` where there was none. */
  rotatedAt: Millis
}

/** With the app whose it is. */
export interface Webhook extends AppWebhook {
  app: UserId
}

/** Longest URL that is taken, characters. */
export const URL_CHARS_MAX = 2_048
export const WEBHOOK_ID = /^[A-Za-z0-9._-]{1,64}$/
/** Webhooks of one app. */
export const WEBHOOKS_PER_APP_MAX = 32
/** Kinds that one webhook may name. */
export const WEBHOOK_KINDS_MAX = 64
export const HOOK_BUDGET_MS_MIN: Millis = 50
export const HOOK_BUDGET_MS_MAX: Millis = 2_000
export const HOOK_BUDGET_MS_DEFAULT: Millis = 500
/** How long requests carry the signature of the version before, too. */
export const SECRET_OVERLAP_MS: Millis = 86_400_000
/** A signature that is older or newer than this is not to be believed; what the documents advise receivers. */
export const SIGNATURE_AGE_SECONDS_MAX = 300
/** Bytes that a master key must have at least. */
export const MASTER_KEY_BYTES_MIN = 32

export const SIGNATURE_HEADER = 'packlog-signature'

/** The secret of a webhook: what its owner keeps to check signatures. */
export function webhookSecret(
  masterKey: Buffer,
  { app, webhookId, secretVersion }: Pick<Webhook, 'app' | 'webhookId' | 'secretVersion'>,
): string {
  const derived = createHmac('sha256', masterKey).update(`webhook\n${app}\n${webhookId}\n${secretVersion}`)
  return `whsec_${derived.digest('base64url')}`
}

/** The secrets that sign at a time: the present one, and for a while the one before. */
export function signingSecrets(masterKey: Buffer, webhook: Webhook, now: Millis): string[] {
  const { secretVersion, rotatedAt } = webhook
  const secrets = [webhookSecret(masterKey, webhook)]
  if (secretVersion > 1 && now < rotatedAt + SECRET_OVERLAP_MS) {
    secrets.push(webhookSecret(masterKey, { ...webhook, secretVersion: secretVersion - 1 }))
  }
  return secrets
}

/** `t=<seconds>,v1=<hex>[,v1=<hex>]`: HMAC-SHA256 of `<seconds>.<body>` with each secret. */
export function signatureOf(body: string, { secrets, now }: { secrets: readonly string[]; now: Millis }): string {
  const seconds = Math.floor(now / 1_000)
  return [`t=${seconds}`, ...secrets.map(secret => `v1=${hmac(secret, seconds, body)}`)].join(',')
}

function hmac(secret: string, seconds: number, body: string): string {
  return createHmac('sha256', secret).update(`${seconds}.${body}`).digest('hex')
}

/** What a receiver does: true where the body was signed with the secret, and not long ago. */
export function isSigned(
  body: string,
  { signature, secret, now }: { signature: string; secret: string; now: Millis },
): boolean {
  const parts = signature.split(',').map(part => part.split('='))
  const seconds = Number(parts.find(([name]) => name === 't')?.[1])
  if (!Number.isInteger(seconds) || Math.abs(now / 1_000 - seconds) > SIGNATURE_AGE_SECONDS_MAX) return false
  const expected = Buffer.from(hmac(secret, seconds, body))
  return parts.some(([name, value = '']) => {
    const given = Buffer.from(value)
    return name === 'v1' && given.length === expected.length && timingSafeEqual(given, expected)
  })
}

/** What is wrong with a webhook whose fields are of the right types; undefined where nothing is. */
export function settingsProblem({
  url,
  use,
  kinds,
}: Pick<WebhookSettings, 'url' | 'use' | 'kinds'>): string | undefined {
  const problem = urlProblem(url)
  if (problem !== undefined) return `the URL cannot be called: ${problem}`
  const known: readonly string[] = use === 'before' ? HOOK_PACK_KINDS : WEBHOOK_EVENT_KINDS
  const strange = kinds.find(kind => !known.includes(kind))
  if (strange === undefined) return undefined
  return use === 'before' ? `kinds: nobody is asked about ${strange}` : `kinds: there is no event ${strange}`
}

/** Why a URL cannot be called, whatever its name resolves to; undefined where it can. */
export function urlProblem(url: string): string | undefined {
  if (url.length > URL_CHARS_MAX) return `longer than ${URL_CHARS_MAX} characters`
  if (!URL.canParse(url)) return 'not a URL'
  const { protocol, username, password, hash, hostname } = new URL(url)
  if (protocol !== 'https:' && protocol !== 'http:') return 'neither https nor http'
  if (username !== '' || password !== '') return 'user and password are not taken'
  if (hash !== '') return 'a fragment is not taken'
  return hostname === '' ? 'there is no host' : undefined
}
