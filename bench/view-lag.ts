import type { Clock, Millis } from '../infra/clock.ts'

/** How far something is behind im.events (a view) or im.packs (the sequencer). */
export interface Lag {
  /** Records that were not handled when the last message had been sent. */
  recordsAtEnd: number
  /** How long after that it took until nothing was left, in ms; null when it did not within LAG_MS_MAX. */
  caughtUpMs: Millis | null
}

/** How long views may take to catch up after the end, in ms. */
export const LAG_MS_MAX = 10_000
const POLL_MS = 50
const SCRAPE_MS_MAX = 5_000

const LAG_METRIC = /^packlog_(view_lag_records|sequencer_lag_packs|gateway_lag_events)(?:\{([^}]*)\})? ([0-9.e+-]+)$/

/** Adds up the lag gauges of a Prometheus text by who is behind: `history`, `archive`, `sequencer`, ... */
export function parseLag(text: string): Map<string, number> {
  const lag = new Map<string, number>()
  for (const line of text.split('\n')) {
    const [, metric, labels = '', value] = LAG_METRIC.exec(line) ?? []
    if (metric === undefined) continue
    const name = /(?:^|,)view="([^"]*)"/.exec(labels)?.[1] ?? metric.split('_')[0]!
    lag.set(name, (lag.get(name) ?? 0) + Number(value))
  }
  return lag
}

/** Reads the lag of every role once; a role that does not answer is left out. */
async function scrape(urls: readonly string[]): Promise<Map<string, number>> {
  const answers = await Promise.all(
    urls.map(async url => {
      try {
        const response = await fetch(url, { signal: AbortSignal.timeout(SCRAPE_MS_MAX) })
        return parseLag(await response.text())
      } catch {
        return new Map<string, number>()
      }
    }),
  )
  return new Map(answers.flatMap(lag => [...lag]))
}

/** Watches from now on until everybody has caught up, or LAG_MS_MAX has passed. */
export async function watchLag(urls: readonly string[], clock: Clock): Promise<Record<string, Lag>> {
  const beganAt = clock.monotonic()
  const lags: Record<string, Lag> = {}
  for (const [name, records] of await scrape(urls)) lags[name] = { recordsAtEnd: records, caughtUpMs: null }
  let open = Object.keys(lags)
  let present = new Map(open.map(name => [name, lags[name]!.recordsAtEnd]))
  while (open.length > 0) {
    const elapsedMs = clock.monotonic() - beganAt
    for (const name of open) if (present.get(name) === 0) lags[name]!.caughtUpMs = Math.round(elapsedMs)
    open = open.filter(name => lags[name]!.caughtUpMs === null)
    if (open.length === 0 || elapsedMs > LAG_MS_MAX) break
    await clock.sleep(POLL_MS)
    present = await scrape(urls)
  }
  return lags
}
