import { freshSeed } from './campaign.ts'
import { failureText } from './report.ts'
import { runSeed } from './run.ts'
import type { WorkerMessage } from './workers.ts'

/** One process of a campaign: runs fresh seeds and tells of each, until it is killed or one fails (workers.ts). */
async function main(): Promise<void> {
  // Whoever wants to know of the seeds is gone.
  process.once('disconnect', () => process.exit())
  for (;;) {
    const result = await runSeed(freshSeed())
    const { steps, events, deliveries, faults, findings } = result
    const message: WorkerMessage = { run: { steps, events, deliveries, faults } }
    if (findings.length > 0) message.failure = failureText(result)
    process.send?.(message)
    if (findings.length > 0) return
  }
}

await main()
