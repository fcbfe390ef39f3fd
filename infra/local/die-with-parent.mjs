/**
 * Loaded before a role's own code (`node --import`): the parent holds the other end of stdin, so end of input means
 * that the parent has died. The role then drains as on SIGTERM, and is gone after GRACE_MS at the latest.
 */
const GRACE_MS = 5_000

process.stdin.on('error', end)
process.stdin.on('end', end)
process.stdin.resume()
process.stdin.unref?.()

function end() {
  process.kill(process.pid, 'SIGTERM')
  setTimeout(() => process.kill(process.pid, 'SIGKILL'), GRACE_MS).unref()
}
