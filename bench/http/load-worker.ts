import { parentPort, workerData } from 'node:worker_threads'
import { systemClock, systemRandom } from '../../infra/clock.ts'
import { runHttpLoad } from './http-load.ts'
import type { HttpLoadOrder } from './load-thread.ts'

/** The thread of load-thread.ts: runs the load that it is told, and answers with the result. */
parentPort!.postMessage(
  await runHttpLoad({ ...(workerData as HttpLoadOrder), clock: systemClock, random: systemRandom }),
)
