import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { systemClock, systemRandom } from '../infra/clock.ts'
import { startChild, stopChild } from '../infra/local/child.ts'
import { serverProperties } from '../infra/local/kafka.ts'
import { obtainParts, partsCacheDir } from '../infra/local/parts.ts'
import { freePorts, HOST } from '../infra/local/ports.ts'
import { kafkaLacks } from '../infra/local/probes.ts'
import { makeProgress } from '../infra/local/progress.ts'
import { runTool } from '../infra/local/run-tool.ts'
import { thisHost } from '../infra/local/tools.ts'

/** A Kafka of its own with a listener that speaks TLS only and asks for a user and a password. */
export interface SecureKafka {
  /** `host:port` of that listener. */
  brokers: string
  /** Directory with `ca.pem` and whatever a test puts beside it; gone after `stop`. */
  dir: string
  caFile: string
  stop(): Promise<void>
}

export const SECURE_USER = 'ann'
export const SECURE_PASSWORD = 'correct horse'
const STORE_PASSWORD = 'not-secret'
const READY_MS_MAX = 180_000
const LOOK_MS = 200

/** Starts it; knows SECURE_USER by PLAIN and by SCRAM-SHA-512. */
export async function startSecureKafka(): Promise<SecureKafka> {
  const { java, kafkaLib } = await programs()
  const dir = await mkdtemp(join(tmpdir(), 'packlog-secure-kafka-'))
  const caFile = join(dir, 'ca.pem')
  const keyStore = join(dir, 'keys.p12')
  const keytool = (args: string[]) => runTool(join(dirname(java), 'keytool'), args, { env: process.env })
  const store = ['-alias', 'kafka', '-keystore', keyStore, '-storepass', STORE_PASSWORD]
  const name = ['-dname', 'CN=packlog-test', '-ext', `SAN=ip:${HOST},dns:localhost`]
  await keytool(['-genkeypair', '-keyalg', 'RSA', '-storetype', 'PKCS12', '-validity', '2', ...store, ...name])
  await keytool(['-exportcert', '-rfc', '-file', caFile, ...store])

  const [plain, secure, controller] = (await freePorts(3, systemRandom.next)) as [number, number, number]
  const settings = join(dir, 'server.properties')
  await writeFile(settings, propertiesOf({ plain, secure, controller, data: join(dir, 'data'), keyStore }))
  const scram = `SCRAM-SHA-512=[name=${SECURE_USER},password=${SECURE_PASSWORD}]`
  const jvm = ['-cp', join(kafkaLib, '*')]
  const format = ['format', '--cluster-id=cGFja2xvZy10ZXN0LWtmaw', `--config=${settings}`, '--add-scram', scram]
  await runTool(java, [...jvm, 'kafka.tools.StorageTool', ...format], { env: process.env })
  const logFile = join(dir, 'kafka.log')
  const args = ['-Xmx384m', ...jvm, 'kafka.Kafka', settings]
  const child = await startChild({ name: 'secure-kafka', file: java, args, env: process.env, logFile })
  const stop = async () => {
    await stopChild(child, { signal: 'SIGTERM', graceMs: 10_000 })
    await rm(dir, { recursive: true, force: true })
  }
  const begun = systemClock.monotonic()
  for (let lacks: string | undefined = ''; lacks !== undefined; ) {
    lacks = await kafkaLacks(`${HOST}:${plain}`, { inSync: false })
    if (child.exit() !== undefined || systemClock.monotonic() - begun > READY_MS_MAX) {
      const log = await readFile(logFile, 'utf8')
      await stop()
      throw new Error(`the secure Kafka did not start: ${lacks}\n${log.slice(-4_000)}`)
    }
    if (lacks !== undefined) await systemClock.sleep(LOOK_MS)
  }
  return { brokers: `${HOST}:${secure}`, dir, caFile, stop }
}

async function programs(): Promise<{ java: string; kafkaLib: string }> {
  const terminal = { isTTY: false, columns: 80, write: () => {} }
  const progress = makeProgress(terminal, systemClock)
  const { env } = process
  const sources = { host: thisHost(env, progress), cacheDir: partsCacheDir(env), progress, clock: systemClock }
  return obtainParts(sources, { redis: true, clickhouse: true })
}

function propertiesOf(options: { plain: number; secure: number; controller: number; data: string; keyStore: string }) {
  const { plain, secure, controller, data, keyStore } = options
  const advertised = `PLAINTEXT://${HOST}:${plain},SECURE://${HOST}:${secure}`
  const module = (name: string) => `org.apache.kafka.common.security.${name} required`
  const changed: Record<string, string> = {
    listeners: `${advertised},CONTROLLER://${HOST}:${controller}`,
    'advertised.listeners': advertised,
    'listener.security.protocol.map': 'PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT,SECURE:SASL_SSL',
    'sasl.enabled.mechanisms': 'PLAIN,SCRAM-SHA-512',
    'listener.name.secure.plain.sasl.jaas.config': `${module('plain.PlainLoginModule')} user_${SECURE_USER}="${SECURE_PASSWORD}";`,
    'listener.name.secure.scram-sha-512.sasl.jaas.config': `${module('scram.ScramLoginModule')};`,
    'listener.name.secure.ssl.keystore.type': 'PKCS12',
    'listener.name.secure.ssl.keystore.location': keyStore,
    'listener.name.secure.ssl.keystore.password': STORE_PASSWORD,
    'listener.name.secure.ssl.key.password': STORE_PASSWORD,
  }
  // Of a setting that is there twice the last one counts.
  const lines = Object.entries(changed).map(([setting, value]) => `${setting}=${value}\n`)
  // Of one node the ports of others are never asked for.
  const others = { kafka2: 0, kafka3: 0, kafkaController2: 0, kafkaController3: 0 }
  const node = { id: 1, brokers: 1, ports: { kafka: plain, kafkaController: controller, ...others } } as const
  return serverProperties(node, data) + lines.join('')
}
