import { randomUUID } from 'node:crypto'
import { mkdirSync, readFileSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Browser, BrowserContext, BrowserContextOptions, Locator, Page } from 'playwright-core'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { launchBrowser } from '../../bench/web/browser.ts'
import { NODES_MAX } from '../../bench/web/command.ts'
import { fillConversation, lineOf } from '../../bench/web/fill.ts'
import { scrollTo } from '../../bench/web/page.ts'
import { FlakyLink } from '../../faults/sdk/flaky-link.ts'
import { systemClock, systemRandom } from '../../infra/clock.ts'
import { type ObjectStore, startObjectStore } from '../../infra/local/object-store/object-store.ts'
import { HOST } from '../../infra/local/ports.ts'
import { LOCAL_MEDIA, mediaEnv } from '../../infra/local/role-env.ts'
import type { SessionId } from '../../schemas/ids.ts'
import type { OperatorRole } from '../../schemas/operator-roles.ts'
import { startProduct, type TestProduct } from '../product.ts'
import { runCommand } from '../run-command.ts'

/** The web chat and the console in a real Chromium, on the whole product: people who have a browser each. */

const PHONE = { width: 375, height: 720 }
const DESK = { width: 1440, height: 900 }
const WAIT_MS = 20_000
/** On a machine that does much else besides. */
const STORY_MS_MAX = 180_000
/** Until another tab has taken over from one that was killed. */
const TAKEN_OVER_MS_MAX = 2_000
const axeSource = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8')

let product: TestProduct
let browser: Browser
let objects: ObjectStore
let objectsDir: string
const contexts: BrowserContext[] = []
const complaints: string[] = []

beforeAll(async () => {
  const secretAccessKey = `media-${randomUUID()}`
  const { bucket, ...keys } = LOCAL_MEDIA
  const credentials = { ...keys, secretAccessKey }
  objectsDir = await mkdtemp(join(tmpdir(), 'packlog-objects-'))
  objects = await startObjectStore({ dir: objectsDir, host: HOST, port: 0, bucket, credentials, clock: systemClock })
  const env = { PACKLOG_DEVELOPMENT_LOGIN: 'true', ...mediaEnv({ url: objects.url, secretAccessKey }) }
  ;[product, browser] = await Promise.all([startProduct({ together: true, env }), launchBrowser()])
}, 300_000)

afterAll(async () => {
  await browser?.close()
  await product?.stop()
  await objects?.close()
  await rm(objectsDir, { recursive: true, force: true })
})

/** Somebody in a browser of their own, logged in. */
async function person(name: string, options: BrowserContextOptions = {}, url = product.httpUrl): Promise<Page> {
  const context = await browser.newContext({ viewport: DESK, locale: 'en-GB', reducedMotion: 'reduce', ...options })
  contexts.push(context)
  const page = await context.newPage()
  page.setDefaultTimeout(WAIT_MS)
  page.on('pageerror', error => complaints.push(`${name}: ${error.message}`))
  await page.goto(url)
  await page.getByRole('textbox').fill(name)
  await page
    .getByRole('button')
    .filter({ hasText: /Log in|登录/ })
    .click()
  await page.locator('.rail').waitFor()
  await page.waitForFunction(() => document.querySelector('.connection') === null)
  return page
}

async function open(page: Page, sessionId: string): Promise<void> {
  await page.evaluate(id => {
    location.hash = `#/chat/${encodeURIComponent(id)}`
  }, sessionId)
  await page.locator('.conversation').waitFor()
}

async function say(page: Page, text: string): Promise<void> {
  await page.getByLabel('Write a message').fill(text)
  await page.getByRole('button', { name: 'Send' }).click()
}

const message = (page: Page, text: string): Locator => page.locator('.message', { hasText: text })

async function tool(page: Page, text: string, action: string): Promise<void> {
  await message(page, text).hover()
  await message(page, text).getByRole('button', { name: 'More actions' }).click()
  await page.getByRole('menuitem', { name: action, exact: true }).click()
}

async function shot(page: Page, name: string): Promise<void> {
  const dir = process.env.PACKLOG_SCREENSHOTS
  if (!dir) return
  mkdirSync(dir, { recursive: true })
  await page.screenshot({ path: join(dir, `${name}.png`) })
}

