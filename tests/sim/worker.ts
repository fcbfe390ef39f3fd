import { freshSeed } from './campaign.ts'
import { failureText } from './report.ts'
import { runSeed } from './run.ts'
import type { WorkerMessage } from './workers.ts'

/**
 * One process of a campaign (workers.ts): runs the seeds that it is given, or else fresh ones until it is killed, and tells
 * of each. It ends with one that fails.
 */
async function main(): Promise<void> {
  // Whoever wants to know of the seeds is gone.
  process.once('disconnect', () => process.exit())
  const given = process.argv.slice(2).map(Number)
  for (let run = 0; given.length === 0 || run < given.length; run++) {
    const result = await runSeed(given[run] ?? freshSeed())
    const { steps, events, deliveries, faults, findings } = result
    const message: WorkerMessage = { run: { steps, events, deliveries, faults } }
    if (findings.length > 0) message.failure = failureText(result)
    await told(message)
    if (findings.length > 0) break
  }
  // The channel alone would keep the process.
  process.disconnect?.()
}

/** Resolves when the message is on its way. */
function told(message: WorkerMessage): Promise<void> {
  return new Promise(resolve => {
    if (process.send === undefined) resolve()
    else process.send(message, () => resolve())
  })
}

await main()
