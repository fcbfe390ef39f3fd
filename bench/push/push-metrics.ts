/** What push has done since it began, as its metrics tell. */
export interface PushCounts {
  /** Devices of messages, whatever was decided. */
  planned: number
  /** What vendors have taken. */
  accepted: number
  /** What vendors have not taken for now: it is planned and sent again. */
  delayed: number
  /** What vendors did not take, or nobody knows. */
  failed: number
}

const LINE = /^packlog_push_(planned|results)_total\{([^}]*)\} ([0-9.e+-]+)$/

/** Adds up the counters of Prometheus texts. Users who have no device are not counted: those who chat have none. */
export function parsePushCounts(texts: readonly string[]): PushCounts {
  const counts: PushCounts = { planned: 0, accepted: 0, delayed: 0, failed: 0 }
  for (const line of texts.flatMap(text => text.split('\n'))) {
    const [, metric, labels = '', value] = LINE.exec(line) ?? []
    if (metric === 'planned' && !labels.includes('verdict="noDevice"')) counts.planned += Number(value)
    if (metric === 'results') counts[outcomeOf(labels)] += Number(value)
  }
  return counts
}

function outcomeOf(labels: string): 'accepted' | 'delayed' | 'failed' {
  if (labels.includes('result="accepted"')) return 'accepted'
  return labels.includes('result="retry"') ? 'delayed' : 'failed'
}

/** The counts of every process that answers. */
export async function readPushCounts(urls: readonly string[]): Promise<PushCounts> {
  const texts = urls.map(url =>
    fetch(url, { signal: AbortSignal.timeout(SCRAPE_MS_MAX) }).then(
      response => response.text(),
      () => '',
    ),
  )
  return parsePushCounts(await Promise.all(texts))
}

const SCRAPE_MS_MAX = 5_000

export function since(now: PushCounts, before: PushCounts): PushCounts {
  return {
    planned: now.planned - before.planned,
    accepted: now.accepted - before.accepted,
    delayed: now.delayed - before.delayed,
    failed: now.failed - before.failed,
  }
}
