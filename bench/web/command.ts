import { developmentTokens } from '../../client/terminal/development-token.ts'
import type { Clock, Random } from '../../infra/clock.ts'
import { singleSessionId, type UserId } from '../../schemas/ids.ts'
import { conditionLines, readConditions } from '../conditions.ts'
import { numberFlag, parseFlags } from '../options.ts'
import { projectRoot, runningTarget, startTarget, type Target } from '../target.ts'
import { launchBrowser } from './browser.ts'
import { fillConversation, lineOf } from './fill.ts'
import { logIn, openSession, type PaintFigures, paintOf, type ScrollFigures, scrollTo } from './page.ts'

/** `npm run bench -- web`: how soon the web chat is there, and how a long conversation scrolls. */

export const WEB_HELP = `npm run bench -- web [flags]

Opens the web chat in Chromium, measures how soon it can be used, for somebody new and for somebody who comes back, then
scrolls a conversation from its end to its beginning and back, a step per frame.

  --messages N         messages in the conversation (10000)
  --loads N            how often the page is loaded (10)
  --json               exactly one JSON object on standard output
  --gateway-url URL    the gateway's WebSocket (PACKLOG_WS_URL, else the local stack)
  --start              start a stack of its own for the run instead of using the one that runs
  --help               this text

The exit code is 0 when the page can be used within 1 s (median), and the scroll keeps 50 frames/s, no frame over 100 ms
and at most 1,500 elements.
`

export const USABLE_MS_MAX = 1_000
export const FRAMES_PER_SECOND_MIN = 50
export const FRAME_MS_MAX = 100
export const NODES_MAX = 1_500
const VIEWPORT = { width: 1440, height: 900 }

interface Shell {
  env: NodeJS.ProcessEnv
  clock: Clock
  random: Random
  log(line: string): void
}

interface WebFigures {
  newcomer: PaintFigures[]
  comingBack: PaintFigures[]
  up: ScrollFigures
  down: ScrollFigures
}

/** Runs the command line and prints the figures with their conditions; gives the exit code. Throws BadOptions. */
export async function runWebBench([, ...args]: readonly string[], shell: Shell): Promise<number> {
  const flags = parseFlags(args, ['messages', 'loads', 'gateway-url'], ['start', 'json', 'help'])
  if (flags.help === true) {
    process.stdout.write(WEB_HELP)
    return 0
  }
  const number = (name: string, otherwise: string, max: number) =>
    numberFlag(`--${name}`, String(flags[name] ?? otherwise), { min: 1, max, isWhole: true })
  const parameters = { messages: number('messages', '10000', 1_000_000), loads: number('loads', '10', 1_000) }
  const conditions = readConditions(projectRoot())
  const target =
    flags.start === true
      ? await startTarget(shell.env, shell.log)
      : runningTarget(flags['gateway-url'] as string | undefined, shell.env)
  try {
    const figures = await measure(parameters, target, shell)
    const text = [...conditionLines(conditions), ...figureLines(parameters, figures)].join('\n')
    process.stdout.write(
      `${flags.json === true ? JSON.stringify({ command: 'web', parameters, conditions, ...figures }) : text}\n`,
    )
    return isWithinLimits(figures) ? 0 : 1
  } finally {
    await target.stop()
  }
}

async function measure(
  { messages, loads }: { messages: number; loads: number },
  target: Target,
  shell: Shell,
): Promise<WebFigures> {
  const httpUrl = new URL(target.gatewayUrl.replace(/^ws/, 'http')).origin
  const tag = shell.random.bytes(3).toString('hex')
  const [reader, writer] = [`reader.${tag}`, `writer.${tag}`] as [UserId, UserId]
  const sessionId = singleSessionId(reader, writer)
  shell.log(`sending ${messages} messages`)
  const { clock, random } = shell
  const tokens = await developmentTokens(target.env)
  const token = () => tokens.token(writer, clock.now())
  await fillConversation({ url: target.gatewayUrl, token, sessionId, messages, clock, random })
  const browser = await launchBrowser()
  try {
    shell.log(`loading the page ${2 * loads} times`)
    const newcomer: PaintFigures[] = []
    for (let load = 0; load < loads; load++) {
      const context = await browser.newContext({ viewport: VIEWPORT })
      newcomer.push(await paintOf(context, httpUrl, 'input'))
      await context.close()
    }
    const context = await browser.newContext({ viewport: VIEWPORT })
    const page = await context.newPage()
    await logIn(page, httpUrl, reader)
    await page.locator('.session-item').waitFor()
    const comingBack: PaintFigures[] = []
    for (let load = 0; load < loads; load++) comingBack.push(await paintOf(context, httpUrl, '.session-item'))
    shell.log('scrolling')
    await openSession(page, sessionId)
    const up = await scrollTo(page, { text: lineOf(0), direction: 'up' })
    const down = await scrollTo(page, { text: lineOf(messages - 1), direction: 'down' })
    return { newcomer, comingBack, up, down }
  } finally {
    await browser.close()
  }
}

function isWithinLimits({ newcomer, comingBack, up, down }: WebFigures): boolean {
  const isSoon = [newcomer, comingBack].every(loads => median(loads.map(({ usableMs }) => usableMs)) <= USABLE_MS_MAX)
  return isSoon && [up, down].every(isSmooth)
}

function isSmooth({ framesPerSecond, frameMsMax, nodesMax }: ScrollFigures): boolean {
  return framesPerSecond >= FRAMES_PER_SECOND_MIN && frameMsMax <= FRAME_MS_MAX && nodesMax <= NODES_MAX
}

function median(values: readonly number[]): number {
  return values.toSorted((one, other) => one - other)[Math.floor(values.length / 2)]!
}

function figureLines(
  { messages, loads }: { messages: number; loads: number },
  { newcomer, comingBack, up, down }: WebFigures,
): string[] {
  const paint = (of: readonly PaintFigures[]) => {
    const usable = of.map(({ usableMs }) => usableMs)
    const first = median(of.map(({ firstPaintMs }) => firstPaintMs))
    return `first paint p50 ${first.toFixed(0)} ms, usable p50 ${median(usable).toFixed(0)} ms, max ${Math.max(...usable).toFixed(0)} ms`
  }
  const scroll = ({ frames, framesPerSecond, frameMsP99, frameMsMax, nodesMax }: ScrollFigures) =>
    `${framesPerSecond.toFixed(1)} frames/s of ${frames}, p99 ${frameMsP99.toFixed(1)} ms, max ${frameMsMax.toFixed(1)} ms; at most ${nodesMax} elements`
  return [
    `web          Chromium without a window or a GPU, 1440 x 900, ${messages} messages, ${loads} loads`,
    `newcomer     ${paint(newcomer)}`,
    `coming back  ${paint(comingBack)}`,
    `scroll up    ${scroll(up)}`,
    `scroll down  ${scroll(down)}`,
  ]
}
