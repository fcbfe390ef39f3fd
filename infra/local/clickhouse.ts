import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { PartSpec } from './part.ts'
import type { ClickhouseProgram } from './parts.ts'
import { HOST } from './ports.ts'
import { answersHttp } from './probes.ts'

interface ClickhouseOptions {
  program: ClickhouseProgram
  dir: string
  httpPort: number
  tcpPort: number
  logFile: string
  env: NodeJS.ProcessEnv
}

/** ClickHouse: a server of the system, or the engine of npm `chdb` in a child process. */
export function clickhousePart({ program, dir, httpPort, tcpPort, logFile, env }: ClickhouseOptions): PartSpec {
  const config = join(dir, 'server.xml')
  const data = join(dir, 'data')
  const serve = fileURLToPath(new URL('./clickhouse-engine/serve.mjs', import.meta.url))
  const engine = program.kind === 'engine'
  return {
    name: 'clickhouse',
    title: 'ClickHouse',
    command: {
      file: engine ? process.execPath : program.file,
      args: engine
        ? [serve, program.dir, data, HOST, String(httpPort), String(tcpPort)]
        : [...program.args, `--config-file=${config}`],
      env,
      cwd: dir,
      logFile,
      // Merges and inserts can wait; a query of an analyst still gets what is free.
      niceness: 10,
    },
    // The engine has no orderly stop; what it has acknowledged is in its data directory.
    stop: { signal: engine ? 'SIGKILL' : 'SIGTERM', graceMs: 20_000 },
    readyMsMax: 60_000,
    prepare: async () => {
      mkdirSync(data, { recursive: true })
      if (!engine) writeFileSync(config, serverXml({ data, httpPort, tcpPort }))
    },
    lacks: async () =>
      (await answersHttp(`http://${HOST}:${httpPort}/ping`, 'Ok.')) ? undefined : '/ping does not answer',
  }
}

/** A server for this machine only: the default user without a password, on the loopback address. */
function serverXml({ data, httpPort, tcpPort }: { data: string; httpPort: number; tcpPort: number }): string {
  return `<clickhouse>
  <logger><level>warning</level><console>1</console></logger>
  <listen_host>${HOST}</listen_host>
  <http_port>${httpPort}</http_port>
  <tcp_port>${tcpPort}</tcp_port>
  <path>${data}/</path>
  <tmp_path>${data}/tmp/</tmp_path>
  <user_files_path>${data}/user_files/</user_files_path>
  <mark_cache_size>268435456</mark_cache_size>
  <profiles><default/></profiles>
  <quotas><default/></quotas>
  <users>
    <default>
      <password></password>
      <networks><ip>::1</ip><ip>127.0.0.1</ip></networks>
      <profile>default</profile>
      <quota>default</quota>
      <access_management>1</access_management>
    </default>
  </users>
  <user_directories><users_xml><path>${join(data, '..', 'server.xml')}</path></users_xml></user_directories>
</clickhouse>
`
}
