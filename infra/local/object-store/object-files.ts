import { createHash, randomUUID } from 'node:crypto'
import { createReadStream, createWriteStream } from 'node:fs'
import { mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'

/** Objects as files of a directory. A file is named after the hash of its key: no key leads out of the directory. */

export interface ObjectFacts {
  key: string
  size: number
  contentType: string
  /** SHA-256 of the content, base64 as S3 tells it. */
  checksum: string
  /** Milliseconds since the epoch. */
  modifiedAt: number
}

/** What was sent is not what was announced. */
export class BadObject extends Error {
  override readonly name = 'BadObject'
  readonly code: 'BadDigest' | 'IncompleteBody'
  constructor(code: 'BadDigest' | 'IncompleteBody') {
    super(code)
    this.code = code
  }
}

export class ObjectFiles {
  private readonly dir: string

  constructor(dir: string) {
    this.dir = dir
  }

  /** Stores an object whole or not at all. Rejects with BadObject. */
  async put(
    body: Readable,
    facts: Omit<ObjectFacts, 'checksum'> & { checksum: string | undefined },
  ): Promise<ObjectFacts> {
    await mkdir(this.dir, { recursive: true })
    const draft = join(this.dir, `draft-${randomUUID()}`)
    const hash = createHash('sha256')
    let size = 0
    try {
      const counted = async function* (chunks: AsyncIterable<Buffer>) {
        for await (const chunk of chunks) {
          size += chunk.length
          hash.update(chunk)
          yield chunk
        }
      }
      await pipeline(body, counted, createWriteStream(draft))
      const checksum = hash.digest('base64')
      if (size !== facts.size) throw new BadObject('IncompleteBody')
      if (facts.checksum !== undefined && facts.checksum !== checksum) throw new BadObject('BadDigest')
      const stored: ObjectFacts = { ...facts, checksum }
      await rename(draft, this.path(facts.key, 'data'))
      await writeFile(`${draft}.json`, JSON.stringify(stored))
      await rename(`${draft}.json`, this.path(facts.key, 'json'))
      return stored
    } finally {
      await rm(draft, { force: true })
    }
  }

  async facts(key: string): Promise<ObjectFacts | undefined> {
    try {
      return JSON.parse(await readFile(this.path(key, 'json'), 'utf8')) as ObjectFacts
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
      throw error
    }
  }

  /** Bytes `start` to `end`, both included. */
  read(key: string, { start, end }: { start: number; end: number }): Readable {
    return createReadStream(this.path(key, 'data'), { start, end })
  }

  async remove(key: string): Promise<void> {
    await rm(this.path(key, 'json'), { force: true })
    await rm(this.path(key, 'data'), { force: true })
  }

  private path(key: string, suffix: 'data' | 'json'): string {
    return join(this.dir, `${createHash('sha256').update(key).digest('hex')}.${suffix}`)
  }
}
