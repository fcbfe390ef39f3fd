/** What `GET /v1/health` tells, and how it is looked at. */

export interface Lag {
  stage: string
  partition: number
  records: number
}

export interface ProcessHealth {
  process: string
  roles: string[]
  at: number
  startedAt: number
  silent: boolean
  waiting: string[]
  stopped: string[]
  lags: Lag[]
  connections?: number
  memoryBytes: number
}

export interface Health {
  now: number
  processes: ProcessHealth[]
  verify?: { at: number; sessions: number; events: number; messages: number; users: number; differences: number }
}

/** Order of the stages: as a message passes them. */
const ORDER = ['sequencer', 'history', 'membership', 'archive', 'push', 'webhooks']

/** Lags by stage and partition, of processes that are heard; while one moves, the one that has less to do counts. */
export function stagesOf(processes: readonly ProcessHealth[]): Map<string, Map<number, number>> {
  const lags = processes.filter(({ silent }) => !silent).flatMap(process => process.lags)
  const names = [...new Set(lags.map(({ stage }) => stage))].sort((a, b) => placeOf(a) - placeOf(b) || (a < b ? -1 : 1))
  const stages = new Map(names.map(name => [name, new Map<number, number>()]))
  for (const { stage, partition, records } of lags) {
    const known = stages.get(stage)!
    known.set(partition, Math.min(known.get(partition) ?? records, records))
  }
  return stages
}

function placeOf(stage: string): number {
  const place = ORDER.indexOf(stage)
  return place < 0 ? ORDER.length : place
}

/** Every partition of which something is known, in order. */
export function partitionsOf(stages: ReadonlyMap<string, ReadonlyMap<number, number>>): number[] {
  return [...new Set([...stages.values()].flatMap(lags => [...lags.keys()]))].sort((a, b) => a - b)
}
