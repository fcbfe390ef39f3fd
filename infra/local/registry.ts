import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import type { PartSpec } from './part.ts'
import { HOST } from './ports.ts'
import { answersHttp } from './probes.ts'
import { VERSIONS } from './versions.ts'

interface RegistryOptions {
  java: string
  programDir: string
  dataDir: string
  port: number
  logFile: string
  env: NodeJS.ProcessEnv
}

/** Base URL of the Confluent-compatible API. */
export const registryUrl = (port: number): string => `http://${HOST}:${port}/apis/ccompat/v7`

/** Apicurio Registry on an H2 database in a file. */
export function registryPart({ java, programDir, dataDir, port, logFile, env }: RegistryOptions): PartSpec {
  // H2 keeps commits in memory for half a second by default: a kill would lose a schema whose id is already on the log.
  const database = `jdbc:h2:file:${join(dataDir, 'registry')};WRITE_DELAY=0`
  const jar = join(programDir, `apicurio-registry-app-${VERSIONS.registry}-runner.jar`)
  return {
    name: 'registry',
    title: 'the schema registry',
    command: {
      file: java,
      // It answers few requests: a quick start is worth more than fast code.
      args: ['-Xmx192m', '-XX:+UseSerialGC', '-XX:TieredStopAtLevel=1', '-jar', jar],
      env: {
        ...env,
        QUARKUS_HTTP_HOST: HOST,
        QUARKUS_HTTP_PORT: String(port),
        REGISTRY_DATASOURCE_URL: database,
        QUARKUS_DATASOURCE_JDBC_URL: database,
      },
      cwd: programDir,
      logFile,
    },
    stop: { signal: 'SIGTERM', graceMs: 10_000 },
    readyMsMax: 90_000,
    prepare: async () => void mkdirSync(dataDir, { recursive: true }),
    lacks: async () => ((await answersHttp(`${registryUrl(port)}/subjects`)) ? undefined : 'its API does not answer'),
  }
}