/** What axe calls serious or critical on the page at rest: a menu that is being closed has lost its items already. */
async function seriousFindings(page: Page): Promise<string[]> {
  await expect.poll(() => page.getByRole('menu').count(), { timeout: WAIT_MS }).toBe(0)
  if (!(await page.evaluate(() => 'axe' in globalThis))) await page.evaluate(axeSource)
  return page.evaluate(async () => {
    type Result = { violations: { id: string; impact: string; nodes: { html: string }[] }[] }
    const { axe } = globalThis as unknown as { axe: { run(options: object): Promise<Result> } }
    const { violations } = await axe.run({ resultTypes: ['violations'] })
    const serious = violations.filter(({ impact }) => impact === 'serious' || impact === 'critical')
    return serious.map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html.slice(0, 160)).join(' | ')}`)
  })
}

test(
  '[WEB1] two people chat, see what became of their messages, and change them',
  async () => {
    const [ann, ben] = await Promise.all([person('ann'), person('ben')])
    await open(ann, 's:ann:ben')
    await say(ann, 'Hello Ben')
    await ben.getByRole('button', { name: /ann/ }).click()
    await message(ben, 'Hello Ben').waitFor()
    await message(ann, 'Hello Ben').getByLabel('Read', { exact: true }).waitFor()
    await ben.getByLabel('Write a message').pressSequentially('Hi')
    await ann.locator('.conversation-head').getByText('ben is typing').waitFor()
    await ben.keyboard.press('Enter')
    await message(ann, 'Hi').waitFor()
    await tool(ann, 'Hello Ben', 'Edit')
    await ann.getByLabel('Write a message').fill('Hello dear Ben')
    await ann.keyboard.press('Enter')
    await message(ben, 'Hello dear Ben').getByText('edited').waitFor()
    await message(ben, 'Hello dear Ben').hover()
    await message(ben, 'Hello dear Ben').getByRole('button', { name: 'React' }).click()
    await ben.getByRole('button', { name: '🎉' }).click()
    await message(ann, 'Hello dear Ben').getByRole('button', { name: /🎉/ }).waitFor()
    await message(ann, 'Hi').hover()
    await message(ann, 'Hi').getByRole('button', { name: 'Reply' }).click()
    await say(ann, 'An answer')
    await message(ben, 'An answer').locator('.quote').getByText('Hi').waitFor()
    await shot(ben, 'chat-single')
    const search = ben.getByLabel('Search chats')
    // The archive may be a moment behind: what is not found is searched again.
    const found = async () => {
      await search.fill('')
      await search.fill('Hello')
      await ben.locator('.list-page').getByLabel('Loading').waitFor({ state: 'detached' })
      return ben.locator('.session-item', { hasText: 'Hello' }).count()
    }
    await expect.poll(found, { timeout: 2 * WAIT_MS, interval: 500 }).toBeGreaterThan(0)
    await ben.getByLabel('Search chats').fill('')
    await say(ann, 'A mistake')
    await message(ben, 'A mistake').waitFor()
    await tool(ann, 'A mistake', 'Take back')
    await ben.getByText('ann took a message back').first().waitFor()
    expect(await message(ben, 'A mistake').count()).toBe(0)
    expect(await seriousFindings(ben)).toEqual([])
  },
  STORY_MS_MAX,
)

test(
  '[WEB1] a group is made, written in, run and left',
  async () => {
    const [cleo, dan] = await Promise.all([person('cleo'), person('dan')])
    await cleo.getByRole('button', { name: 'New chat' }).click()
    await cleo.getByRole('menuitem', { name: 'New group' }).click()
    await cleo.getByLabel('Group name').fill('Climbers')
    await cleo.getByRole('combobox', { name: 'Members' }).fill('dan')
    await cleo.keyboard.press('Enter')
    await cleo.getByRole('button', { name: 'Create' }).click()
    await cleo.getByText('cleo created the group').first().waitFor()
    await dan.getByRole('button', { name: /Climbers/ }).click()
    await say(cleo, 'Sunday at 7, @dan ?')
    await message(dan, 'Sunday at 7').locator('.mention').waitFor()
    await say(dan, 'Yes!')
    await message(cleo, 'Yes!').waitFor()
    await cleo.getByRole('button', { name: 'Details' }).click()
    await cleo.getByRole('button', { name: 'More actions: dan' }).click()
    await cleo.getByRole('menuitem', { name: 'Make admin' }).click()
    await dan.getByText('cleo made dan admin').first().waitFor()
    await shot(cleo, 'group-details')
    expect(await seriousFindings(cleo)).toEqual([])
    // The panel makes the list narrower: its end stays in sight.
    const last = message(dan, 'Yes!')
    await dan.getByRole('button', { name: 'Details' }).click()
    await dan.getByRole('button', { name: 'Leave group' }).waitFor()
    await expect.poll(() => last.isVisible(), { timeout: WAIT_MS }).toBe(true)
    expect(await dan.getByRole('button', { name: 'To the newest message' }).count()).toBe(0)
    await dan.getByRole('button', { name: 'Leave group' }).click()
    await dan.getByRole('button', { name: 'Confirm' }).click()
    await dan.getByText('You are not in this group any more.').waitFor()
    await cleo.getByText('dan left').first().waitFor()
  },
  STORY_MS_MAX,
)

test(
  '[WEB7] pictures and files are sent, shown, opened and got',
  async () => {
    const [ola, pia] = await Promise.all([person('ola'), person('pia')])
    await open(ola, 's:ola:pia')
    const picture = Buffer.from(await ola.screenshot({ clip: { x: 0, y: 0, width: 320, height: 200 } }))
    const plan = Buffer.from('one, two, three\n'.repeat(1_000))
    await ola.locator('input[type=file]').setInputFiles([
      { name: 'view.png', mimeType: 'image/png', buffer: picture },
      { name: 'plan.csv', mimeType: 'text/csv', buffer: plan },
    ])
    await pia.getByRole('button', { name: /ola/ }).click()
    const shown = pia.getByRole('img', { name: 'view.png' })
    await shown.waitFor()
    await expect.poll(() => shown.evaluate(one => (one as HTMLImageElement).naturalWidth)).toBe(320)
    await shot(pia, 'chat-picture')
    const link = pia.getByRole('link', { name: /plan.csv/ })
    await expect.poll(() => link.getAttribute('href'), { timeout: WAIT_MS }).toMatch(/^http/)
    const got = await fetch((await link.getAttribute('href'))!)
    expect(Buffer.from(await got.arrayBuffer()).equals(plan)).toBe(true)
    await pia.getByRole('button', { name: 'Show view.png' }).click()
    await pia.getByRole('dialog').getByRole('link', { name: 'Download' }).waitFor()
    await shot(pia, 'picture-open')
    expect(await seriousFindings(pia)).toEqual([])
    await ola
      .locator('input[type=file]')
      .setInputFiles([{ name: 'page.html', mimeType: 'text/html', buffer: Buffer.from('<script>') }])
    await ola.getByText(/page.html: Not sent/).waitFor()
  },
  STORY_MS_MAX,
)

test(
  '[WEB20] a link lets into a group that takes nobody else, until it is ended',
  async () => {
    const [mia, nils, oda] = await Promise.all([person('mia'), person('nils'), person('oda')])
    await mia.getByRole('button', { name: 'New chat' }).click()
    await mia.getByRole('menuitem', { name: 'New group' }).click()
    await mia.getByLabel('Group name').fill('Secret garden')
    await mia.getByRole('button', { name: 'Create' }).click()
    await mia.getByRole('button', { name: 'Details' }).click()
    await mia.getByRole('combobox', { name: 'Who may join' }).click()
    await mia.getByRole('option', { name: 'Only invited' }).click()
    await mia.getByText('mia changed the settings').first().waitFor()
    await mia.getByRole('button', { name: 'Make an invite link' }).click()
    const link = await mia.getByLabel('The new link').inputValue()
    await shot(mia, 'invite-link')
    await nils.goto(link)
    await nils.getByRole('dialog').getByText('Secret garden').waitFor()
    await nils.getByRole('button', { name: 'Join' }).click()
    await nils.locator('.conversation-head').getByText('Secret garden').waitFor()
    await mia.getByText('nils joined').first().waitFor()
    await mia.getByText(/^1 of 10 joined/).waitFor()
    await mia.getByRole('button', { name: 'End', exact: true }).click()
    await oda.getByRole('button', { name: 'New chat' }).click()
    await oda.getByRole('menuitem', { name: 'Join a group' }).click()
    await oda.getByLabel('Group id or invite link').fill(link)
    await oda.getByRole('button', { name: 'Join' }).click()
    await oda.getByText('the invite does not exist, has ended or is used up').first().waitFor()
    expect(await seriousFindings(mia)).toEqual([])
  },
  STORY_MS_MAX,
)

test(
  '[WEB21] people and groups have pictures of their own',
  async () => {
    const [pam, quin] = await Promise.all([person('pam'), person('quin')])
    await open(pam, 's:pam:quin')
    await say(pam, 'Do you see me?')
    const picture = Buffer.from(await pam.screenshot())
    await pam.getByRole('button', { name: 'Settings' }).click()
    await pam
      .locator('input[type=file][accept="image/*"]')
      .setInputFiles({ name: 'me.png', mimeType: 'image/png', buffer: picture })
    await pam.getByText('Saved').waitFor()
    await pam.getByRole('button', { name: 'No picture' }).waitFor()
    // What others look like is asked once for as long as the page is open.
    await quin.reload()
    const face = quin.locator('.session-item', { hasText: 'pam' }).locator('img')
    await expect.poll(() => face.getAttribute('src'), { timeout: WAIT_MS }).toMatch(/^data:image\/webp/)
    await shot(pam, 'settings-picture')
    await pam
      .locator('input[type=file][accept="image/*"]')
      .setInputFiles({ name: 'me.png', mimeType: 'image/png', buffer: Buffer.from('no picture') })
    await pam.getByText('This is no picture that the browser can read.').waitFor()
  },
  STORY_MS_MAX,
)

test(
  '[WEB22] however long a conversation is, the page holds few elements while it is scrolled from end to end',
  async () => {
    const messages = 3_000
    const sessionId = 's:rita:sven' as SessionId
    const { wsUrl: url, token } = product
    const [clock, random] = [systemClock, systemRandom]
    await fillConversation({ url, token: () => token('sven'), sessionId, messages, clock, random })
    const rita = await person('rita')
    await open(rita, sessionId)
    await rita.locator('.message').first().waitFor()
    const up = await scrollTo(rita, { text: lineOf(0), direction: 'up', stepPx: 1_500 })
    const down = await scrollTo(rita, { text: lineOf(messages - 1), direction: 'down', stepPx: 1_500 })
    expect(up.frames).toBeGreaterThan(50)
    for (const { nodesMax } of [up, down]) expect(nodesMax).toBeLessThanOrEqual(NODES_MAX)
  },
  STORY_MS_MAX,
)

test(
  '[WEB1] friends are asked, accepted, named and blocked',
  async () => {
    const [eve, finn] = await Promise.all([person('eve'), person('finn')])
    await open(eve, 's:eve:finn')
    await eve.getByRole('button', { name: 'Details' }).click()
    await eve.getByRole('button', { name: 'Add friend' }).click()
    await finn.getByRole('navigation').getByRole('button', { name: 'Contacts' }).click()
    await finn.getByRole('button', { name: 'Accept' }).click()
    await eve.getByLabel('Name for me').fill('Finn the great')
    await eve.getByRole('button', { name: 'Save' }).click()
    await eve.locator('.conversation-head').getByText('Finn the great').waitFor()
    await shot(finn, 'contacts')
    expect(await seriousFindings(finn)).toEqual([])
    await eve.getByRole('button', { name: 'Block' }).click()
    await eve.getByText('You have blocked Finn the great.').waitFor()
    await open(finn, 's:eve:finn')
    await say(finn, 'Why?')
    await finn.getByText(/Not sent/).waitFor()
  },
  STORY_MS_MAX,
)

test(
  '[WEB2] what is written offline on a phone is sent once when the network is back',
  async () => {
    const phone = { viewport: PHONE, isMobile: true, hasTouch: true }
    const [gil, hana] = await Promise.all([person('gil', phone), person('hana')])
    await open(hana, 's:gil:hana')
    await say(hana, 'Are you there?')
    await gil.getByRole('button', { name: /hana/ }).click()
    await message(gil, 'Are you there?').waitFor()
    await gil.context().setOffline(true)
    await product.roles.gateway!.stop()
    await say(gil, 'Written in the tunnel')
    await message(gil, 'Written in the tunnel').getByLabel('Sending').waitFor()
    await shot(gil, 'phone-offline')
    await gil.reload().catch(() => {})
    await product.restart('gateway')
    await gil.context().setOffline(false)
    await gil.goto(product.httpUrl)
    await message(hana, 'Written in the tunnel').waitFor({ timeout: 40_000 })
    await gil.getByRole('button', { name: /hana/ }).click()
    await message(gil, 'Written in the tunnel').waitFor()
    expect(await message(hana, 'Written in the tunnel').count()).toBe(1)
    await shot(gil, 'phone-chat')
    await gil.getByRole('button', { name: 'Back' }).click()
    await gil.locator('.session-item').waitFor()
    await shot(gil, 'phone-list')
    expect(await seriousFindings(gil)).toEqual([])
  },
  STORY_MS_MAX,
)

test(
  '[WEB23] on a line that holds everything back for seconds, what is written waits in sight and arrives once',
  async () => {
    const link = await FlakyLink.open([Number(new URL(product.httpUrl).port)], systemClock)
    try {
      const [uma, vito] = await Promise.all([person('uma', {}, `http://${HOST}:${link.port}`), person('vito')])
      await open(uma, 's:uma:vito')
      await open(vito, 's:uma:vito')
      link.delay(3_000)
      await say(uma, 'Slowly')
      await message(uma, 'Slowly').getByLabel('Sending').waitFor()
      await message(vito, 'Slowly').waitFor()
      await say(vito, 'But surely')
      await message(uma, 'But surely').waitFor()
      await message(uma, 'Slowly').getByLabel('Read', { exact: true }).waitFor()
      expect(await message(vito, 'Slowly').count()).toBe(1)
      await uma.context().close()
    } finally {
      await link.close()
    }
  },
  STORY_MS_MAX,
)

