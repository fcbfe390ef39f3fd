import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { delimiter, join } from 'node:path'
import { type Browser, chromium } from 'playwright-core'

/** Chromium for tests and measurements: the one that is installed, or the system's package where we may install it. */

const NAMES = ['chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable']
const INSTALL_MS_MAX = 240_000

/** Starts a browser without a window. Throws with what to do where there is none and none can be installed. */
export async function launchBrowser(): Promise<Browser> {
  const executablePath = find() ?? install()
  return chromium.launch({ executablePath, args: ['--no-sandbox', '--disable-dev-shm-usage', '--disable-gpu'] })
}

function find(): string | undefined {
  const given = process.env.CHROMIUM_PATH
  if (given) return given
  const dirs = (process.env.PATH ?? '').split(delimiter)
  return NAMES.flatMap(name => dirs.map(dir => join(dir, name))).find(existsSync)
}

function install(): string {
  console.error('installing Chromium (apt-get install chromium) ...')
  const apt = (...args: string[]) =>
    spawnSync('apt-get', ['-qq', ...args], { timeout: INSTALL_MS_MAX, stdio: 'ignore' }).status
  if (apt('update') === 0) apt('install', '-y', '--no-install-recommends', 'chromium')
  const found = find()
  if (found !== undefined) return found
  throw new Error('no Chromium: install it (Debian: apt-get install chromium), or name it in CHROMIUM_PATH')
}
