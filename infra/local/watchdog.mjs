import { createInterface } from 'node:readline'

/**
 * Ends the parts of a local stack when the process that started them dies without a chance to do so (kill -9).
 *
 * It hears on stdin what runs: `+ <pid> <signal>` for a part that was started and the signal that stops it,
 * `- <pid>` for one that has ended. End of input means that the starter is gone: every part gets its signal, and
 * after GRACE_MS whatever still runs gets SIGKILL. A starter that stops in order has withdrawn all parts by then.
 */
const GRACE_MS = 15_000
const POLL_MS = 100

const running = new Map()

// Signals to the terminal's process group are the starter's to handle.
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => {})

for await (const line of createInterface({ input: process.stdin })) {
  const [sign, pid, signal] = line.split(' ')
  if (sign === '+') running.set(Number(pid), signal)
  else running.delete(Number(pid))
}

for (const [pid, signal] of running) send(pid, signal)
const deadline = performance.now() + GRACE_MS
while (performance.now() < deadline && [...running.keys()].some(pid => send(pid, 0))) {
  await new Promise(resolve => setTimeout(resolve, POLL_MS))
}
for (const pid of running.keys()) send(pid, 'SIGKILL')

function send(pid, signal) {
  try {
    return process.kill(pid, signal)
  } catch {
    return false
  }
}
