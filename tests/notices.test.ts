import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'
import { runNode } from './run-command.ts'

test('[TD10] THIRD-PARTY-NOTICES.md names every package of a production install', async () => {
  const script = fileURLToPath(new URL('../infra/notices.mjs', import.meta.url))
  expect(await runNode([script, '--check'])).toMatchObject({ code: 0, stderr: '' })
})
