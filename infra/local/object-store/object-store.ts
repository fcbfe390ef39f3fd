import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { pipeline } from 'node:stream/promises'
import type { Clock } from '../../clock.ts'
import { BadObject, type ObjectFacts, ObjectFiles } from './object-files.ts'
import { type Credentials, type SignatureFault, signatureFault } from './sigv4.ts'

/**
 * The object store of the local stack: PUT, GET with ranges, HEAD and DELETE of S3 over a directory, for one bucket and
 * one pair of keys. Every request has to be signed. Browsers of any origin may use what was signed for them, as a bucket
 * in the cloud is usually told to let them.
 */

export interface ObjectStoreOptions {
  dir: string
  host: string
  /** 0: any. */
  port: number
  bucket: string
  credentials: Credentials
  clock: Pick<Clock, 'now'>
}

export interface ObjectStore {
  /** `http://host:port/bucket` */
  readonly url: string
  close(): Promise<void>
}

/** Largest object, bytes: that of one PUT of S3. */
export const OBJECT_BYTES_MAX = 5 * 1024 ** 3

type Fault =
  | SignatureFault
  | BadObject['code']
  | 'NoSuchKey'
  | 'NoSuchBucket'
  | 'InvalidRange'
  | 'MethodNotAllowed'
  | 'MissingContentLength'
  | 'EntityTooLarge'

const STATUS: Record<Fault, number> = {
  AccessDenied: 403,
  InvalidAccessKeyId: 403,
  SignatureDoesNotMatch: 403,
  RequestTimeTooSkewed: 403,
  BadDigest: 400,
  IncompleteBody: 400,
  NoSuchKey: 404,
  NoSuchBucket: 404,
  InvalidRange: 416,
  MethodNotAllowed: 405,
  MissingContentLength: 411,
  EntityTooLarge: 400,
}

/** Listens. Rejects when the address cannot be had. */
export async function startObjectStore(options: ObjectStoreOptions): Promise<ObjectStore> {
  const { host, port, bucket } = options
  const handler = new Handler(options)
  const server = createServer((request, response) => {
    handler.handle(request, response).catch(() => response.destroy())
  })
  await listen(server, { host, port })
  const { port: listening } = server.address() as AddressInfo
  return {
    url: `http://${host}:${listening}/${bucket}`,
    close: () =>
      new Promise(resolve => {
        server.close(() => resolve())
        server.closeAllConnections()
      }),
  }
}

function listen(server: Server, address: { host: string; port: number }): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject)
    server.listen(address, resolve)
  })
}

class Handler {
  private readonly options: ObjectStoreOptions
  private readonly files: ObjectFiles

  constructor(options: ObjectStoreOptions) {
    this.options = options
    this.files = new ObjectFiles(options.dir)
  }

  async handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    letBrowsersIn(response)
    if (request.method === 'OPTIONS') return void response.writeHead(204).end()
    const { url = '/', method = 'GET', headers } = request
    const fault = signatureFault({ method, url, headers }, this.options.credentials, this.options.clock.now())
    if (fault !== undefined) return refuse(request, response, fault)
    const { pathname, searchParams } = new URL(url, 'http://store')
    const [, bucket, ...rest] = pathname.split('/')
    const key = decodeURIComponent(rest.join('/'))
    if (bucket !== this.options.bucket) return refuse(request, response, 'NoSuchBucket')
    if (key === '') return refuse(request, response, 'MethodNotAllowed')
    switch (method) {
      case 'PUT':
        return this.put(key, request, response)
      case 'GET':
      case 'HEAD':
        return this.get(key, request, response, searchParams)
      case 'DELETE':
        await this.files.remove(key)
        return void response.writeHead(204).end()
      default:
        return refuse(request, response, 'MethodNotAllowed')
    }
  }

  private async put(key: string, request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { headers } = request
    const length = headers['content-length']
    if (length === undefined) return refuse(request, response, 'MissingContentLength')
    const size = Number(length)
    if (size > OBJECT_BYTES_MAX) return refuse(request, response, 'EntityTooLarge')
    const contentType = headers['content-type'] ?? 'binary/octet-stream'
    const checksum = headers['x-amz-checksum-sha256'] as string | undefined
    const modifiedAt = this.options.clock.now()
    try {
      const stored = await this.files.put(request, { key, size, contentType, checksum, modifiedAt })
      response.writeHead(200, { etag: etagOf(stored), 'x-amz-checksum-sha256': stored.checksum }).end()
    } catch (error) {
      if (!(error instanceof BadObject)) throw error
      refuse(request, response, error.code)
    }
  }

  private async get(
    key: string,
    request: IncomingMessage,
    response: ServerResponse,
    query: URLSearchParams,
  ): Promise<void> {
    const facts = await this.files.facts(key)
    if (facts === undefined) return refuse(request, response, 'NoSuchKey')
    const { size, contentType, checksum, modifiedAt } = facts
    const range = rangeOf(request.headers.range, size)
    if (range === 'outside') return refuse(request, response, 'InvalidRange')
    const { start, end } = range ?? { start: 0, end: size - 1 }
    const disposition = query.get('response-content-disposition')
    response.writeHead(range === undefined ? 200 : 206, {
      'accept-ranges': 'bytes',
      'content-length': String(end - start + 1),
      'content-type': query.get('response-content-type') ?? contentType,
      'last-modified': new Date(modifiedAt).toUTCString(),
      etag: etagOf(facts),
      'x-amz-checksum-sha256': checksum,
      'x-content-type-options': 'nosniff',
      ...(disposition === null ? {} : { 'content-disposition': disposition }),
      ...(range === undefined ? {} : { 'content-range': `bytes ${start}-${end}/${size}` }),
    })
    if (request.method === 'HEAD' || size === 0) return void response.end()
    await pipeline(this.files.read(key, { start, end }), response)
  }
}

function etagOf({ checksum }: ObjectFacts): string {
  return `"${Buffer.from(checksum, 'base64').toString('hex').slice(0, 32)}"`
}

/** Of `bytes=a-b`, `bytes=a-`, `bytes=-n`; undefined for none, or for one that is to be passed over. */
export function rangeOf(
  header: string | undefined,
  size: number,
): { start: number; end: number } | 'outside' | undefined {
  const match = /^bytes=(\d*)-(\d*)$/.exec(header ?? '')
  if (match === null) return undefined
  const [, first = '', last = ''] = match
  if (first === '' && last === '') return undefined
  const start = first === '' ? Math.max(0, size - Number(last)) : Number(first)
  const end = first === '' || last === '' ? size - 1 : Math.min(Number(last), size - 1)
  if (first !== '' && last !== '' && Number(last) < start) return undefined
  return start >= size || (first === '' && Number(last) === 0) ? 'outside' : { start, end }
}

function letBrowsersIn(response: ServerResponse): void {
  response.setHeader('access-control-allow-origin', '*')
  response.setHeader('access-control-allow-methods', 'GET, HEAD, PUT, DELETE')
  response.setHeader('access-control-allow-headers', 'content-type, range, x-amz-checksum-sha256')
  response.setHeader('access-control-expose-headers', 'accept-ranges, content-range, etag')
}

function refuse(request: IncomingMessage, response: ServerResponse, code: Fault): void {
  const body = `<?xml version="1.0" encoding="UTF-8"?>\n<Error><Code>${code}</Code></Error>`
  const isHead = request.method === 'HEAD'
  // What was not read of a body must not be taken for the next request.
  response.writeHead(STATUS[code], { 'content-type': 'application/xml', connection: 'close' }).end(isHead ? '' : body)
}
