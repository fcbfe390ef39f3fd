import type { Clock, PortableRandom } from './clock.ts'

/** Time of any platform with timers: browsers, workers, React Native, Node. What Node alone has is in clock.ts. */
export const portableClock: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
  sleep: (delayMs, signal) =>
    new Promise(resolve => {
      if (signal?.aborted) return resolve()
      const done = () => {
        clearTimeout(timer)
        signal?.removeEventListener('abort', done)
        resolve()
      }
      const timer = setTimeout(done, delayMs)
      signal?.addEventListener('abort', done, { once: true })
    }),
  schedule: (delayMs, task) => {
    const timer = setTimeout(task, delayMs)
    return () => clearTimeout(timer)
  },
  defer: task => {
    setTimeout(task, 0)
  },
}

/** Randomness of whatever platform this runs on. */
export const portableRandom: PortableRandom = {
  next: () => Math.random(),
  bytes: size => globalThis.crypto.getRandomValues(new Uint8Array(size)),
}