test(
  '[WEB3] tabs of a browser share one connection, and another tab takes over within 2 s from one that is killed',
  async () => {
    const iris = await person('iris')
    const jon = await person('jon')
    const second = await iris.context().newPage()
    second.setDefaultTimeout(WAIT_MS)
    let sockets = 0
    const connected = new Promise<void>(resolve =>
      second.on('websocket', socket => {
        sockets++
        socket.on('framereceived', ({ payload }) => String(payload).includes('"welcome"') && resolve())
      }),
    )
    await second.goto(product.httpUrl)
    await second.locator('.rail').waitFor()
    await open(second, 's:iris:jon')
    await say(second, 'From the second tab')
    await open(jon, 's:iris:jon')
    await message(jon, 'From the second tab').waitFor()
    await open(iris, 's:iris:jon')
    await message(iris, 'From the second tab').waitFor()
    const logins = async () => (await second.evaluate(() => navigator.locks.query())).held?.length
    expect(await logins()).toBe(1)
    expect(sockets).toBe(0)
    // The tab is killed: it says goodbye to nobody.
    const killedAt = systemClock.monotonic()
    const devTools = await iris.context().newCDPSession(iris)
    void devTools.send('Page.crash').catch(() => {})
    await connected
    expect(systemClock.monotonic() - killedAt).toBeLessThan(TAKEN_OVER_MS_MAX)
    expect(sockets).toBe(1)
    await say(second, 'After the first tab')
    await message(jon, 'After the first tab').waitFor()
    await say(jon, 'Heard')
    await message(second, 'Heard').waitFor()
  },
  STORY_MS_MAX,
)

