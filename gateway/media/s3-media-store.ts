import { createHash } from 'node:crypto'
import { AwsV4Signer } from 'aws4fetch'
import type { Clock, Millis } from '../../infra/clock.ts'
import { Deadline } from '../ws/deadline.ts'
import type { MediaStore } from './media-store.ts'

/** How long the store may take to say what it has. */
export const STORE_MS_MAX: Millis = 3_000
/** How long it may take a file of the gateway's own; they have few megabytes. */
export const PUT_MS_MAX: Millis = 30_000

/** The store does not answer, or not as it should. */
export class MediaStoreAway extends Error {
  override readonly name = 'MediaStoreAway'
}

export interface S3Options {
  /** `https://host/bucket`, or `https://bucket.host`. */
  url: string
  region: string
  accessKeyId: string
  secretAccessKey: string
  clock: Clock
}

/**
 * Files in a store that speaks S3. What is signed for an upload are its size, type and SHA-256 as well: the store takes
 * nothing else under that link.
 */
export function s3MediaStore({ url, region, accessKeyId, secretAccessKey, clock }: S3Options): MediaStore {
  const base = url.replace(/\/$/, '')
  const sign = async (method: string, key: string, more: Signing) => {
    const target = new URL(`${base}/${key.split('/').map(encodeURIComponent).join('/')}`)
    for (const [name, value] of Object.entries(more.query ?? {})) target.searchParams.set(name, value)
    target.searchParams.set('X-Amz-Expires', String(Math.floor(more.lifeMs / 1_000)))
    const signer = new AwsV4Signer({
      method,
      url: target.href,
      headers: more.headers ?? {},
      accessKeyId,
      secretAccessKey,
      region,
      service: 's3',
      datetime: new Date(clock.now()).toISOString().replace(/[:-]|\.\d{3}/g, ''),
      signQuery: true,
      allHeaders: true,
    })
    return (await signer.sign()).url.href
  }
  const call = async (method: 'HEAD' | 'DELETE', key: string): Promise<Response> => {
    return answer(await sign(method, key, { lifeMs: SIGNED_CALL_MS }), { method }, STORE_MS_MAX)
  }
  const answer = async (signed: string, request: RequestInit, limitMs: Millis): Promise<Response> => {
    const deadline = new Deadline(clock, limitMs)
    try {
      return await fetch(signed, { ...request, redirect: 'error', signal: deadline.signal })
    } catch (cause) {
      throw new MediaStoreAway('the store of files does not answer', { cause })
    } finally {
      deadline.end()
    }
  }
  const uploadLink: MediaStore['uploadLink'] = async ({ key, mime, size, hash, lifeMs }) => {
    const checksum = Buffer.from(hash, 'hex').toString('base64')
    const headers = { 'content-length': String(size), 'content-type': mime, 'x-amz-checksum-sha256': checksum }
    return { url: await sign('PUT', key, { lifeMs, headers }), headers }
  }
  return {
    uploadLink,
    put: async ({ key, mime, content }) => {
      const hash = createHash('sha256').update(content).digest('hex')
      const link = await uploadLink({ key, mime, size: Buffer.byteLength(content), hash, lifeMs: SIGNED_CALL_MS })
      const { status } = await answer(link.url, { method: 'PUT', headers: link.headers, body: content }, PUT_MS_MAX)
      if (status !== 200) throw new MediaStoreAway(`the store of files answers ${status}`)
    },
    downloadLink: ({ key, lifeMs, disposition, mime }) => {
      const query = { 'response-content-disposition': disposition, 'response-content-type': mime }
      return sign('GET', key, { lifeMs, query })
    },
    facts: async key => {
      const { status, headers } = await call('HEAD', key)
      if (status === 404) return undefined
      if (status !== 200) throw new MediaStoreAway(`the store of files answers ${status}`)
      const mime = headers.get('content-type') ?? 'application/octet-stream'
      return { size: Number(headers.get('content-length')), mime }
    },
    remove: async key => {
      const { status } = await call('DELETE', key)
      if (status !== 204 && status !== 404) throw new MediaStoreAway(`the store of files answers ${status}`)
    },
  }
}

interface Signing {
  lifeMs: Millis
  headers?: Record<string, string>
  query?: Record<string, string>
}

const SIGNED_CALL_MS: Millis = 60_000
