import type { Partition } from '../../schemas/ids.ts'
import type { Clock } from '../clock.ts'
import type { Logger } from '../logger.ts'
import { type BrokerAddress, BrokerUnreachable, Connection, type ConnectionOptions } from './broker-connection.ts'
import { type Call, ErrorCode, errorName, metadataCall } from './protocol.ts'
import type { KafkaSecurity } from './security.ts'

/** Longest time to wait for a connection to a broker, ms. */
export const CONNECT_MS_MAX = 1_000
/** Longest time to wait for an answer, ms: a frozen broker costs its callers this long (STACK.md). */
export const REQUEST_MS_MAX = 1_500
/** How long a broker waits for its replicas before it says that it does not know, ms; less than REQUEST_MS_MAX. */
export const REPLICAS_MS_MAX = 1_400

export interface ClusterOptions {
  /** `host:port` of the brokers to ask first. */
  brokers: readonly string[]
  clientId: string
  security?: KafkaSecurity
  clock: Clock
  logger: Logger
}

/** Which of a broker's two connections: its requests are answered in their order, so that fetches have their own. */
export type Channel = 'calls' | 'fetches'

/** One connected broker, as appender and readers use it. */
export interface Link {
  send<T extends object>(call: Call<T>, channel?: Channel): Promise<T>
}

/** What appender and readers need of a cluster; tests put brokers of their own in its place. */
export interface Brokers {
  leaderOf(topic: string, partition: Partition): number | undefined
  problemOf(topic: string): string | undefined
  refresh(topic: string): Promise<void>
  link(nodeId: number): Promise<Link>
  drop(link: Link): void
  forget(topic: string, partition: Partition): void
}

/** One connected broker. After an error it is dropped: a new one has new connections. */
export class BrokerLink implements Link {
  readonly nodeId: number | null
  private readonly options: ConnectionOptions
  private readonly calls: Connection
  /** Opened when it is first asked for. */
  private fetches: Connection | undefined
  private opening: Promise<Connection> | undefined
  private isClosed = false

  private constructor(nodeId: number | null, calls: Connection, options: ConnectionOptions) {
    this.nodeId = nodeId
    this.calls = calls
    this.options = options
  }

  /** Throws BrokerUnreachable. */
  static async open(nodeId: number | null, options: ConnectionOptions): Promise<BrokerLink> {
    return new BrokerLink(nodeId, await Connection.open(options), options)
  }

  /** Throws BrokerUnreachable; error codes inside the answer are the caller's. */
  send<T extends object>(call: Call<T>, channel: Channel = 'calls'): Promise<T> {
    const connection = channel === 'calls' ? this.calls : this.fetches
    return connection === undefined ? this.openFetches().then(open => open.send(call)) : connection.send(call)
  }

  private async openFetches(): Promise<Connection> {
    // Nobody would close it.
    if (this.isClosed) throw new BrokerUnreachable('the connection is closed', { sent: false })
    this.opening ??= Connection.open(this.options)
    this.fetches = await this.opening
    return this.fetches
  }

  async close(): Promise<void> {
    this.isClosed = true
    const fetches = await this.opening?.catch(() => undefined)
    await Promise.all([this.calls.close(), fetches?.close()])
  }
}

/** Who leads which partition, and the connections to the brokers. One per appender and per reader. */
export class Cluster implements Brokers {
  private readonly options: ClusterOptions
  private readonly topics = new Set<string>()
  private readonly leaders = new Map<string, Map<Partition, number>>()
  private readonly partitions = new Map<string, Partition[]>()
  private readonly topicErrors = new Map<string, number>()
  private readonly addresses = new Map<number, BrokerAddress>()
  private readonly links = new Map<number, Promise<BrokerLink>>()
  /** The promise by which each link was opened. */
  private readonly openings = new WeakMap<BrokerLink, Promise<BrokerLink>>()
  private readonly closing = new Set<Promise<void>>()
  private refreshing: Promise<void> | undefined
  private seed = 0
  private closed = false

  constructor(options: ClusterOptions) {
    this.options = options
  }

  /** The leader as far as it is known; ask `refresh` when it is not. */
  leaderOf(topic: string, partition: Partition): number | undefined {
    return this.leaders.get(topic)?.get(partition)
  }

  /** All partitions of the topic, with or without a leader; empty while the topic is not known. */
  partitionsOf(topic: string): readonly Partition[] {
    return this.partitions.get(topic) ?? []
  }

  /** What the brokers last said about a topic that they do not give; undefined when all is well. */
  problemOf(topic: string): string | undefined {
    const code = this.topicErrors.get(topic)
    return code === undefined ? undefined : errorName(code)
  }

  /** Asks who leads the partitions of `topic` and of all topics asked for before. Throws BrokerUnreachable. */
  async refresh(topic?: string): Promise<void> {
    // A refresh that is under way may have begun before the topic was known.
    if (topic !== undefined && !this.topics.has(topic)) {
      this.topics.add(topic)
      await this.refreshing?.catch(() => {})
    }
    this.refreshing ??= this.refreshNow().finally(() => {
      this.refreshing = undefined
    })
    return this.refreshing
  }