test(
  '[WEB4] nothing overflows at any width, in either scheme and language, and nothing serious is wrong for screen readers',
  async () => {
    const kim = await person('kim')
    await open(kim, 's:kim:leo')
    await say(kim, `A long word: ${'abc'.repeat(60)} and a link https://example.org/${'x'.repeat(80)}`)
    await kim.locator('.message').first().waitFor()
    const found: string[] = []
    for (const language of ['en', 'zh']) {
      for (const scheme of ['light', 'dark']) {
        await kim.evaluate(
          ([l, s]) => {
            localStorage.setItem('packlog.language', l!)
            localStorage.setItem('packlog.scheme', s!)
            localStorage.setItem('mantine-color-scheme-value', s!)
          },
          [language, scheme],
        )
        await kim.reload()
        await kim.locator('.message').first().waitFor()
        for (const hash of ['#/chat/s%3Akim%3Aleo', '#/', '#/contacts', '#/settings']) {
          await kim.evaluate(to => {
            location.hash = to
          }, hash)
          for (const width of [375, 768, 1440]) {
            await kim.setViewportSize({ width, height: 800 })
            const over = await kim.evaluate(() => document.documentElement.scrollWidth - innerWidth)
            if (over > 0) found.push(`${hash} ${width} ${scheme} ${language}: ${over} px too wide`)
            await shot(kim, `width-${hash.replaceAll(/\W/g, '')}-${width}-${scheme}-${language}`)
          }
          // Colours depend on the scheme and widths on the language: the two extremes have it all.
          if ((scheme === 'dark') !== (language === 'zh')) continue
          found.push(...(await seriousFindings(kim)).map(finding => `${hash} ${scheme} ${language}: ${finding}`))
        }
        await kim.setViewportSize(DESK)
        await kim.evaluate(() => {
          location.hash = '#/chat/s%3Akim%3Aleo'
        })
      }
    }
    expect(found).toEqual([])
  },
  STORY_MS_MAX,
)

