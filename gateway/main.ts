import { assert } from '../infra/assert.ts'
import type { Millis } from '../infra/clock.ts'
import { type HealthReports, MemoryHealthReports } from '../infra/health-reports.ts'
import type { Service } from '../infra/service.ts'
import type { ErasureProgress } from '../processors/archive/eraser.ts'
import type { GroupList } from '../processors/archive/group-list.ts'
import type { ArchiveStatistics } from '../processors/archive/statistics.ts'
import type { DevicesReader, PeopleReader } from '../processors/membership/people-store.ts'
import type { PushReceipts } from '../processors/push/receipts.ts'
import type { WebhookDesk } from '../processors/webhooks/webhook-desk.ts'
import type { UserId } from '../schemas/ids.ts'
import { thirdParty } from './auth/third-party.ts'
import { readTokenKeys, type TokenKey, type TokenKeySources, type VerifiedToken, verifyToken } from './auth/tokens.ts'
import { GatewayCore, type GatewayCoreOptions } from './core.ts'
import { DeadDesk } from './dead/dead-desk.ts'
import { Callers } from './http/callers.ts'
import { type DayCounts, MemoryDayCounts } from './http/day-counts.ts'
import { MemoryPackIds, PackIds, type RememberedPackIds } from './http/idempotency.ts'
import { Keys, type KeyUses, MemoryKeyUses } from './http/keys.ts'
import { Problem } from './http/problem.ts'
import { allRoutes } from './http/routes.ts'
import { pushReceiptRoutes } from './http/routes-push-receipts.ts'
import { HttpServer } from './http/server.ts'
import { type JobLeases, NO_LEASES } from './jobs/job-leases.ts'
import { JobWorker, type JobWorkerOptions } from './jobs/job-worker.ts'
import { UserExports } from './jobs/user-exports.ts'
import { CLOSE_MS_MAX } from './limits.ts'
import type { Media } from './media/media.ts'
import type { MediaStore } from './media/media-store.ts'
import { WordsFile } from './words/words-file.ts'
import type { Calls } from './ws/calls.ts'
import type { RateLimit } from './ws/rate-limits.ts'
import { WebSocketGateway } from './ws/server.ts'

export interface GatewayOptions extends GatewayCoreOptions {
  http: { host: string; port: number }
  /** Certificate and key in PEM; without them the gateway speaks no TLS. */
  tls?: { cert: string; key: string }
  /** Where the keys of tokens are, or the secret itself. */
  tokens: TokenKeySources | TokenKey
  /** Asked about every login, where there is one. */
  thirdPartyUrl?: string
  /** The folder of the web chat, where it is to be served. */
  webDir?: string
  /** Anybody on this machine gets a token of any user; needs a secret key. */
  developmentLogin?: boolean
  /** Where idempotency keys are remembered; by default in this process only. */
  packIds?: RememberedPackIds
  /** Where requests of a day are counted; by default in this process only. */
  dayCounts?: DayCounts
  /** Where it is written down when keys were used last; by default in this process only. */
  keyUses?: KeyUses
  /** Where processes say how they are; by default nobody does. */
  health?: HealthReports
  /** Wrong keys and tokens that HTTP takes from one address. */
  badCredentialsRate?: RateLimit
  /** For tests: every answer of HTTP is compared with its schema. */
  checkAnswers?: boolean
  people: PeopleReader & DevicesReader
  /** Figures and groups of the archive, and how far it has erased users; without them nobody is told. */
  statistics?: ArchiveStatistics
  groups?: GroupList
  erasure?: (userId: UserId) => Promise<ErasureProgress>
  /** Looks after webhooks; without it the installation sends none. */
  webhooks?: WebhookDesk
  /** Which gateway works on a job; by default every one on every job. */
  jobLeases?: JobLeases
  /** The store of files; without it the installation has none. */
  media?: Media
  /** The same store, for what is exported. */
  mediaStore?: MediaStore
  /** What push vendors report is given to it; without it nobody reports. */
  pushReceipts?: PushReceipts
  /** The file of the words that messages must not hold. */
  wordsFile?: string
}

