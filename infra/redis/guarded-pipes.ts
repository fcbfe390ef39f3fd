import { connect, type Socket } from 'node:net'
import { connect as connectTls } from 'node:tls'
import type { Clock, Millis } from '../clock.ts'
import type { Command } from './pipeline.ts'
import { type RedisConnection, SILENCE_MS_MAX } from './redis.ts'
import { type Reply, ReplyReader } from './reply-reader.ts'
import { encodeCommands } from './wire-command.ts'

/**
 * Writes many commands whose replies say no more than that they ran, over connections of their own: for each command
 * the client counts a reply, where ioredis makes a promise and some objects, which costs more than the command.
 *
 * What makes plain commands safe where something was read before is a guard: a key with a value that only one writer
 * has. Every block of commands runs as one transaction that watches the key, and does nothing where somebody has written
 * the key since. So a writer that was stopped for a while and goes on after another one took over changes nothing.
 *
 * Blocks of one call run in any order, those of one unit together and as a whole. A call that rejects may have run in
 * part.
 */

/** Whoever may write has put this value there. */
export interface Guard {
  key: string
  value: string
}

/** The key does not have the writer's value any more: nothing of what was left was written. */
export class GuardLost extends Error {
  override readonly name = 'GuardLost'
}

/** A transaction holds up the server for as long as it runs; the unit that passes one of these is its last. */
const BLOCK_COMMANDS_MAX = 300
const BLOCK_BYTES_MAX = 512 * 1024
/** While the server runs the block of one, the next one's waits there already. */
const PIPES = 3

export interface GuardedPipesOptions {
  connection: Pick<RedisConnection, 'client'>
  clock: Clock
  silenceMsMax?: Millis
}

export class GuardedPipes {
  private readonly options: Required<GuardedPipesOptions>
  private readonly idle: Pipe[] = []
  private readonly open = new Set<Pipe>()
  private readonly waiting: (() => void)[] = []
  private busy = 0

  constructor(options: GuardedPipesOptions) {
    this.options = { silenceMsMax: SILENCE_MS_MAX, ...options }
  }

  /** Rejects with GuardLost, with what a command was answered, or where the server cannot be reached in time. */
  async write(guard: Guard, units: readonly (readonly Command[])[]): Promise<void> {
    const failures: unknown[] = []
    const running: Promise<void>[] = []
    for (const block of blocksOf(units)) {
      await this.turn()
      if (failures.length > 0) {
        this.done()
        break
      }
      running.push(this.writeBlock(guard, block).catch(error => void failures.push(error)))
    }
    await Promise.all(running)
    if (failures.length > 0) throw failures[0]
  }

  close(): void {
    for (const pipe of this.open) pipe.close()
  }

  private async turn(): Promise<void> {
    if (this.busy < PIPES) this.busy++
    else await new Promise<void>(resolve => this.waiting.push(resolve))
  }

  /** Hands the turn on. */
  private done(): void {
    const next = this.waiting.shift()
    if (next === undefined) this.busy--
    else next()
  }

  private async writeBlock(guard: Guard, block: readonly Command[]): Promise<void> {
    let pipe: Pipe | undefined
    try {
      do pipe = this.idle.pop()
      while (pipe?.hasFailed === true)
      pipe ??= await this.openPipe()
      await pipe.run(guard, block)
      this.idle.push(pipe)
    } catch (error) {
      pipe?.close()
      throw error
    } finally {
      this.done()
    }
  }

  private async openPipe(): Promise<Pipe> {
    const pipe = new Pipe(this.options, () => this.open.delete(pipe))
    this.open.add(pipe)
    try {
      await pipe.greet()
      return pipe
    } catch (error) {
      pipe.close()
      throw error
    }
  }
}

/** Splits between units. */
function* blocksOf(units: readonly (readonly Command[])[]): Iterable<Command[]> {
  let block: Command[] = []
  let bytes = 0
  for (const unit of units) {
    for (const command of unit) {
      block.push(command)
      for (const word of command) bytes += typeof word === 'string' ? word.length : 0
    }
    if (block.length >= BLOCK_COMMANDS_MAX || bytes >= BLOCK_BYTES_MAX) {
      yield block
      block = []
      bytes = 0
    }
  }
  if (block.length > 0) yield block
}

