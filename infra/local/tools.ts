import { existsSync } from 'node:fs'
import { LocalStackError } from './local-error.ts'
import type { Progress } from './progress.ts'
import { findOnPath, runTool } from './run-tool.ts'
import { JAVA_MAJOR_MIN } from './versions.ts'

/** A program of the system that a part needs. */
interface Tool {
  title: string
  command: string
  debianPackage: string
  /** What to type where it cannot be installed from here. */
  advice: Record<'debian' | 'fedora' | 'macos', string>
}

const JAVA: Tool = {
  title: `Java ${JAVA_MAJOR_MIN} or later (Kafka and the schema registry run on it)`,
  command: 'java',
  debianPackage: 'default-jre-headless',
  advice: {
    debian: 'sudo apt-get install default-jre-headless',
    fedora: 'sudo dnf install java-21-openjdk-headless',
    macos: 'brew install openjdk@21 && export PATH="$(brew --prefix openjdk@21)/bin:$PATH"',
  },
}

const MAVEN: Tool = {
  title: 'Maven (it downloads Kafka and the schema registry)',
  command: 'mvn',
  debianPackage: 'maven',
  advice: {
    debian: 'sudo apt-get install maven',
    fedora: 'sudo dnf install maven',
    macos: 'brew install maven',
  },
}

const REDIS: Tool = {
  title: 'redis-server (or REDIS_URL for one that runs already)',
  command: 'redis-server',
  debianPackage: 'redis-server',
  advice: {
    debian: 'sudo apt-get install redis-server && sudo systemctl disable --now redis-server',
    fedora: 'sudo dnf install redis',
    macos: 'brew install redis',
  },
}

/** What the search for tools depends on. */
export interface Host {
  env: NodeJS.ProcessEnv
  isRoot: boolean
  isDebian: boolean
  progress: Progress
}

export function thisHost(env: NodeJS.ProcessEnv, progress: Progress): Host {
  return { env, progress, isRoot: process.getuid?.() === 0, isDebian: existsSync('/etc/debian_version') }
}

/** Path of a Java that is new enough; installs it as root on Debian. Throws LocalStackError that says what to do. */
export async function requireJava(host: Host): Promise<string> {
  const java = javaOfHome(host.env) ?? (await requireTool(JAVA, host))
  const output = await runTool(java, ['-version'], { env: host.env })
  const major = javaMajor(output)
  if (major !== undefined && major >= JAVA_MAJOR_MIN) return java
  const found = major === undefined ? output.trim() : `Java ${major}`
  throw new LocalStackError(`${java} is ${found}; needed is ${missingMessage(JAVA)}`)
}

export const requireMaven = (host: Host): Promise<string> => requireTool(MAVEN, host)

export async function requireRedis(host: Host): Promise<string> {
  const had = findOnPath(REDIS.command, host.env)
  const redis = had ?? (await requireTool(REDIS, host))
  // Debian starts a service of its own after the installation; it would sit on the port that ours needs.
  if (had === undefined && existsSync('/run/systemd/system')) {
    await runTool('systemctl', ['disable', '--now', 'redis-server'], { env: host.env })
  }
  return redis
}

/** 17 from `openjdk version "17.0.15"`, 8 from `java version "1.8.0_402"`; undefined from anything else. */
export function javaMajor(versionOutput: string): number | undefined {
  const match = /version "(?:1\.)?(\d+)/.exec(versionOutput)
  return match === null ? undefined : Number(match[1])
}

export function missingMessage({ title, advice }: Tool): string {
  return [
    title,
    `  Debian, Ubuntu:  ${advice.debian}`,
    `  Fedora, RHEL:    ${advice.fedora}`,
    `  macOS:           ${advice.macos}`,
    'then run npm start again',
  ].join('\n')
}

async function requireTool(tool: Tool, host: Host): Promise<string> {
  const found = findOnPath(tool.command, host.env)
  if (found !== undefined) return found
  if (host.isDebian && host.isRoot && findOnPath('apt-get', host.env) !== undefined) {
    await host.progress.during(`installing ${tool.debianPackage} with apt-get`, {}, () => aptInstall(tool, host))
  }
  const installed = findOnPath(tool.command, host.env)
  if (installed === undefined) throw new LocalStackError(`missing: ${missingMessage(tool)}`)
  return installed
}

async function aptInstall(tool: Tool, { env }: Host): Promise<void> {
  const aptEnv = { ...env, DEBIAN_FRONTEND: 'noninteractive' }
  await runTool('apt-get', ['update', '-qq'], { env: aptEnv })
  await runTool('apt-get', ['install', '-y', '-qq', '--no-install-recommends', tool.debianPackage], { env: aptEnv })
}

function javaOfHome(env: NodeJS.ProcessEnv): string | undefined {
  const java = env.JAVA_HOME ? `${env.JAVA_HOME}/bin/java` : undefined
  return java !== undefined && existsSync(java) ? java : undefined
}
