import { spawn } from 'node:child_process'
import { connect, type Socket } from 'node:net'
import type { Clock, Millis } from '../infra/clock.ts'

/**
 * What it costs here to wake another process: the round trip of one byte through a loopback socket to a process that
 * sleeps in between. A message passes about a dozen such hops (client, gateway, the broker's threads, sequencer and
 * back), so on a machine where one costs 0.1 ms no build of this product is faster than that. Virtual machines differ
 * by a factor of fifty.
 */
export interface WakeCost {
  p50: Millis
  p99: Millis
}

const ROUND_TRIPS = 400
/** Long enough for the other process to fall asleep. */
const PAUSE_MS: Millis = 1

const ECHO = `const server = require('node:net').createServer(socket => {
  socket.setNoDelay(true)
  socket.on('data', byte => socket.write(byte))
  socket.on('end', () => process.exit())
}).listen(0, '127.0.0.1', () => process.stdout.write(String(server.address().port)))`

/** Takes about a second. */
export async function measureWakeCost(clock: Clock): Promise<WakeCost> {
  const child = spawn(process.execPath, ['-e', ECHO], { stdio: ['ignore', 'pipe', 'ignore'] })
  try {
    const port = await new Promise<number>((resolve, reject) => {
      child.once('error', reject)
      child.once('exit', () => reject(new Error('the echo process ended before it listened')))
      child.stdout.once('data', text => resolve(Number(text)))
    })
    const socket = await open(port)
    const times: Millis[] = []
    for (let i = 0; i < ROUND_TRIPS; i++) {
      await clock.sleep(PAUSE_MS)
      const sentAt = clock.monotonic()
      await echo(socket)
      times.push(clock.monotonic() - sentAt)
    }
    socket.end()
    times.sort((a, b) => a - b)
    return { p50: times[Math.floor(ROUND_TRIPS / 2)]!, p99: times[Math.floor(ROUND_TRIPS * 0.99)]! }
  } finally {
    child.kill()
  }
}

function open(port: number): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect({ port, host: '127.0.0.1', noDelay: true }, () => resolve(socket))
    socket.once('error', reject)
  })
}

function echo(socket: Socket): Promise<void> {
  return new Promise((resolve, reject) => {
    socket.once('data', () => {
      socket.off('error', reject)
      resolve()
    })
    socket.once('error', reject)
    socket.write('x')
  })
}