/** One connection; one caller at a time. One that failed in any way has failed for good. */
class Pipe {
  private readonly options: Required<GuardedPipesOptions>
  private readonly onFailed: () => void
  private readonly socket: Socket
  private readonly replies = new ReplyReader(reply => this.replied(reply))
  private expected: { count: number; replies: Reply[]; resolve: (replies: Reply[]) => void } | undefined
  private reject: (error: unknown) => void = () => {}
  private failure: unknown
  /** What the watched key held when watching began; undefined where nothing is watched. */
  private watched: { key: string; value: string | undefined } | undefined

  constructor(options: Required<GuardedPipesOptions>, onFailed: () => void) {
    this.options = options
    this.onFailed = onFailed
    this.socket = openSocket(options.connection.client)
    this.socket.on('data', chunk => this.received(chunk))
    this.socket.on('error', error => this.fail(error))
    this.socket.on('close', () => this.fail(new Error('Redis closed the connection')))
  }

  /** Says who is there, as ioredis does. */
  async greet(): Promise<void> {
    const { username, password, db, connectionName } = this.options.connection.client.options
    const commands: Command[] = []
    if (password) commands.push(username ? ['auth', username, password] : ['auth', password])
    if (db) commands.push(['select', db])
    commands.push(['client', 'setname', connectionName ?? ''])
    for (const { error } of await this.ask(commands)) if (error !== undefined) throw new Error(error)
  }

  async run(guard: Guard, block: readonly Command[]): Promise<void> {
    const watch: Command[] = [
      ['watch', guard.key],
      ['get', guard.key],
    ]
    const isWatched = this.watched?.key === guard.key && this.watched.value === guard.value
    if (!isWatched) this.watching(guard, await this.ask([['unwatch'], ...watch]))
    if (this.watched?.value !== guard.value) throw lost(guard)
    const replies = await this.ask([['multi'], ...block, ['exec'], ...watch])
    this.watching(guard, replies)
    const failed = replies.find(({ error }) => error !== undefined)
    if (failed !== undefined) throw new Error(failed.error)
    if (replies[block.length + 1]!.isNil) throw lost(guard)
  }

  private watching({ key }: Guard, replies: readonly Reply[]): void {
    this.watched = { key, value: replies.at(-1)!.text }
  }

  private async ask(commands: readonly Command[]): Promise<Reply[]> {
    if (this.hasFailed) throw this.failure
    const { clock, silenceMsMax } = this.options
    const answered = new Promise<Reply[]>((resolve, reject) => {
      this.expected = { count: commands.length, replies: [], resolve }
      this.reject = reject
    })
    this.socket.ref()
    const cancel = clock.schedule(silenceMsMax, () => this.fail(new Error(`Redis was silent for ${silenceMsMax} ms`)))
    try {
      this.socket.write(encodeCommands(commands))
      return await answered
    } finally {
      cancel()
      // A process that has nothing else to do may end.
      this.socket.unref()
    }
  }

  private received(chunk: Buffer): void {
    try {
      this.replies.feed(chunk)
    } catch (error) {
      this.fail(error)
    }
  }

  private replied(reply: Reply): void {
    const { expected } = this
    if (expected === undefined) throw new Error('a reply that nobody waits for')
    if (expected.replies.push(reply) < expected.count) return
    this.expected = undefined
    expected.resolve(expected.replies)
  }

  get hasFailed(): boolean {
    return this.failure !== undefined
  }

  private fail(error: unknown): void {
    if (this.hasFailed) return
    this.failure = error
    this.reject(error)
    this.socket.destroy()
    this.onFailed()
  }

  close(): void {
    this.fail(new Error('the connection was closed'))
  }
}

function lost({ key }: Guard): GuardLost {
  return new GuardLost(`${key} has been written by somebody else`)
}

function openSocket({ options }: RedisConnection['client']): Socket {
  const { host = '127.0.0.1', port = 6379, tls } = options
  const socket = tls === undefined ? connect({ host, port }) : connectTls({ host, port, servername: host, ...tls })
  return socket.setNoDelay(true)
}
