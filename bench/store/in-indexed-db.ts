import { fileURLToPath } from 'node:url'
import { bundleModule } from '../../infra/bundle-module.ts'
import { launchBrowser } from '../web/browser.ts'
import type { StoreBenchOptions, StoreBenchResult } from './measure.ts'

/** Where the page pretends to be: a browser gives a database to secure places only. */
const PAGE = 'http://localhost/bench'

/** Measures a store in the IndexedDB of Chromium, by the same code in a page. */
export async function measureIndexedDb(options: StoreBenchOptions): Promise<StoreBenchResult> {
  const source = (path: string) => JSON.stringify(fileURLToPath(new URL(path, import.meta.url)))
  const isBuilt = import.meta.url.endsWith('.js')
  const extension = isBuilt ? 'js' : 'ts'
  const script = await bundleModule(`
    import { measureStore } from ${source(`./measure.${extension}`)}
    import { openIndexedDbStore } from ${source(`../../client/storage/indexed-db-store.${extension}`)}
    import { portableClock, portableRandom } from ${source(`../../infra/portable-clock.${extension}`)}
    const open = () => openIndexedDbStore('bench')
    const memoryBytes = () => performance.memory.usedJSHeapSize
    globalThis.measure = options =>
      measureStore(options, { open, memoryBytes, clock: portableClock, random: portableRandom })
  `)
  const browser = await launchBrowser()
  try {
    const page = await browser.newPage()
    await page.route(PAGE, route => route.fulfill({ contentType: 'text/html', body: '<!doctype html>' }))
    await page.goto(PAGE)
    await page.addScriptTag({ content: script, type: 'module' })
    await page.waitForFunction(() => 'measure' in globalThis)
    return await page.evaluate(
      given =>
        (globalThis as unknown as { measure(options: StoreBenchOptions): Promise<StoreBenchResult> }).measure(given),
      options,
    )
  } finally {
    await browser.close()
  }
}
