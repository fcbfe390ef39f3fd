import { afterAll, beforeAll, expect, test } from 'vitest'
import { startProduct, type TestProduct } from '../product.ts'

let product: TestProduct

beforeAll(async () => {
  product = await startProduct({ together: true })
}, 120_000)

afterAll(() => product?.stop(), 60_000)

test('[E2E8] a process that has drained ends, also where something was left open', async () => {
  const leftOpen = 'data:text/javascript,setInterval(()=>{},60000)'
  const { role } = await product.add('leaking', ['history'], { NODE_OPTIONS: `--import=${leftOpen}` })
  expect(await role.stop()).toEqual({ code: 0, signal: null })
})
