import { createRequire } from 'node:module'
import { join } from 'node:path'

/**
 * Runs the ClickHouse engine of npm `chdb` as a server, in a process of its own because the call blocks for ever and
 * because the engine's settings stick to the process. It has no orderly stop: it is ended with SIGKILL, and what it
 * has acknowledged is in the data directory.
 *
 * Arguments: engine folder (with node_modules), data directory, host, HTTP port, TCP port.
 */
const [engineDir, dataDir, host, httpPort, tcpPort] = process.argv.slice(2)
const requireFromEngine = createRequire(join(engineDir, 'package.json'))
const { open, load, DataType } = requireFromEngine('ffi-rs')

const libc = process.platform === 'linux' ? '-gnu' : ''
const library = requireFromEngine.resolve(`@chdb/lib-${process.platform}-${process.arch}${libc}`)

open({ library: 'chdb', path: join(library, '..', 'libchdb.so') })

const args = [
  'clickhouse',
  `--path=${dataDir}`,
  `--listen_host=${host}`,
  `--http_port=${httpPort}`,
  `--tcp_port=${tcpPort}`,
  // The server lives as long as this query, which does nothing for ten years.
  `--query=SYSTEM START LISTEN HTTP; SYSTEM START LISTEN TCP; SELECT sleepEachRow(3) FROM numbers(100000000) SETTINGS max_block_size=1, function_sleep_max_microseconds_per_block=0, max_threads=1 FORMAT Null`,
]

load({
  library: 'chdb',
  funcName: 'chdb_query_cmdline',
  retType: DataType.External,
  paramsType: [DataType.I32, DataType.StringArray],
  paramsValue: [args.length, args],
})
process.exitCode = 1