/** A gateway that listens: the service of the role `gateway`. */
export interface GatewayService extends Service {
  /** The port that it listens on, after `start`. */
  readonly port: number
}

/** Makes the gateway. `start` reads the token key and listens; it serves once it has caught up with the log. */
export function makeGateway(options: GatewayOptions): GatewayService {
  return new Gateway(options)
}

class Gateway implements GatewayService {
  readonly name = 'gateway'
  private readonly options: GatewayOptions
  private readonly core: GatewayCore
  private readonly words: WordsFile | undefined
  private readonly stopping = new AbortController()
  private http: HttpServer | undefined
  private keys: Keys | undefined
  private readonly working = new AbortController()
  private jobs: Promise<void> | undefined

  constructor(options: GatewayOptions) {
    this.options = options
    const { wordsFile: file, clock, logger } = options
    this.words = file === undefined ? undefined : new WordsFile({ file, clock, logger })
    const { words } = this
    this.core = new GatewayCore(words === undefined ? options : { ...options, words: () => words.words })
  }

  get done(): Promise<void> {
    return this.core.done
  }

  get port(): number {
    assert(this.http !== undefined, 'a gateway has a port once it is started')
    return this.http.port
  }

  async start(): Promise<void> {
    const { tokens, clock, random, logger, http, tls, thirdPartyUrl, webDir, developmentLogin } = this.options
    const tokenKeys = tokens instanceof Uint8Array ? { secret: tokens } : await readTokenKeys(tokens)
    await this.words?.open()
    void this.words?.run(this.stopping.signal)
    const { core } = this
    const verify = (token: string): Promise<VerifiedToken> => verifyToken(tokenKeys, token, clock.now())
    const webSockets = new WebSocketGateway({
      hub: () => core.hub,
      logger,
      isOpen: () => core.isOpen,
      verify,
      ...(thirdPartyUrl === undefined ? {} : { approve: thirdParty({ url: thirdPartyUrl, clock, logger }) }),
      admit: (userId: UserId) => core.admit(userId),
      unreserve: (userId: UserId) => core.unreserve(userId),
      open: (identity, opened) => core.login(identity, opened),
      ended: (identity, connectionId) => core.ended(identity, connectionId),
      refuseUpgrade: (stream, { status, detail }) => {
        const headers = { 'sec-websocket-version': '13' }
        this.http?.refuseUpgrade(stream, new Problem('PROTOCOL', detail, { status, headers }))
      },
    })
    const calls = () => ready(core.calls)
    const uses = this.options.keyUses ?? new MemoryKeyUses()
    const keys = new Keys({ index: () => ready(core.keys), uses, clock, logger })
    this.keys = keys
    const { log, topics, codecs, people } = this.options
    const deadDesk = new DeadDesk({ log, topics, codec: codecs.events, clock })
    const dayCounts = this.options.dayCounts ?? new MemoryDayCounts()
    const exports = this.userExports()
    const worker = this.jobWorker(calls, exports)
    const remembered = this.options.packIds ?? new MemoryPackIds()
    this.http = new HttpServer({
      clock,
      random,
      logger,
      api: {
        callers: new Callers({ clock, verify, keys, access: () => ready(core.letIns) }),
        packIds: new PackIds({ clock, random, remembered }),
        dayCounts,
        ...(this.options.badCredentialsRate === undefined
          ? {}
          : { badCredentialsRate: this.options.badCredentialsRate }),
        ...(this.options.checkAnswers === undefined ? {} : { checkAnswers: this.options.checkAnswers }),
      },
      routes: allRoutes({
        calls,
        clock,
        random,
        tokenKey: tokenKeys.secret,
        keys: () => ready(core.keys),
        uses,
        dayCounts,
        webhooks: () => ready(core.webhooks),
        webhookDesk: () => present(this.options.webhooks, 'no webhooks are sent here'),
        health: this.options.health ?? new MemoryHealthReports(),
        media: () => present(this.options.media, 'there is no store of files here'),
        people,
        devices: people,
        apps: () => present(this.options.apps, 'there is no list of users here'),
        partitions: topics.packs.partitions,
        statistics: () => present(this.options.statistics, 'there is no archive here'),
        groups: () => present(this.options.groups, 'there is no archive here'),
        erasure: userId => present(this.options.erasure, 'there is no archive here')(userId),
        dead: () => deadDesk,
        jobStarted: () => worker?.wake(),
        exports: () => present(exports, 'there is no store of files here'),
        sentCount: userId => this.options.archive.sentCount(userId),
      }),
      foreignRoutes: this.options.pushReceipts === undefined ? [] : pushReceiptRoutes(this.options.pushReceipts),
      ...(tls === undefined ? {} : { tls }),
      isReady: () => core.isOpen,
      webDir,
      developmentKey: developmentLogin === true ? tokenKeys.secret : undefined,
      upgrade: (request, stream, head) => webSockets.upgrade(request, stream, head),
    })
    await this.http.listen(http)
    core.start()
    this.jobs = worker?.run(this.working.signal)
    logger.info({ host: http.host, port: this.port }, 'the gateway listens')
  }

