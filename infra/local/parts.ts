import { createHash } from 'node:crypto'
import { copyFileSync, createReadStream, readFileSync, rmSync } from 'node:fs'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Clock } from '../clock.ts'
import { LocalStackError } from './local-error.ts'
import { bytesBelow, obtain } from './parts-cache.ts'
import type { Progress } from './progress.ts'
import { findOnPath, runTool } from './run-tool.ts'
import { type Host, requireJava, requireMaven, requireRedis } from './tools.ts'
import { REGISTRY_ARCHIVE_SHA256, VERSIONS } from './versions.ts'

/** How ClickHouse is run: a real server from PATH, or the engine of npm `chdb` in a child process. */
export type ClickhouseProgram =
  | { kind: 'server'; args: readonly string[]; file: string }
  | { kind: 'engine'; dir: string }

/** Everything the local stack runs, found or fetched. */
export interface Parts {
  java: string
  /** Folder of Kafka's jars. */
  kafkaLib: string
  /** Folder with the registry's runner jar and its `lib`. */
  registryDir: string
  /** Undefined when an external Redis is used. */
  redis: string | undefined
  /** Undefined when an external ClickHouse is used. */
  clickhouse: ClickhouseProgram | undefined
}

interface Sources {
  host: Host
  cacheDir: string
  progress: Progress
  clock: Clock
}

const PLUGIN = `org.apache.maven.plugins:maven-dependency-plugin:${VERSIONS.mavenDependencyPlugin}`

/** Per-user folder of downloaded parts. */
export function partsCacheDir(env: NodeJS.ProcessEnv): string {
  return env.PACKLOG_CACHE || join(env.XDG_CACHE_HOME || join(homedir(), '.cache'), 'packlog')
}

/** Finds or fetches all parts; a second call finds them all in the cache. Throws LocalStackError that says what to do. */
export async function obtainParts(sources: Sources, external: { redis: boolean; clickhouse: boolean }): Promise<Parts> {
  const java = await requireJava(sources.host)
  const redis = external.redis ? undefined : await requireRedis(sources.host)
  const [{ kafkaLib, registryDir }, clickhouse] = await allOrFirstError([
    obtainFromMaven(sources),
    external.clickhouse ? undefined : findClickhouse(sources),
  ] as const)
  return { java, redis, kafkaLib, registryDir, clickhouse }
}

/** One after the other: two Mavens at once are not safe on one local repository. */
async function obtainFromMaven(sources: Sources): Promise<{ kafkaLib: string; registryDir: string }> {
  return { kafkaLib: await obtainKafka(sources), registryDir: await obtainRegistry(sources) }
}

async function obtainKafka(sources: Sources): Promise<string> {
  const { host } = sources
  const make = async (dir: string) => {
    const mvn = await requireMaven(host)
    const pom = fileURLToPath(new URL('./kafka/pom.xml', import.meta.url))
    // Maven writes `target` beside the pom: it works on a copy.
    copyFileSync(pom, join(dir, 'pom.xml'))
    const versions = [`-Dkafka.version=${VERSIONS.kafka}`, `-Dlog4j.version=${VERSIONS.log4j}`]
    const output = [`-DoutputDirectory=${join(dir, 'lib')}`, '-DincludeScope=runtime']
    const args = ['-q', '-B', '-f', join(dir, 'pom.xml'), ...versions, `${PLUGIN}:copy-dependencies`, ...output]
    await runTool(mvn, args, { env: host.env })
  }
  const dir = await fetchPart(sources, {
    name: `kafka-${VERSIONS.kafka}-log4j-${VERSIONS.log4j}`,
    title: `downloading Kafka ${VERSIONS.kafka}`,
    make,
  })
  return join(dir, 'lib')
}

