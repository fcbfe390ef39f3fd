import type { Millis } from '../../infra/clock.ts'

/** What the gateway needs of a store of files; s3-media-store.ts speaks to everything that speaks S3. */
export interface MediaStore {
  /** A link by which exactly this content can be put there, once signed; `headers` have to be sent with it. */
  uploadLink(request: {
    key: string
    mime: string
    size: number
    /** SHA-256, lower-case hex. */
    hash: string
    lifeMs: Millis
  }): Promise<{ url: string; headers: Record<string, string> }>
  /** Puts a file there, whole or not at all. Rejects when the store cannot be reached. */
  put(request: { key: string; mime: string; content: string }): Promise<void>
  downloadLink(request: { key: string; lifeMs: Millis; disposition: string; mime: string }): Promise<string>
  /** What is there; undefined where nothing is. Rejects when the store cannot be reached. */
  facts(key: string): Promise<{ size: number; mime: string } | undefined>
  remove(key: string): Promise<void>
}

/** How much each user has uploaded of late. */
export interface MediaQuota {
  /** Counts the bytes to the user's day; false, and nothing is counted, where they would be too many. */
  take(userId: string, bytes: number, now: Millis): Promise<boolean>
}
