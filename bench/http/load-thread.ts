import { extname } from 'node:path'
import { Worker } from 'node:worker_threads'
import type { HttpLoadOptions, HttpLoadResult } from './http-load.ts'

/** What a thread of load is told. */
export type HttpLoadOrder = Omit<HttpLoadOptions, 'clock' | 'random'>

/**
 * The load in a thread of its own: what is measured beside it in this thread does not wait for its requests, nor for
 * the collection of its garbage. Rejects as the load does.
 */
export function runHttpLoadThread(order: HttpLoadOrder): Promise<HttpLoadResult> {
  const file = new URL(`./load-worker${extname(import.meta.url)}`, import.meta.url)
  const worker = new Worker(file, { workerData: order })
  return new Promise((resolve, reject) => {
    worker.once('message', resolve)
    worker.once('error', reject)
    worker.once('exit', code => reject(new Error(`the thread of the HTTP load ended with ${code}`)))
  })
}
