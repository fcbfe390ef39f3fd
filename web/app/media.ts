import { useContext, useEffect, useState } from 'react'
import type { Content, Seq, SessionId } from '../../client/sdk.ts'
import { portableClock } from '../../client/sdk.ts'
import type { MediaFile } from '../../schemas/content.ts'
import { MessengerContext } from './messenger-context.ts'

/** Files of messages: put into the store of files, and got from it, by links that the gateway signs (docs/media.md). */

const MEDIA_PATH = '/v1/media/'
/** The view that says who may see a file may be a moment behind. */
const LINK_TRIES_MAX = 5
const LINK_RETRY_MS = 700

/** The message that shows a file; undefined for one of one's own that is under way. */
export interface MediaPlace {
  sessionId: SessionId
  seq: Seq
}

interface UploadStarted {
  path: string
  upload: { url: string; headers: Record<string, string> }
}

/** Puts a file into the store. Rejects with what the server or the store said. */
export async function uploadFile(
  file: File,
  { token, onProgress }: { token: string; onProgress(part: number): void },
): Promise<MediaFile> {
  if (globalThis.crypto.subtle === undefined) throw new Error('files need https')
  const digest = await crypto.subtle.digest('SHA-256', await file.arrayBuffer())
  const hash = Array.from(new Uint8Array(digest), byte => byte.toString(16).padStart(2, '0')).join('')
  const mime = file.type.split(';')[0]!.trim().toLowerCase() || 'application/octet-stream'
  const announced = { mime, size: file.size, hash }
  const started = (await call('POST', MEDIA_PATH.slice(0, -1), token, announced)) as UploadStarted
  await put(file, started.upload, onProgress)
  return { url: new URL(started.path, location.href).href, ...announced, name: file.name }
}

/** What a message holds that shows this file: pictures that the browser can draw are shown, all else is offered. */
export async function contentOf(file: File, stored: MediaFile): Promise<Content> {
  const picture = file.type.startsWith('image/') ? await createImageBitmap(file).catch(() => undefined) : undefined
  if (picture === undefined) return { kind: 'File', file: stored }
  const { width, height } = picture
  picture.close()
  return { kind: 'Image', file: stored, width, height }
}

/** Where the file can be got now; undefined while that is asked for, and where it cannot be had. */
export function useFileUrl(url: string, place: MediaPlace | undefined): string | undefined {
  const { token } = useContext(MessengerContext)!
  const isOurs = url.startsWith(new URL(MEDIA_PATH, location.href).href)
  const [found, setFound] = useState<string>()
  const [sessionId, seq] = [place?.sessionId, place?.seq]
  useEffect(() => {
    if (!isOurs) return
    let isCurrent = true
    const query = sessionId === undefined ? '' : `?sessionId=${encodeURIComponent(sessionId)}&seq=${seq}`
    const ask = async () => {
      for (let tries = 0; isCurrent && tries < LINK_TRIES_MAX; tries++) {
        try {
          const link = (await call('GET', new URL(url).pathname + query, await token())) as { url: string }
          if (isCurrent) setFound(link.url)
          return
        } catch {
          await portableClock.sleep(LINK_RETRY_MS)
        }
      }
    }
    void ask()
    return () => {
      isCurrent = false
    }
  }, [url, isOurs, sessionId, seq, token])
  return isOurs ? found : url
}

async function call(method: string, path: string, token: string, body?: object): Promise<unknown> {
  const response = await fetch(path, {
    method,
    headers: { authorization: `Bearer ${token}`, ...(body && { 'content-type': 'application/json' }) },
    ...(body && { body: JSON.stringify(body) }),
  })
  const answer = (await response.json()) as { detail?: string }
  if (!response.ok) throw new Error(answer.detail ?? response.statusText)
  return answer
}

/** XMLHttpRequest, because `fetch` does not tell how much has been sent. */
function put(file: File, { url, headers }: UploadStarted['upload'], onProgress: (part: number) => void): Promise<void> {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest()
    request.open('PUT', url)
    for (const [name, value] of Object.entries(headers)) {
      // The browser sets this one by itself and lets nobody else do it.
      if (name.toLowerCase() !== 'content-length') request.setRequestHeader(name, value)
    }
    request.upload.onprogress = ({ loaded, total }) => onProgress(loaded / total)
    request.onload = () => (request.status < 300 ? resolve() : reject(new Error(`${request.status}`)))
    request.onerror = () => reject(new Error('the store of files cannot be reached'))
    request.send(file)
  })
}
