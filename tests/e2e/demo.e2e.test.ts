import { dirname, join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { BUILT_MAIN } from '../../infra/local/roles.ts'
import { startProduct, type TestProduct } from '../product.ts'
import { runNode } from '../run-command.ts'

const DEMO = join(dirname(BUILT_MAIN), 'bench', 'demo', 'main.js')
const PRODUCT_MS_MAX = 120_000

let product: TestProduct

beforeAll(async () => {
  product = await startProduct({ together: true })
}, PRODUCT_MS_MAX)

afterAll(() => product?.stop(), PRODUCT_MS_MAX)

test('[DM3] the demo fills the product and proves that everybody got every message, once and in order', async () => {
  const { code, stdout } = await runNode([DEMO, '--people', '60', '--seconds', '6'], { env: product.env })
  expect(stdout).toContain('proven: everybody got every message, once and in order')
  expect(code).toBe(0)
})

test('[DM3] one suppressed delivery makes it exit 1, and is named', async () => {
  const run = await runNode([DEMO, '--people', '24', '--seconds', '3', '--suppress-one'], { env: product.env })
  expect(run.stdout).toMatch(/live: missing: \S+ did not get \S+ #\d+ of /)
  expect(run.stdout.match(/missing: /g)).toHaveLength(1)
  expect(run.stdout).toContain('NOT proven')
  expect(run.code).toBe(1)
})

test('[DM3] without a server it says what to do and ends with 2', async () => {
  const run = await runNode([DEMO, '--people', '4', '--url', 'ws://127.0.0.1:1/v1/ws'], { env: product.env })
  expect(run.stderr).toContain('npm start')
  expect(run.code).toBe(2)
})
