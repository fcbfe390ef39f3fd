import { randomBytes } from 'node:crypto'
import { chmodSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { FakeWorld } from './fake.ts'
import { fakeHttps } from './fake-https.ts'
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

export async function startPushFakes({ dataDir, port }: { dataDir: string; port: number }): Promise<PushFakes> {
  const world = new FakeWorld()
  const secret = randomBytes(24).toString('hex')
  const server = await startFakeServer(world, [fakeHttps(world, { secret })], { port })
  const file = join(dataDir, 'push.json')
  const apps = { [PACKAGE_NAME]: { https: { url: `${server.url}/https`, secret } } }
  writeFileSync(file, `${JSON.stringify({ apps }, null, 2)}\n`)
  chmodSync(file, 0o600)
  return { url: server.url, file, close: server.close }
}
