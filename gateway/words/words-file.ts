import { readFile, stat } from 'node:fs/promises'
import type { Clock, Millis } from '../../infra/clock.ts'
import { BadConfig } from '../../infra/config.ts'
import type { Logger } from '../../infra/logger.ts'
import { BadWords, parseWords, WordList } from './word-list.ts'

/** How often the file is looked at: a change takes effect within twice that time. */
export const WORDS_POLL_MS: Millis = 1_000

/**
 * The list of words in the file that PACKLOG_WORDS_FILE names, read again when the file changes. It is looked at once a
 * second and not watched: what a watcher tells of files that are replaced, or lie on a network, differs from system to
 * system. A file that is malformed or cannot be read leaves the list as it was, and the log says so.
 */
export class WordsFile {
  private readonly file: string
  private readonly clock: Clock
  private readonly logger: Logger
  private list: WordList | undefined
  private seen = ''
  private standing = ''
  private problem = ''

  constructor({ file, clock, logger }: { file: string; clock: Clock; logger: Logger }) {
    this.file = file
    this.clock = clock
    this.logger = logger
  }

  /** The list that applies now; undefined before `open`. */
  get words(): WordList | undefined {
    return this.list
  }

  /** Reads the file for the first time. Throws BadConfig. */
  async open(): Promise<void> {
    try {
      await this.load(await this.version())
    } catch (error) {
      throw new BadConfig(`PACKLOG_WORDS_FILE cannot be used: ${this.file}: ${messageOf(error)}`)
    }
  }

  /** Looks at the file until told to stop. Never rejects. */
  async run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      await this.clock.sleep(WORDS_POLL_MS, signal).catch(() => {})
      if (!signal.aborted) await this.look()
    }
  }

  private async look(): Promise<void> {
    try {
      const version = await this.version()
      if (version === this.seen) {
        this.problem = ''
      } else if (version === this.standing) {
        await this.load(version)
      }
      // A file that is being written is left alone until it has stood still between two looks.
      this.standing = version
    } catch (error) {
      // Said once for each thing that is wrong, not every second.
      if (messageOf(error) === this.problem) return
      this.problem = messageOf(error)
      this.logger.error({ err: error, file: this.file }, 'the list of words stays as it was')
    }
  }

  private async load(version: string): Promise<void> {
    const list = new WordList(parseWords(await readFile(this.file, 'utf8')))
    this.list = list
    this.seen = version
    this.logger.info({ file: this.file, words: list.size }, 'the list of words applies')
  }

  private async version(): Promise<string> {
    const { mtimeMs, size, ino } = await stat(this.file)
    return `${mtimeMs} ${size} ${ino}`
  }
}

function messageOf(error: unknown): string {
  if (error instanceof BadWords) return `\n${error.message}`
  return error instanceof Error ? error.message : String(error)
}
