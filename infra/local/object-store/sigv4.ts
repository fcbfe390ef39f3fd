import { createHash, createHmac, timingSafeEqual } from 'node:crypto'
import type { Millis } from '../../clock.ts'

/**
 * Checks signatures of AWS (version 4) as S3 does, in the query (a presigned URL) or in the header Authorization. It is
 * written from the description of the signature and shares nothing with what signs, so each of the two checks the other.
 */

export interface Credentials {
  accessKeyId: string
  secretAccessKey: string
  region: string
}

export interface SignedRequest {
  method: string
  /** As it was sent: path and query. */
  url: string
  /** Names in lower case. */
  headers: Readonly<Record<string, string | string[] | undefined>>
}

export type SignatureFault = 'AccessDenied' | 'InvalidAccessKeyId' | 'SignatureDoesNotMatch' | 'RequestTimeTooSkewed'

const ALGORITHM = 'AWS4-HMAC-SHA256'
const EXPIRES_SECONDS_MAX = 604_800
const SKEW_MS_MAX: Millis = 900_000
const UNSIGNED = 'UNSIGNED-PAYLOAD'

interface Claim {
  credential: string
  signedHeaders: string
  signature: string
  datetime: string
  /** Until when it is good, after its time. */
  lifeMs: Millis
  payloadHash: string
}

/** Why the request is not let in; undefined where it is. */
export function signatureFault(request: SignedRequest, who: Credentials, now: Millis): SignatureFault | undefined {
  const query = new URL(request.url, 'http://store').searchParams
  const claim = query.has('X-Amz-Signature') ? claimOfQuery(query) : claimOfHeader(request)
  if (claim === undefined) return 'AccessDenied'
  const [keyId, date = '', ...scope] = claim.credential.split('/')
  if (keyId !== who.accessKeyId) return 'InvalidAccessKeyId'
  const at = timeOf(claim.datetime)
  if (at === undefined || date !== claim.datetime.slice(0, 8)) return 'AccessDenied'
  if (scope.join('/') !== `${who.region}/s3/aws4_request`) return 'AccessDenied'
  if (at > now + SKEW_MS_MAX) return 'RequestTimeTooSkewed'
  if (now >= at + claim.lifeMs) return 'AccessDenied'
  const names = claim.signedHeaders.split(';')
  if (!names.includes('host') || !signsAll(request, names)) return 'AccessDenied'
  const text = [ALGORITHM, claim.datetime, [date, ...scope].join('/'), sha256(canonical(request, query, names, claim))]
  const key = ['s3', 'aws4_request'].reduce(hmac, hmac(hmac(`AWS4${who.secretAccessKey}`, date), who.region))
  const expected = hmac(key, text.join('\n'))
  const given = Buffer.from(claim.signature, 'hex')
  const isRight = given.length === expected.length && timingSafeEqual(given, expected)
  return isRight ? undefined : 'SignatureDoesNotMatch'
}

function claimOfQuery(query: URLSearchParams): Claim | undefined {
  const value = (name: string) => query.get(`X-Amz-${name}`) ?? ''
  const seconds = Number(value('Expires'))
  if (value('Algorithm') !== ALGORITHM || !Number.isInteger(seconds)) return undefined
  if (seconds < 1 || seconds > EXPIRES_SECONDS_MAX) return undefined
  return {
    credential: value('Credential'),
    signedHeaders: value('SignedHeaders'),
    signature: value('Signature'),
    datetime: value('Date'),
    lifeMs: seconds * 1_000,
    payloadHash: UNSIGNED,
  }
}

function claimOfHeader({ headers }: SignedRequest): Claim | undefined {
  const match = /^AWS4-HMAC-SHA256 Credential=([^,]+), *SignedHeaders=([^,]+), *Signature=([0-9a-f]+)$/.exec(
    String(headers.authorization ?? ''),
  )
  const payloadHash = headers['x-amz-content-sha256']
  if (match === null || typeof payloadHash !== 'string') return undefined
  const [, credential = '', signedHeaders = '', signature = ''] = match
  const datetime = String(headers['x-amz-date'] ?? '')
  return { credential, signedHeaders, signature, datetime, lifeMs: SKEW_MS_MAX, payloadHash }
}

/** `20261126T221500Z` to milliseconds since the epoch. */
function timeOf(datetime: string): Millis | undefined {
  const match = /^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/.exec(datetime)
  if (match === null) return undefined
  const [year, month, day, hour, minute, second] = match.slice(1).map(Number) as [number, ...number[]]
  return Date.UTC(year, month! - 1, day, hour, minute, second)
}

/** What changes the meaning of a request must be signed. */
function signsAll({ headers }: SignedRequest, names: readonly string[]): boolean {
  return Object.keys(headers).every(name => !name.startsWith('x-amz-') || names.includes(name))
}

function canonical(
  { method, url, headers }: SignedRequest,
  query: URLSearchParams,
  names: readonly string[],
  { payloadHash }: Claim,
): string {
  const [path = '/'] = url.split('?')
  const pairs = [...query]
    .filter(([name]) => name !== 'X-Amz-Signature')
    .map(([name, value]) => `${encode(name)}=${encode(value)}`)
  const lines = names.map(
    name =>
      `${name}:${String(headers[name] ?? '')
        .trim()
        .replace(/\s+/g, ' ')}\n`,
  )
  const encodedPath = decodePath(path).split('/').map(encode).join('/')
  return [method, encodedPath, pairs.sort().join('&'), lines.join(''), names.join(';'), payloadHash].join('\n')
}

function decodePath(path: string): string {
  try {
    return decodeURIComponent(path)
  } catch {
    return path
  }
}

function encode(text: string): string {
  return encodeURIComponent(text).replace(/[!'()*]/g, mark => `%${mark.charCodeAt(0).toString(16).toUpperCase()}`)
}

function sha256(text: string): string {
  return createHash('sha256').update(text).digest('hex')
}

function hmac(key: string | Buffer, text: string): Buffer {
  return createHmac('sha256', key).update(text).digest()
}