async function obtainRegistry(sources: Sources): Promise<string> {
  const { host } = sources
  const make = async (dir: string) => {
    const mvn = await requireMaven(host)
    const artifact = `io.apicurio:apicurio-registry-app:${VERSIONS.registry}:tar.gz:all`
    const args = ['-q', '-B', `${PLUGIN}:get`, `${PLUGIN}:copy`, '-Dtransitive=false', `-Dartifact=${artifact}`]
    await runTool(mvn, [...args, `-DoutputDirectory=${dir}`], { env: host.env })
    const archive = join(dir, `apicurio-registry-app-${VERSIONS.registry}-all.tar.gz`)
    await requireSha256(archive, REGISTRY_ARCHIVE_SHA256)
    await runTool('tar', ['-xzf', archive, '-C', dir], { env: host.env })
    rmSync(archive)
  }
  return fetchPart(sources, {
    name: `registry-${VERSIONS.registry}`,
    title: `downloading schema registry ${VERSIONS.registry}`,
    make,
  })
}

async function findClickhouse(sources: Sources): Promise<ClickhouseProgram> {
  const { env } = sources.host
  const server = findOnPath('clickhouse-server', env)
  if (server !== undefined) return { kind: 'server', file: server, args: [] }
  const all = findOnPath('clickhouse', env)
  if (all !== undefined) return { kind: 'server', file: all, args: ['server'] }
  return { kind: 'engine', dir: await obtainEngine(sources) }
}

async function obtainEngine(sources: Sources): Promise<string> {
  const { host } = sources
  const files = ['package.json', 'package-lock.json'].map(name => ({
    name,
    path: fileURLToPath(new URL(`./clickhouse-engine/${name}`, import.meta.url)),
  }))
  const make = async (dir: string) => {
    for (const { name, path } of files) copyFileSync(path, join(dir, name))
    const args = ['ci', '--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=error']
    await runTool('npm', args, { env: withoutNpmScript(host.env), cwd: dir })
  }
  const lock = createHash('sha256')
  for (const { path } of files) lock.update(readFileSync(path))
  return fetchPart(sources, {
    name: `clickhouse-engine-${VERSIONS.chdb}-${process.platform}-${process.arch}-${lock.digest('hex').slice(0, 12)}`,
    title: `downloading the ClickHouse engine (chdb ${VERSIONS.chdb}, about 550 MB on disk)`,
    make,
  })
}

async function fetchPart(
  { cacheDir, progress, clock }: Sources,
  { name, title, make }: { name: string; title: string; make(dir: string): Promise<void> },
): Promise<string> {
  const showing = (dir: string) => progress.during(title, { bytes: () => bytesBelow([dir]) }, () => make(dir))
  return obtain({ cacheDir, name, make: showing }, { clock, log: progress.log })
}

/** `npm start` hands its own settings (`npm_config_*`, `npm_package_*`) down: they are not meant for this npm. */
function withoutNpmScript(env: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  const ours =
    /^npm_(package|lifecycle|command|execpath|node_execpath)|^npm_config_(local_prefix|prefix|dry_run|ignore_scripts)$/
  return Object.fromEntries(Object.entries(env).filter(([name]) => !ours.test(name)))
}

async function requireSha256(file: string, expected: string): Promise<void> {
  const hash = createHash('sha256')
  for await (const chunk of createReadStream(file)) hash.update(chunk as Buffer)
  const found = hash.digest('hex')
  if (found === expected) return
  throw new LocalStackError(
    `${file} is not the expected archive: SHA-256 ${found}, expected ${expected}.\n` +
      'Remove io/apicurio/apicurio-registry-app from the local Maven repository (usually ~/.m2/repository) and start again.',
  )
}

/**
 * Promise.all that waits for all before it throws: a failing download must not leave another one running behind the
 * error message.
 */
async function allOrFirstError<A, B>(work: readonly [Promise<A>, Promise<B> | B]): Promise<[A, B]> {
  await Promise.allSettled(work)
  return Promise.all(work) as Promise<[A, B]>
}