test(
  '[HT31] the reference of the API loads with nothing from elsewhere, and calls with the key that is entered',
  async () => {
    const context = await browser.newContext({ viewport: DESK })
    const page = await context.newPage()
    page.setDefaultTimeout(WAIT_MS)
    page.on('pageerror', error => complaints.push(`reference: ${error.message}`))
    page.on('console', said => said.type() === 'error' && complaints.push(`reference: ${said.text()}`))
    const origins = new Set<string>()
    page.on('request', request => request.url().startsWith('http') && origins.add(new URL(request.url()).origin))
    await page.goto(`${product.httpUrl}/reference/`)
    await page.locator('button.authorize').click()
    await page.locator('.auth-container').first().locator('input').fill(product.adminKey)
    await page.locator('.auth-container').first().locator('button.authorize').click()
    await page.locator('.btn-done').first().click()
    await page.locator('.opblock-tag', { hasText: /^keys/ }).click()
    const operation = page.locator('#operations-keys-listKeys')
    await operation.locator('.opblock-summary-control').click()
    await operation.getByRole('button', { name: 'Try it out' }).click()
    await operation.getByRole('button', { name: 'Execute' }).click()
    await operation.locator('.live-responses-table .response-col_status', { hasText: '200' }).first().waitFor()
    await shot(page, 'reference')
    expect([...origins]).toEqual([new URL(product.httpUrl).origin])
    await context.close()
  },
  STORY_MS_MAX,
)

