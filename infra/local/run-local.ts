import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Clock, Random } from '../clock.ts'
import { type Balancer, startBalancer } from './balancer.ts'
import { ensureJwtKey } from './jwt-key.ts'
import { keepAlive } from './keep-alive.ts'
import { Ledger } from './ledger.ts'
import { type ObjectStore, startObjectStore } from './object-store/object-store.ts'
import type { StartOptions } from './options.ts'
import type { Part } from './part.ts'
import { freePorts, HOST, requireFreePorts } from './ports.ts'
import { type KnownProcess, thisProcess } from './process-identity.ts'
import { type Product, runSetup, startProduct } from './product.ts'
import type { Progress } from './progress.ts'
import { type PushFakes, startPushFakes } from './push-fakes/local.ts'
import { readyText } from './ready-text.ts'
import {
  jwtKeyFile,
  LOCAL_MEDIA,
  mediaEnv,
  mediaKeyFile,
  type RoleProcess,
  sharedEnv,
  webhookKeyFile,
  webhooksEnv,
  webhooksFile,
} from './role-env.ts'
import { type LocalStack, neededPorts, startStack } from './stack.ts'
import { type StackFile, writeStackFile } from './stack-file.ts'
import { stopRequest } from './stop-request.ts'

interface Tools {
  env: NodeJS.ProcessEnv
  progress: Progress
  clock: Clock
  random: Random
}

/**
 * The real parts, then the product, until somebody asks to stop.
 *
 * Order of the start: ledger (one starter per data directory, leftovers of a killed run ended), ports, parts, setup,
 * roles. Order of the stop: gateways, other roles, parts. Whatever fails or is interrupted on the way, what runs by
 * then is stopped in that order. Throws LocalStackError when it could not be started.
 */
export async function runLocal(options: StartOptions, tools: Tools): Promise<void> {
  const { progress, clock, env } = tools
  const { log } = progress
  const ledger = await Ledger.open(options.dataDir, { clock, log })
  const stop = stopRequest({ clock, env, log, force: () => ledger.killAll() })
  const run = new LocalRun(options, { ...tools, ledger, signal: stop.signal })
  try {
    await run.start()
    await stop.asked
  } catch (error) {
    if (!stop.signal.aborted) throw error
  } finally {
    await run.stop()
    ledger.close()
    stop.dispose()
  }
  log(`stopped; the data stays in ${options.dataDir}`)
}

/** One life of the local stack, from the first part to the last. */
class LocalRun {
  private stack: LocalStack | undefined
  private product: Product | undefined
  private balancer: Balancer | undefined
  private objects: ObjectStore | undefined
  private media: Record<string, string> = {}
  private pushFakes: PushFakes | undefined
  private processes: RoleProcess[] = []
  private readonly options: StartOptions
  private readonly tools: Tools & { ledger: Ledger; signal: AbortSignal }
  private readonly starter: KnownProcess = thisProcess()
  /** Aborted by stop, whatever the reason for it: what is stopped is not started again. */
  private readonly stopping = new AbortController()

  constructor(options: StartOptions, tools: LocalRun['tools']) {
    this.options = options
    this.tools = tools
  }

  async start(): Promise<void> {
    const { ledger, signal, progress, clock, env, random } = this.tools
    const { dataDir, ports, external, brokers, gateways } = this.options
    const begun = clock.monotonic()
    await requireFreePorts(neededPorts(ports, { external, brokers }))
    ensureJwtKey(jwtKeyFile(dataDir), random.bytes)
    ensureJwtKey(webhookKeyFile(dataDir), random.bytes)
    ensureJwtKey(mediaKeyFile(dataDir), random.bytes)
    if (!existsSync(webhooksFile(dataDir))) writeFileSync(webhooksFile(dataDir), '{ "webhooks": [] }\n')
    const { log } = progress
    // Three compilers at once would leave two cores little for anything else.
    const isLasting = brokers === 1
    this.stack = await startStack({
      dataDir,
      ports,
      brokers,
      isLasting,
      external,
      ledger,
      log,
      env,
      progress,
      clock,
      signal,
    })
    this.keepPartsAlive(this.stack)
    await this.startMedia()
    // Who has credentials of real vendors needs no fakes.
    if (!env.PACKLOG_PUSH_FILE) {
      const gatewayUrl = `http://${HOST}:${ports.http}`
      this.pushFakes = await startPushFakes({ dataDir, port: ports.pushInbox, gatewayUrl, clock })
    }
    const tools = { dataDir, env: this.env(this.stack), ledger, clock, log, signal }
    await progress.during('creating topics, schemas and tables', {}, () => runSetup(tools))
    const onChange = () => this.writeStackFile()
    this.processes = await roleProcesses(this.options, random)
    const what = gateways === 1 ? 'gateway' : `${gateways} gateways`
    this.product = await progress.during(`starting ${what}, sequencer and views`, {}, () =>
      startProduct(this.processes, { ...tools, onChange }),
    )
    const backends = this.processes.flatMap(({ httpPort }) => httpPort ?? [])
    if (backends.length > 0) this.balancer = await startBalancer({ port: ports.http, backends })
    this.writeStackFile()
    const seconds = (clock.monotonic() - begun) / 1_000
    log(readyText({ seconds, dataDir, urls: this.urls(this.stack), inboxUrl: this.pushFakes?.url }))
  }

