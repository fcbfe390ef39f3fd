import { randomBytes } from 'node:crypto'
import { chmodSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Clock } from '../../clock.ts'
import { FakeWorld } from './fake.ts'
import { plainFakes } from './plain-fakes.ts'
import { report } from './reports.ts'
import { startFakeServer } from './server.ts'

/** The fakes that `npm start` runs, so that a newcomer sees pushes arrive. */

export interface PushFakes {
  /** Where the inbox is. */
  url: string
  /** The file of credentials that names the fakes (PACKLOG_PUSH_FILE). */
  file: string
  close(): Promise<void>
}

/** Any app is known here under this name: the terminal registers it. */
const PACKAGE_NAME = 'com.example.chat'

/** What a phone takes to show a notification and to say so. */
const REPORT_MS = 1_000

export async function startPushFakes({
  dataDir,
  port,
  gatewayUrl,
  clock,
}: {
  dataDir: string
  port: number
  /** Where vendors report what was delivered. */
  gatewayUrl: string
  clock: Clock
}): Promise<PushFakes> {
  const world = new FakeWorld()
  // Nobody hears of a report that fails: the gateway may be away.
  world.onShown = shown =>
    void clock.schedule(REPORT_MS, () => void report(shown, 'delivered', { accessToken: secret }).catch(() => {}))
  const secret = randomBytes(24).toString('hex')
  const { fakes, credentials } = plainFakes(world, secret)
  const server = await startFakeServer(world, fakes, { port })
  const file = join(dataDir, 'push.json')
  const { meizu, ...vendors } = credentials(server.url)
  const apps = { [PACKAGE_NAME]: { ...vendors, meizu: { ...meizu, callbackToken: secret } } }
  writeFileSync(file, `${JSON.stringify({ receipts: { url: gatewayUrl, secret }, apps }, null, 2)}\n`)
  chmodSync(file, 0o600)
  return { url: server.url, file, close: server.close }
}
