import { expect, test } from 'vitest'
import { type BenchReport, type ChatFigures, isClean, type LogFigures, spread, toJson, toText } from './report.ts'

const latency = (p99: number) => ({ p50: p99 / 4, p99, max: 2 * p99 })

function chat(p99: number, change: Partial<ChatFigures> = {}): ChatFigures {
  return {
    sent: 10,
    acked: 10,
    delivered: 10,
    lost: 0,
    duplicated: 0,
    outOfOrder: 0,
    unanswered: 0,
    refused: {},
    ackMs: latency(p99),
    endToEndMs: latency(p99),
    generatorLateMs: latency(1),
    sentPerSecond: 10,
    newSessions: 2,
    connectionsLost: 0,
    processes: { gateway: { cpuPercent: 12.3, rssMiB: 100 } },
    lag: { archive: { recordsAtEnd: 5, caughtUpMs: 40 } },
    ...change,
  }
}

const log: LogFigures = {
  sent: 10,
  delivered: 10,
  lost: 0,
  duplicated: 0,
  outOfOrder: 0,
  endToEndMs: latency(4),
  generatorLateMs: latency(1),
  processes: {},
}

function report(change: Partial<BenchReport>): BenchReport {
  return {
    command: 'chat',
    conditions: {
      cores: 2,
      cpu: 'c',
      memoryGiB: 8,
      node: 'v20',
      platform: 'linux x64',
      commit: 'abc',
      loadBefore: 0.1,
      wakeMs: { p50: 0.13, p99: 1.5 },
    },
    parameters: {
      ratePerSecond: 10,
      pairs: 1,
      seconds: 1,
      bytes: 1,
      newSessionsPercent: 20,
      warmupSeconds: 0,
      repeat: 1,
    },
    chat: [],
    log: [],
    ...change,
  }
}

test('[BN8] the JSON of one run has its figures at the top, with the conditions', () => {
  const json = toJson(report({ chat: [chat(8)] }))
  expect(Object.keys(json)).toEqual(
    expect.arrayContaining([
      'sent',
      'acked',
      'delivered',
      'lost',
      'duplicated',
      'outOfOrder',
      'ackMs',
      'endToEndMs',
      'processes',
      'conditions',
    ]),
  )
  expect(json).not.toHaveProperty('runs')
  expect(json).toMatchObject({ endToEndMs: { p50: 2, p99: 8, max: 16 }, parameters: { ratePerSecond: 10 } })
})

test('[BN8] the JSON of many runs has the median run at the top, and the spread', () => {
  const json = toJson(report({ chat: [chat(30), chat(8), chat(12)] }))
  expect(json).toMatchObject({ endToEndMs: { p99: 12 }, spread: { p99: { median: 12, min: 8, max: 30 } } })
  expect(spread([4, 1, 3, 2])).toEqual({ median: 2, min: 1, max: 4 })
})

test('[BN8] with the log loop the ratio to it is given', () => {
  const both = report({ command: 'both', chat: [chat(8)], log: [log] })
  expect(toJson(both)).toMatchObject({ ratio: { p50: 2, p99: 2 }, log: { endToEndMs: { p99: 4 } } })
  expect(toText(both)).toContain("chat takes 2 times the log loop's p50")
  expect(toJson(report({ command: 'log', log: [log] }))).toMatchObject({ sent: 10, endToEndMs: { p99: 4 } })
})

test('[BN8] a run is clean only when nothing was refused, lost, doubled, out of order or unanswered', () => {
  expect(isClean({ chat: [chat(1)], log: [log] })).toBe(true)
  for (const name of ['lost', 'duplicated', 'outOfOrder', 'unanswered', 'connectionsLost'] as const) {
    expect(isClean({ chat: [chat(1), chat(1, { [name]: 1 })], log: [] }), name).toBe(false)
  }
  expect(isClean({ chat: [chat(1, { refused: { OVERLOADED: 1 } })], log: [] })).toBe(false)
  expect(isClean({ chat: [], log: [{ ...log, lost: 1 }] })).toBe(false)
  expect(toText(report({ chat: [chat(1, { lost: 1 })] }))).toContain('NOT CLEAN')
})

test('[BN8] the text tells figures, lag, processes and conditions', () => {
  const text = toText(report({ chat: [chat(8, { refused: { OVERLOADED: 3 }, archiveAgeMs: latency(950) })] }))
  for (const part of [
    '2 cores',
    'Node v20',
    'commit       abc',
    'p50 0.13 ms, p99 1.50 ms',
    'sent 10',
    'OVERLOADED 3',
    'lag archive',
    'archive age           237.50    950.00',
    'gateway',
    '12.3',
  ]) {
    expect(text).toContain(part)
  }
})