  ready(): boolean {
    return this.core.isOpen
  }

  async drain(): Promise<void> {
    // What jobs have sent is answered while the core drains.
    this.working.abort()
    await this.core.drain()
    await this.within(CLOSE_GRACE_MS, this.jobs ?? Promise.resolve())
    // Takes no more connections, and waits for the closing handshakes of those there are.
    await this.within(CLOSE_MS_MAX + CLOSE_GRACE_MS, this.http?.close() ?? Promise.resolve())
    this.stopping.abort()
    await this.keys?.flush()
    await this.core.stop()
  }

  /** Undefined where there is no store for them. */
  private userExports(): UserExports | undefined {
    const { mediaStore: store, people, membership, archive, clock } = this.options
    return store && new UserExports({ store, sources: { people, membership, archive }, clock })
  }

  /** Undefined where nobody keeps jobs. */
  private jobWorker(calls: () => Calls, exports: UserExports | undefined): JobWorker | undefined {
    const { apps: reader, jobLeases: leases = NO_LEASES, topics, clock, random, logger } = this.options
    const { core } = this
    if (reader === undefined) return undefined
    // A list of a view that was emptied, and is not filled again, would leave users out.
    const apps: JobWorkerOptions['apps'] = {
      apps: () => reader.apps(),
      jobs: app => reader.jobs(app),
      openJobs: app => reader.openJobs(app),
      jobSpec: request => reader.jobSpec(request),
      users: request => ready(core.views).askCaughtUp([request.partition], () => reader.users(request)),
    }
    return new JobWorker({
      calls,
      isOpen: () => core.isOpen,
      apps,
      leases,
      exports,
      partitions: topics.packs.partitions,
      clock,
      random,
      logger,
    })
  }

  private async within(limitMs: Millis, task: Promise<void>): Promise<void> {
    const limit = new AbortController()
    await Promise.race([task, this.options.clock.sleep(limitMs, limit.signal)])
    limit.abort()
  }
}

/** A part of the core that is there since the gateway is open; no route is called before. */
function ready<T>(part: T | undefined): T {
  assert(part !== undefined, 'routes are called once the gateway is open')
  return part
}

/** What the installation was given; otherwise nobody can be served. */
function present<T>(part: T | undefined, reason: string): T {
  if (part === undefined) throw new Problem('SERVER_REFUSED', reason)
  return part
}

/** What `ws` may take on top of its own time for a closing handshake. */
const CLOSE_GRACE_MS: Millis = 1_000
