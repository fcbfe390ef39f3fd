import { parseArgs } from 'node:util'
import { openWsTransport } from '../../client/network/ws-transport.ts'
import { developmentTokens, NoKey } from '../../client/terminal/development-token.ts'
import { findServer, NoServer } from '../../client/terminal/find-server.ts'
import { systemClock, systemRandom } from '../../infra/clock.ts'
import type { Audit } from './audit.ts'
import { uploadFile } from './files.ts'
import { type PlayResult, play } from './play.ts'
import { PEOPLE_MIN, type Story, storyClock, writeStory } from './story.ts'

/** Entry of `npm run demo`: a day among a few hundred people, and the proof that everybody got every message. */

const HELP = `npm run demo -- [flags]

Fills the server with a day of conversations in ten languages, through the public protocol only, then proves from
outside that every message arrived once and in order at every member, live and when read again from the beginning.
The exit code is 0 when that is proven, 1 when it is not, 2 when it could not be tried.

  --people N    how many people there are (300)
  --seconds S   how long their day takes (30)
  --seed X      tells another story (1)
  --url URL     the server's WebSocket (PACKLOG_WS_URL, else the local stack that npm start runs)
  --help        this text
`

/** The command line cannot be understood. */
class BadArguments extends Error {
  override readonly name = 'BadArguments'
}

interface DemoOptions {
  people: number
  seconds: number
  seed: number
  url: string | undefined
  suppressOne: boolean
}

const PEOPLE_MAX = 2_000
const SECONDS_MAX = 3_600

function parseOptions(): DemoOptions | undefined {
  const values = parse()
  if (values.help === true) return undefined
  return {
    people: whole('--people', values.people ?? '300', [PEOPLE_MIN, PEOPLE_MAX]),
    seconds: whole('--seconds', values.seconds ?? '30', [1, SECONDS_MAX]),
    seed: whole('--seed', values.seed ?? '1', [0, 2 ** 32 - 1]),
    url: values.url,
    suppressOne: values['suppress-one'] === true,
  }
}

function parse() {
  try {
    return parseArgs({
      options: {
        people: { type: 'string' },
        seconds: { type: 'string' },
        seed: { type: 'string' },
        url: { type: 'string' },
        // For the test of the proof itself: one delivery is left out of the books, which must be noticed.
        'suppress-one': { type: 'boolean' },
        help: { type: 'boolean', short: 'h' },
      },
    }).values
  } catch (error) {
    throw new BadArguments(error instanceof Error ? error.message : String(error))
  }
}

function whole(flag: string, text: string, [min, max]: readonly [number, number]): number {
  const value = Number(text)
  if (Number.isInteger(value) && text.trim() !== '' && value >= min && value <= max) return value
  throw new BadArguments(`${flag} ${text}: a whole number from ${min} to ${max}`)
}

const isTerminal = process.stderr.isTTY === true
/** Without a terminal a new phase is worth a line, and so is every hour of the day. */
let lastLine = ''

interface Progress {
  phase: string
  elapsedMs: number
  accepted: number
  arrived: number
}

function showProgress(dayMs: number, { phase, elapsedMs, accepted, arrived }: Progress): void {
  const isDay = phase === 'the day'
  const time = isDay ? storyClock(elapsedMs, dayMs) : ''
  const line = `${isDay ? `${time} ` : ''}${phase}: ${accepted} accepted, ${arrived} delivered`
  if (isTerminal) process.stderr.write(`\r\u001b[K${line}`)
  else if (lastLine !== phase + time.slice(0, 2)) process.stderr.write(`${line}\n`)
  lastLine = phase + time.slice(0, 2)
}

function table(story: Story, { live, fresh, sessions, accepted, refused }: PlayResult): string {
  const languages = new Set(story.people.map(({ language }) => language.code)).size
  const columns = ['expected', 'received', 'missing', 'doubled', 'out of order', 'wrong']
  const row = (name: string, { total }: Audit) => {
    const counts = [total.expected, total.received, total.missing, total.doubled, total.outOfOrder, total.wrong]
    return name.padEnd(22) + counts.map((count, at) => String(count).padStart(columns[at]!.length + 3)).join('')
  }
  const problems = [
    ...refused,
    ...live.problems.map(text => `live: ${text}`),
    ...fresh.problems.map(text => `read again: ${text}`),
  ]
  return [
    `${story.people.length} people in ${languages} languages, ${story.groups.length} groups, ${sessions} conversations, ` +
      `${accepted} packs accepted`,
    ''.padEnd(22) + columns.map(name => name.padStart(name.length + 3)).join(''),
    row('as it happened', live),
    row('read again from 0', fresh),
    ...problems,
  ].join('\n')
}

async function demo(options: DemoOptions): Promise<number> {
  const url = findServer(options.url, process.env)
  const tokens = await developmentTokens(process.env)
  const dayMs = options.seconds * 1_000
  const tag = systemRandom.bytes(3).toString('hex')
  const story = writeStory({ people: options.people, dayMs, seed: options.seed, tag })
  process.stderr.write(`${story.people.length} people, ${story.messages} messages, a day of ${options.seconds} s\n`)
  const result = await play({
    story,
    dayMs,
    clock: systemClock,
    suppressOne: options.suppressOne,
    upload: async ({ userId }, file) =>
      uploadFile(file, { url: browserUrl(url), token: await tokens.token(userId, systemClock.now()) }),
    progress: state => showProgress(dayMs, state),
    connection: (userId, deviceId) => ({
      url,
      token: () => tokens.token(userId, systemClock.now()),
      deviceType: 'android',
      deviceId,
      open: openWsTransport,
      clock: systemClock,
      random: systemRandom,
    }),
  })
  if (isTerminal) process.stderr.write('\r\u001b[K')
  process.stdout.write(`${table(story, result)}\n`)
  const isProven = result.live.isProven && result.fresh.isProven && result.refused.length === 0
  process.stdout.write(isProven ? 'proven: everybody got every message, once and in order\n' : 'NOT proven\n')
  const { userId } = story.evening?.host ?? story.people[0]!
  process.stdout.write(`look at it in the browser: ${browserUrl(url)}/, log in as ${userId}\n`)
  return isProven ? 0 : 1
}

/** The web chat of the gateway that speaks at this WebSocket URL. */
function browserUrl(url: string): string {
  return new URL(url.replace(/^ws/, 'http')).origin
}

try {
  const options = parseOptions()
  if (options === undefined) process.stdout.write(HELP)
  else process.exitCode = await demo(options)
} catch (error) {
  const isExpected = [BadArguments, NoServer, NoKey].some(kind => error instanceof kind)
  if (!isExpected) throw error
  process.stderr.write(`${(error as Error).message}\n`)
  process.exitCode = 2
}