/** An operator in the console with a key of a role. */
async function operator(key: string, options: BrowserContextOptions = {}): Promise<Page> {
  const context = await browser.newContext({ viewport: DESK, locale: 'en-GB', reducedMotion: 'reduce', ...options })
  contexts.push(context)
  const page = await context.newPage()
  page.setDefaultTimeout(WAIT_MS)
  page.on('pageerror', error => complaints.push(`console: ${error.message}`))
  await page.goto(`${product.httpUrl}/console/`)
  await page.getByLabel('Operator key').fill(key)
  await page.getByRole('button', { name: 'Log in' }).click()
  await page.getByRole('navigation').waitFor()
  return page
}

/** A key with a role, as `npm run key` makes it. */
async function keyOf(role: OperatorRole): Promise<string> {
  const args = ['key', 'create', 'admin', '--role', role, '--name', `the ${role}`]
  const { code, stdout, stderr } = await runCommand(args, product.env)
  expect(code, stderr).toBe(0)
  return stdout.trim()
}

async function place(page: Page, hash: string): Promise<void> {
  await page.evaluate(to => {
    location.hash = to
  }, hash)
  await expect.poll(() => page.getByRole('status', { name: /Loading|加载中/ }).count(), { timeout: WAIT_MS }).toBe(0)
}