  /** True where the broker was in the last metadata that named it. */
  knows(nodeId: number): boolean {
    return this.addresses.has(nodeId)
  }

  /** The connection to a broker, opened when there is none. Throws BrokerUnreachable. */
  link(nodeId: number): Promise<BrokerLink> {
    const known = this.links.get(nodeId)
    if (known !== undefined) return known
    const address = this.addresses.get(nodeId)
    if (address === undefined) {
      return Promise.reject(new BrokerUnreachable(`broker ${nodeId} is not in the metadata`, { sent: false }))
    }
    const link = this.connect(address)
    this.links.set(nodeId, link)
    link.then(
      open => this.openings.set(open, link),
      () => {
        if (this.links.get(nodeId) === link) this.links.delete(nodeId)
      },
    )
    return link
  }

  /** Some connected broker, for what any of them answers. Throws BrokerUnreachable. */
  async anyLink(): Promise<BrokerLink> {
    const open = await this.openLinks()
    if (open[0] !== undefined) return open[0]
    await this.refresh()
    for (const nodeId of this.addresses.keys()) {
      const link = await this.link(nodeId).catch(() => undefined)
      if (link !== undefined) return link
    }
    throw new BrokerUnreachable('no broker accepts a connection', { sent: false })
  }

  /** Lets a broken connection go, so that the next `link` opens a new one; any number of its users may say so. */
  drop(link: BrokerLink): void {
    const { nodeId } = link
    // One that was opened since is not the broken one: taken out it would never be closed.
    if (nodeId !== null && this.links.get(nodeId) === this.openings.get(link)) this.links.delete(nodeId)
    this.letGo(link)
  }

  /** Forgets who leads a partition: `leaderOf` is undefined until the next refresh. */
  forget(topic: string, partition: Partition): void {
    this.leaders.get(topic)?.delete(partition)
  }

  /** Closes all connections; requests under way end first, by answer or time-out. */
  async close(): Promise<void> {
    this.closed = true
    for (const link of this.links.values()) {
      link.then(
        open => this.letGo(open),
        () => {},
      )
    }
    await Promise.allSettled(this.links.values())
    this.links.clear()
    await Promise.all(this.closing)
  }

  private letGo(link: BrokerLink): void {
    const done = link.close().finally(() => this.closing.delete(done))
    this.closing.add(done)
  }

  private async connect(address: BrokerAddress): Promise<BrokerLink> {
    if (this.closed) throw new BrokerUnreachable('the log is closed', { sent: false })
    const { clientId, security = {}, clock } = this.options
    const { nodeId, host, port } = address
    const times = { connectMs: CONNECT_MS_MAX, requestMs: REQUEST_MS_MAX }
    return BrokerLink.open(nodeId, { address: { host, port }, clientId, security, ...times, clock })
  }

  private async refreshNow(): Promise<void> {
    let last: unknown
    for (const open of await this.openLinks()) {
      try {
        return await this.refreshFrom(open)
      } catch (error) {
        last = error
        this.drop(open)
      }
    }
    const { brokers } = this.options
    for (let tries = 0; tries < brokers.length; tries++) {
      const seed = brokers[this.seed++ % brokers.length]!
      try {
        const link = await this.connect(parseAddress(seed))
        try {
          return await this.refreshFrom(link)
        } finally {
          this.letGo(link)
        }
      } catch (error) {
        last = error
      }
    }
    throw last instanceof BrokerUnreachable
      ? last
      : new BrokerUnreachable(`metadata: ${messageOf(last)}`, { sent: false, cause: last })
  }

  private async openLinks(): Promise<BrokerLink[]> {
    const settled = await Promise.allSettled(this.links.values())
    return settled.flatMap(result => (result.status === 'fulfilled' ? [result.value] : []))
  }

  private async refreshFrom(link: BrokerLink): Promise<void> {
    const answer = await link.send(metadataCall([...this.topics]))
    for (const { nodeId, host, port } of answer.brokers) {
      const before = this.addresses.get(nodeId)
      this.addresses.set(nodeId, { nodeId, host, port })
      if (before !== undefined && (before.host !== host || before.port !== port)) {
        this.links.get(nodeId)?.then(
          old => this.drop(old),
          () => {},
        )
      }
    }
    for (const { topic, errorCode, partitions } of answer.topics) {
      if (errorCode === ErrorCode.NONE) this.topicErrors.delete(topic)
      else this.topicErrors.set(topic, errorCode)
      this.partitions.set(
        topic,
        partitions.map(({ partition }) => partition).sort((a, b) => a - b),
      )
      // A partition without a leader keeps nobody else waiting: it is left out.
      const led = partitions.filter(({ leader }) => leader >= 0)
      this.leaders.set(topic, new Map(led.map(({ partition, leader }) => [partition, leader])))
    }
  }
}

function parseAddress(hostPort: string): BrokerAddress {
  const colon = hostPort.lastIndexOf(':')
  return { nodeId: null, host: hostPort.slice(0, colon), port: Number(hostPort.slice(colon + 1)) }
}

export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
