import type { BrowserContext, Page } from 'playwright-core'

/** What a page of the web chat does and costs, seen from within. */

export interface ScrollFigures {
  frames: number
  seconds: number
  framesPerSecond: number
  /** Between two frames, in ms. */
  frameMsP99: number
  frameMsMax: number
  /** The most elements that the page had at a time. */
  nodesMax: number
}

/** How far one frame scrolls: about eight screens a second are more than anybody reads. */
const STEP_PX = 120
/** A message that is not there by then is not coming. */
const SCROLL_MS_MAX = 300_000
/** What costs more than a frame would distort what is measured: it is looked at every so many frames. */
const FRAMES_PER_LOOK = 10

/** Logs in under a name of the development login. */
export async function logIn(page: Page, httpUrl: string, name: string): Promise<void> {
  await page.goto(httpUrl)
  await page.getByRole('textbox').fill(name)
  await page.locator('button[type=submit]').click()
  await page.locator('.rail').waitFor()
}

/** Opens a session and waits for its messages. */
export async function openSession(page: Page, sessionId: string): Promise<void> {
  await page.evaluate(id => {
    location.hash = `#/chat/${encodeURIComponent(id)}`
  }, sessionId)
  await page.locator('.message').first().waitFor()
}

export interface ScrollGoal {
  direction: 'up' | 'down'
  /** What the message says that is scrolled to. */
  text: string
  stepPx?: number
}

/** Scrolls the open conversation a step per frame until a message is in the page. Rejects when it never is. */
export function scrollTo(page: Page, { direction, text, stepPx = STEP_PX }: ScrollGoal): Promise<ScrollFigures> {
  const step = direction === 'up' ? -stepPx : stepPx
  return page.evaluate(
    async ({ step, text, msMax, framesPerLook }) => {
      const list = document.querySelector<HTMLElement>('.messages-scroll')!
      const nextFrame = () => new Promise<number>(resolve => requestAnimationFrame(resolve))
      const isThere = () => [...list.querySelectorAll('.text')].some(({ textContent }) => textContent === text)
      const gaps: number[] = []
      let nodesMax = 0
      const begun = await nextFrame()
      let before = begun
      for (;;) {
        list.scrollTop += step
        const now = await nextFrame()
        gaps.push(now - before)
        before = now
        if (gaps.length % framesPerLook !== 0) continue
        nodesMax = Math.max(nodesMax, document.querySelectorAll('*').length)
        if (isThere()) break
        if (now - begun > msMax) throw new Error(`not found within ${msMax} ms: ${text}`)
      }
      const seconds = (before - begun) / 1_000
      gaps.sort((one, other) => one - other)
      return {
        frames: gaps.length,
        seconds,
        framesPerSecond: gaps.length / seconds,
        frameMsP99: gaps[Math.floor(gaps.length * 0.99)]!,
        frameMsMax: gaps.at(-1)!,
        nodesMax,
      }
    },
    { step, text, msMax: SCROLL_MS_MAX, framesPerLook: FRAMES_PER_LOOK },
  )
}

export interface PaintFigures {
  /** The browser's own first contentful paint, in ms since the navigation began. */
  firstPaintMs: number
  /** Until what one came for stands there. */
  usableMs: number
}

/** Loads the page anew in a tab of its own and waits until `selector` is there. */
export async function paintOf(context: BrowserContext, url: string, selector: string): Promise<PaintFigures> {
  const page = await context.newPage()
  try {
    await page.addInitScript(wanted => {
      const look = new MutationObserver(() => {
        if (document.querySelector(wanted) === null) return
        look.disconnect()
        requestAnimationFrame(() => performance.mark('usable'))
      })
      look.observe(document, { childList: true, subtree: true })
    }, selector)
    await page.goto(url)
    await page.waitForFunction(
      () =>
        performance.getEntriesByName('usable').length > 0 &&
        performance.getEntriesByName('first-contentful-paint').length > 0,
    )
    return await page.evaluate(() => ({
      firstPaintMs: performance.getEntriesByName('first-contentful-paint')[0]!.startTime,
      usableMs: performance.getEntriesByName('usable')[0]!.startTime,
    }))
  } finally {
    await page.close()
  }
}
