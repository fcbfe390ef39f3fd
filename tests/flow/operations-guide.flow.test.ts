import { readFileSync } from 'node:fs'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { ROLES } from '../../infra/roles.ts'
import { singleSessionId, type UserId } from '../../schemas/ids.ts'
import { startProduct, type TestProduct } from '../product.ts'
import { runCommand } from '../run-command.ts'
import { person, say } from './people.ts'

/** The commands of docs/operations.md, as they stand there, on a product that runs. */

const CHAT = singleSessionId('ann' as UserId, 'bo' as UserId)
const read = (path: string) => readFileSync(new URL(`../../${path}`, import.meta.url), 'utf8')
const guide = read('docs/operations.md')

/** What is run for each command of the guide, in this order: its words, the exit code and what it says. */
interface Step {
  words: string[]
  code?: number
  says: RegExp
}
const NO_LETTER = /there is no dead letter history\/im\.events\/3\/120/
const STEPS: Record<string, Step> = {
  setup: { words: ['setup'], says: /^archive: up to date$/m },
  verify: { words: ['verify'], says: /all equal/ },
  'verify -- --digest': { words: ['verify', '--digest'], says: /^history [0-9a-f]{64}\nmembership [0-9a-f]{64}\n$/ },
  'dead -- list': { words: ['dead', 'list'], says: /no dead letters wait/ },
  'dead -- inspect ID': { words: ['dead', 'inspect', 'history/im.events/3/120'], code: 2, says: NO_LETTER },
  'dead -- retry ID [ID ...]': { words: ['dead', 'retry', 'history/im.events/3/120'], code: 2, says: NO_LETTER },
  'dead -- discard ID --reason TEXT': {
    words: ['dead', 'discard', 'history/im.events/3/120', '--reason', 'too old'],
    code: 2,
    says: NO_LETTER,
  },
  'rebuild -- history': { words: ['rebuild', 'history'], says: /the new one is live/ },
  'rebuild -- history --resume': { words: ['rebuild', 'history', '--resume'], says: /the new one is live/ },
  'rebuild -- history --discard': {
    words: ['rebuild', 'history', '--discard'],
    says: /^history: no rebuild has left anything$/m,
  },
  'rebuild -- history --as-of 2026-01-31T12:00:00Z': {
    words: ['rebuild', 'history', '--as-of', '2026-01-31T12:00:00Z'],
    says: /^history as of 2026-01-31T12:00:00.000Z: digest [0-9a-f]{64}, under PACKLOG_REDIS_PREFIX=/m,
  },
  'hold -- USER|SESSION --reason TEXT': { words: ['hold', 'ann', '--reason', 'case 12'], says: /^ann: HoldSet$/m },
  'release -- USER|SESSION': { words: ['release', 'ann'], says: /^ann: HoldSet$/m },
  'kick -- USER --reason TEXT': {
    words: ['kick', 'ann', '--reason', 'lost phone'],
    says: /^ann is logged out everywhere$/m,
  },
  'disable -- USER --reason TEXT': { words: ['disable', 'ann', '--reason', 'left'], says: /^ann: UserDisabled$/m },
  'enable -- USER': { words: ['enable', 'ann'], says: /^ann: UserEnabled$/m },
  'export -- USER': { words: ['export', 'ann'], says: /"kind":"Message".*hello/ },
  'erase -- USER --reason TEXT': { words: ['erase', 'ann', '--reason', 'asked for'], says: /im\.packs for 7 days/ },
}
/** Shown elsewhere: what starts or builds the product, and what a test of its own runs. */
const OTHERS = ['build', 'bench -- archive']

let product: TestProduct

beforeAll(async () => {
  product = await startProduct({ together: true })
}, 180_000)

afterAll(() => product?.stop(), 60_000)

/** The commands of the guide without what they begin with. */
function commands(): Set<string> {
  const npm = [...guide.matchAll(/npm run ([a-z]+(?: -- [^`#\n]*[^`#\s])?)/g)].map(([, command]) => command!)
  const node = [...guide.matchAll(/node dist\/main\.js ([a-z]+)$/gm)].map(([, command]) => command!)
  return new Set([...npm, ...node])
}

test('[RN30] the guide names the commands that are run here and no others, and every role', () => {
  expect([...commands()].sort()).toEqual([...Object.keys(STEPS), ...OTHERS].sort())
  const { scripts } = JSON.parse(read('package.json')) as { scripts: Record<string, string> }
  const known = read('run.mjs')
  for (const command of Object.keys(STEPS)) {
    const name = command.split(' ')[0]!
    expect(scripts[name]).toBe(`node run.mjs ${name}`)
    expect(known).toContain(`  ${name}: ['main.js', '${name}'],`)
  }
  const roles = [...guide.matchAll(/^\| `([a-z]+)` \| im\./gm)].map(([, role]) => role)
  expect(roles.sort()).toEqual([...ROLES].sort())
})

test('[RN30] each command of the guide does what it says there', async () => {
  const ann = await person(product, 'ann', { sessions: [CHAT] })
  await say(ann, CHAT, 'hello')
  ann.client.close()
  for (const [command, { words, code = 0, says }] of Object.entries(STEPS)) {
    const done = await runCommand(words, product.env)
    expect({ command, ...done }).toMatchObject({ command, code })
    expect(done.stdout + done.stderr, command).toMatch(says)
  }
}, 240_000)
