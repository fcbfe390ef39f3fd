import { parentPort, workerData } from 'node:worker_threads'
import type { Millis } from '../infra/clock.ts'
import { aborted } from '../infra/service.ts'
import { Filling } from '../processors/rebuild/filling.ts'
import { type Context, closeContext, openContext } from './context.ts'
import { fillParts, makeRebuildable } from './rebuild.ts'
import type { HelperCommand, HelperNews, HelperOrder } from './rebuild-helpers.ts'

/** Runs in a thread of its own (rebuild-helpers.ts): fills the partitions that it is given, until it is told to drain. */

const TELL_MS: Millis = 200

const port = parentPort!
const tell = (news: HelperNews) => port.postMessage(news)

const order = workerData as HelperOrder
const drained = new AbortController()
let commit = () => {}
/** Undefined: it was drained before it got anything. */
const given = new Promise<Extract<HelperCommand, { kind: 'Fill' }> | undefined>(resolve => {
  port.on('message', (command: HelperCommand) => {
    switch (command.kind) {
      case 'Fill':
        return resolve(command)
      case 'Committing':
        return commit()
      case 'Drain':
        drained.abort()
        resolve(undefined)
    }
  })
})

async function fill(context: Context): Promise<void> {
  const rebuildable = await makeRebuildable(order.view, context)
  const bounds = await context.log.bounds(context.topics.events.name)
  const command = await given
  if (command === undefined) return
  const { share, partitions } = command
  const part = rebuildable.join!(share)
  commit = () => {
    part.committing()
    tell({ kind: 'Committing' })
  }
  const filling = new Filling(part.view, {
    ...fillParts(context, drained.signal),
    name: order.view,
    bounds: new Map([...bounds].filter(([partition]) => partitions.includes(partition))),
    gather: rebuildable.gather,
  })
  const tellProgress = () => tell({ kind: 'Progress', progress: filling.progress() })
  const over = new AbortController()
  const telling = (async () => {
    while (!over.signal.aborted) {
      tellProgress()
      await context.clock.sleep(TELL_MS, over.signal)
    }
  })()
  try {
    await filling.caughtUp()
    tellProgress()
    tell({ kind: 'CaughtUp' })
    filling.stopped().catch(stopped)
    await aborted(drained.signal)
  } finally {
    over.abort()
    await telling
    await filling.drain()
    tellProgress()
  }
}

function stopped(error: unknown): void {
  tell({ kind: 'Stopped', message: error instanceof Error ? error.message : String(error) })
}

try {
  const context = await openContext(order.env, `rebuild-${order.view}-${order.number}`)
  try {
    await fill(context)
  } finally {
    tell({ kind: 'Drained' })
    await closeContext(context)
  }
} catch (error) {
  stopped(error)
} finally {
  port.close()
}
