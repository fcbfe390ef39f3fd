import { systemClock, systemRandom } from '../../infra/clock.ts'
import { Client, type PackRequest } from '../network/client.ts'
import { openWsTransport } from '../network/ws-transport.ts'
import { BadArguments, type ChatArguments, HELP, parseChatArguments } from './arguments.ts'
import { Chat } from './chat.ts'
import { developmentTokens, NoKey } from './development-token.ts'
import { findServer, NoServer, START_HINT } from './find-server.ts'
import { plainScreen, type Screen, terminalScreen } from './screen.ts'

/** Entry of `npm run chat`: arguments and terminal in, exit code out. */

function screen(): Screen {
  const isTerminal = process.stdin.isTTY === true && process.stdout.isTTY === true
  return isTerminal ? terminalScreen(process.stdin, process.stdout) : plainScreen(process.stdin, process.stdout)
}

async function tokenSource(asked: ChatArguments): Promise<string | (() => Promise<string>)> {
  if (asked.token !== undefined) return asked.token
  const tokens = await developmentTokens(process.env)
  return () => tokens.token(asked.user, systemClock.now())
}

function groupToCreate({ createGroup }: ChatArguments): PackRequest | undefined {
  if (createGroup === undefined) return undefined
  const { groupId, name, members } = createGroup
  return { type: 'createGroup', groupId, info: { name }, members }
}

async function chat(asked: ChatArguments): Promise<number> {
  const url = findServer(asked.url, process.env)
  const client: Client = new Client({
    url,
    token: await tokenSource(asked),
    deviceType: 'linux',
    deviceId: asked.deviceId ?? `terminal-${process.pid}`,
    open: openWsTransport,
    clock: systemClock,
    random: systemRandom,
    discover: summary => terminal.discovered(summary),
  })
  const terminal: Chat = new Chat({
    client,
    screen: screen(),
    clock: systemClock,
    random: systemRandom,
    style: { colour: process.stdout.isTTY === true && !process.env.NO_COLOR, me: asked.user },
    sessionId: asked.sessionId,
    first: groupToCreate(asked),
    serverHint: `nothing answers at ${url}: ${START_HINT}`,
  })
  return await terminal.run()
}

try {
  const asked = parseChatArguments(process.argv.slice(2))
  if (asked === undefined) process.stdout.write(HELP)
  else process.exitCode = await chat(asked)
} catch (error) {
  const isExpected = error instanceof BadArguments || error instanceof NoServer || error instanceof NoKey
  if (!isExpected) throw error
  process.stderr.write(`${error.message}\n`)
  process.exitCode = error instanceof BadArguments ? 2 : 1
}
