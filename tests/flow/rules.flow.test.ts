import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { systemClock } from '../../infra/clock.ts'
import { singleSessionId, type UserId } from '../../schemas/ids.ts'
import { startProduct, type TestProduct } from '../product.ts'
import { runNode } from '../run-command.ts'
import { type Person, person, say } from './people.ts'

/** An operator changes the limits by the rules file: they change with a raised version and not otherwise. */

const session = singleSessionId('ann' as UserId, 'bo' as UserId)
let dir: string
let rulesFile: string
let product: TestProduct
let ann: Person

const writeRules = (rules: object) => writeFile(rulesFile, JSON.stringify(rules))

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'packlog-rules-'))
  rulesFile = join(dir, 'rules.json')
  await writeRules({ version: 1, contentBytesMax: 10 })
  product = await startProduct({ together: true, env: { PACKLOG_RULES_FILE: rulesFile } })
  ann = await person(product, 'ann', { sessions: [session] })
}, 120_000)

afterAll(async () => {
  ann?.client.close()
  await product?.stop()
  await rm(dir, { recursive: true, force: true })
}, 60_000)

/** Restarts it, and waits until its log says the words. */
async function restartSequencer(words: string): Promise<void> {
  await product.roles.sequencer!.stop()
  const { length } = await readFile(product.roles.sequencer!.logFile, 'utf8')
  await product.restart('sequencer')
  while (!(await readFile(product.roles.sequencer!.logFile, 'utf8')).slice(length).includes(words))
    await systemClock.sleep(50)
}

test('[SQ18] limits change when the version of the rules file was raised, and not otherwise', async () => {
  const tooLong = { kind: 'Refused', name: 'MSG_TOO_LONG' }
  expect(await say(ann, session, '10 letters')).toMatchObject({ kind: 'Accepted', seq: 1 })
  expect(await say(ann, session, 'more than ten')).toMatchObject(tooLong)

  await writeRules({ version: 1, contentBytesMax: 20 })
  await restartSequencer('raise the version')
  expect(await say(ann, session, 'more than ten')).toMatchObject(tooLong)

  await writeRules({ version: 2, contentBytesMax: 20 })
  await restartSequencer('the configured rules are asked for')
  expect(await say(ann, session, 'more than ten')).toMatchObject({ kind: 'Accepted', seq: 2 })

  await writeRules({ version: 1, contentBytesMax: 5 })
  await restartSequencer('a lower version than those in force')
  expect(await say(ann, session, 'more than ten')).toMatchObject({ kind: 'Accepted', seq: 3 })
}, 120_000)

test('[CF4] a sequencer with a malformed rules file names what is wrong and ends with 2', async () => {
  await writeRules({ contentBytesMax: -1 })
  const env = { ...product.env, PACKLOG_METRICS_PORT: '0' }
  const { code, stderr } = await runNode(['dist/main.js', '--role', 'sequencer'], { env })
  expect(code).toBe(2)
  expect(stderr).toContain('version is missing')
  expect(stderr).toContain('contentBytesMax is not')
  const missing = await runNode(['dist/main.js', '--role', 'sequencer'], {
    env: { ...env, PACKLOG_RULES_FILE: join(dir, 'nowhere.json') },
  })
  expect(missing.code).toBe(2)
  expect(missing.stderr).toContain('PACKLOG_RULES_FILE cannot be read')
})