  /** Files of messages lie in a directory, unless the environment names a store. */
  private async startMedia(): Promise<void> {
    const { clock, env } = this.tools
    const { dataDir, ports } = this.options
    if (env.PACKLOG_MEDIA_URL) return
    const secretAccessKey = readFileSync(mediaKeyFile(dataDir), 'utf8')
    const { bucket, ...keys } = LOCAL_MEDIA
    const credentials = { ...keys, secretAccessKey }
    const dir = join(dataDir, 'media')
    this.objects = await startObjectStore({ dir, host: HOST, port: ports.media, bucket, credentials, clock })
    this.media = mediaEnv({ url: this.objects.url, secretAccessKey })
  }

  async stop(): Promise<void> {
    this.stopping.abort()
    this.tools.ledger.markStopping()
    if (this.stack !== undefined) this.tools.progress.log('stopping: gateways, then the other roles, then the parts')
    await this.product?.stop()
    await this.balancer?.close()
    await this.objects?.close()
    await this.pushFakes?.close()
    await this.stack?.stop()
  }

  private keepPartsAlive(stack: LocalStack): void {
    const signal = AbortSignal.any([this.tools.signal, this.stopping.signal])
    for (const part of partsOf(stack)) {
      const onBack = async () => {
        await part.start()
        this.writeStackFile()
      }
      void keepAlive(
        { name: part.title, exited: () => part.exited, restart: onBack },
        { clock: this.tools.clock, log: this.tools.progress.log, signal },
      )
    }
  }

  private env(stack: LocalStack): Record<string, string> {
    const { dataDir, ports } = this.options
    const shared = sharedEnv({ ...stack, dataDir, httpPort: ports.http })
    const env = { ...shared, ...webhooksEnv(dataDir, this.tools.env), ...this.media }
    return this.pushFakes === undefined ? env : { ...env, PACKLOG_PUSH_FILE: this.pushFakes.file }
  }

  private urls(stack: LocalStack): StackFile['urls'] {
    const { ports } = this.options
    const metrics = this.processes.map(({ name, metricsPort }) => [name, `http://${HOST}:${metricsPort}/metrics`])
    return {
      ws: `ws://${HOST}:${ports.http}/v1/ws`,
      http: `http://${HOST}:${ports.http}`,
      clickhouse: stack.clickhouseUrl,
      kafka: stack.kafkaBrokers,
      registry: stack.registryUrl,
      redis: stack.redisUrl,
      metrics: Object.fromEntries(metrics),
    }
  }

  private writeStackFile(): void {
    const { stack, product } = this
    if (stack === undefined) return
    const parts = partsOf(stack).flatMap(({ name, pid }) => (pid === undefined ? [] : [{ name, pid }]))
    writeStackFile(this.options.dataDir, {
      starter: this.starter,
      env: this.env(stack),
      urls: this.urls(stack),
      processes: [...parts, ...(product?.running() ?? [])],
    })
  }
}

const partsOf = (stack: LocalStack): Part[] => [...new Set([...stack.brokers, ...Object.values(stack.parts)])]

/** The processes of the product on one machine; several gateways have ports of their own behind the balancer's. */
export async function roleProcesses(
  { ports, gateways }: Pick<StartOptions, 'ports' | 'gateways'>,
  random: Random,
): Promise<RoleProcess[]> {
  return [
    { name: 'sequencer', roles: ['sequencer'], metricsPort: ports.metricsSequencer },
    ...(await gatewayProcesses(ports.metricsGateway, gateways, random)),
    {
      name: 'views',
      roles: ['history', 'membership', 'archive', 'push', 'webhooks'],
      metricsPort: ports.metricsViews,
      niceness: 10,
    },
  ]
}

async function gatewayProcesses(metricsPort: number, gateways: number, random: Random): Promise<RoleProcess[]> {
  const first: RoleProcess = { name: 'gateway', roles: ['gateway'], metricsPort }
  if (gateways === 1) return [first]
  const free = await freePorts(2 * gateways - 1, random.next)
  const others = Array.from({ length: gateways - 1 }, (_, index) => ({
    ...first,
    name: `gateway-${index + 2}`,
    metricsPort: free[gateways + index]!,
  }))
  return [first, ...others].map((process, index) => ({ ...process, httpPort: free[index]! }))
}
