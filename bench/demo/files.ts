import { createHash } from 'node:crypto'
import { ApiProblem, PartnerApi } from '../../client/api/partner-api.ts'
import type { MediaFile } from '../../schemas/content.ts'

/** Puts files into the store of files as a client does. */

export interface NewFile {
  name: string
  mime: string
  bytes: Buffer
}

/** The file as a message carries it; undefined where this installation has no store of files. */
export async function uploadFile(
  { name, mime, bytes }: NewFile,
  { url, token }: { url: string; token: string },
): Promise<MediaFile | undefined> {
  const announced = { mime, size: bytes.length, hash: createHash('sha256').update(bytes).digest('hex') }
  const started = await startUpload({ url, token }, announced)
  if (started === undefined) return undefined
  const { path, upload } = started
  const { 'content-length': _given, ...headers } = upload.headers
  const response = await fetch(upload.url, { method: upload.method, headers, body: new Uint8Array(bytes) })
  if (!response.ok) throw new Error(`${name}: the store of files says ${response.status}`)
  return { url: new URL(path, url).href, ...announced, name }
}

async function startUpload({ url, token }: { url: string; token: string }, announced: Omit<MediaFile, 'url' | 'name'>) {
  try {
    return await new PartnerApi({ url, key: token }).call('startUpload', { body: announced })
  } catch (error) {
    if (error instanceof ApiProblem && error.problem.name === 'SERVER_REFUSED') return undefined
    throw error
  }
}
