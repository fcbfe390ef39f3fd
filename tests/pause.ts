import { systemClock } from '../infra/clock.ts'

const PAUSE_MS = 20

/** Between two looks at what is a moment behind: who asks without a pause takes the time that it needs to catch up. */
export function pause(): Promise<void> {
  return systemClock.sleep(PAUSE_MS)
}