test(
  '[CON1] a viewer looks on and is refused, a moderator finds a message and takes it back, and the log says who',
  async () => {
    const [lena, otto, moderator, viewer] = await Promise.all([
      person('lena'),
      person('otto'),
      keyOf('moderator').then(key => operator(key)),
      keyOf('viewer').then(key => operator(key)),
    ])
    await place(moderator, '#/messages')
    const found = async () => {
      await moderator.getByRole('textbox', { name: 'Words' }).fill('nasty')
      await moderator.getByRole('button', { name: 'Search' }).click()
      await expect.poll(() => moderator.getByRole('status', { name: 'Loading' }).count(), { timeout: WAIT_MS }).toBe(0)
      return moderator.locator('.event', { hasText: 'Something nasty' }).count()
    }
    expect(await found()).toBe(0)
    await open(lena, 's:lena:otto')
    await say(lena, 'Something nasty')
    await open(otto, 's:lena:otto')
    await message(otto, 'Something nasty').waitFor()
    await place(viewer, '#/messages/s%3Alena%3Aotto')
    await viewer.getByText('Not in your role').last().waitFor()
    await viewer.getByText(/moderation:read/).waitFor()
    await shot(viewer, 'console-refused')
    // The archive may be a moment behind: what is not found is searched again.
    await expect.poll(found, { timeout: 2 * WAIT_MS, interval: 500 }).toBeGreaterThan(0)
    await shot(moderator, 'console-search')
    expect(await seriousFindings(moderator)).toEqual([])
    const hit = moderator.locator('.event', { hasText: 'Something nasty' })
    await hit.getByRole('link', { name: 's:lena:otto' }).click()
    await hit.getByRole('button', { name: 'Take back' }).click()
    await moderator.getByRole('dialog').getByRole('button', { name: 'Take back' }).click()
    await moderator.getByText('taken back by admin').waitFor({ timeout: 2 * WAIT_MS })
    await otto
      .getByText('admin took a message back')
      .first()
      .waitFor({ timeout: 2 * WAIT_MS })
    expect(await message(otto, 'Something nasty').count()).toBe(0)
    await shot(moderator, 'console-session')
    await place(viewer, '#/audit')
    const acts = viewer.locator('tr', { hasText: 's:lena:otto' })
    await acts.filter({ hasText: 'moderateMessage' }).filter({ hasText: 'the moderator' }).waitFor()
    await acts.filter({ hasText: 'readSession' }).first().waitFor()
    await shot(viewer, 'console-audit')
    await place(viewer, '#/health')
    await expect.poll(() => viewer.getByText('serves', { exact: true }).count(), { timeout: WAIT_MS }).toBe(3)
  },
  STORY_MS_MAX,
)

test(
  '[CON2] nothing of the console overflows, in either scheme and language, and nothing serious is wrong for screen readers',
  async () => {
    const page = await operator(product.adminKey)
    const found: string[] = []
    const places = [
      ...['overview', 'health', 'users', 'users/lena', 'groups', 'messages', 'messages/s%3Alena%3Aotto'],
      ...['broadcasts', 'webhooks', 'deadLetters', 'keys', 'audit'],
    ]
    for (const [scheme, language] of [
      ['light', 'en'],
      ['dark', 'zh'],
    ] as const) {
      await page.evaluate(
        ([s, l]) => {
          localStorage.setItem('packlog.language', l)
          localStorage.setItem('packlog.scheme', s)
          localStorage.setItem('mantine-color-scheme-value', s)
        },
        [scheme, language] as const,
      )
      await page.reload()
      await page.getByRole('navigation').waitFor()
      for (const name of places) {
        await place(page, `#/${name}`)
        await page.getByRole('heading', { level: 1 }).waitFor()
        for (const width of [375, 768, 1440]) {
          await page.setViewportSize({ width, height: 900 })
          const over = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth)
          if (over > 0) found.push(`${name} ${width} ${scheme}: ${over} px too wide`)
          await shot(page, `console-${name.replaceAll(/\W/g, '')}-${width}-${scheme}`)
        }
        // The dark scheme has the same elements: the places with the most colours stand for all.
        if (scheme === 'dark' && !['overview', 'health', 'keys'].includes(name)) continue
        found.push(...(await seriousFindings(page)).map(finding => `${name} ${scheme}: ${finding}`))
      }
    }
    expect(found).toEqual([])
  },
  STORY_MS_MAX,
)

test('[WEB4] no page has raised an error', () => {
  expect(complaints).toEqual([])
})
