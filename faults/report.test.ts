import { expect, test } from 'vitest'
import type { AuditFigures } from './check/audit.ts'
import { parseFaultsOptions } from './options.ts'
import { type FaultsReport, summarize, toJson, toText } from './report.ts'

const figures: AuditFigures = {
  ...{ users: 2, sessions: 1, sent: 10, acked: 9, unanswered: 0, delivered: 20, lost: 0, duplicated: 0, outOfOrder: 0 },
  ...{ changed: 0, toldLost: 0, undisturbedSilenceMs: 120 },
  refused: { OVERLOADED: 1 },
  log: { records: 12, valid: 11, junk: 1, repeated: 1, refused: 0, rulesSet: 0 },
  ended: { 'sequencer-1': 2 },
  faults: [
    { number: 1, kind: 'kill broker', silenceMs: 4_000, resumeMs: 900 },
    { number: 2, kind: 'empty redis', silenceMs: 300, resumeMs: 20 },
    { number: 3, kind: 'kill broker', silenceMs: 3_000, resumeMs: 1_200 },
  ],
}

function report(changes: Partial<FaultsReport> = {}): FaultsReport {
  return {
    options: parseFaultsOptions([])!,
    conditions: {
      ...{ cores: 2, cpu: 'a cpu', memoryGiB: 8, node: 'v20', platform: 'linux x64', commit: 'abc', loadBefore: 0.1 },
    },
    checked: { figures, violations: [], verify: { code: 0, output: '{}' } },
    ...{ refillsMs: [2_500], failures: [], elapsedMs: 60_000, evidence: undefined },
    ...changes,
  }
}

test('[FT4] a report has the figures and the worst of every kind of fault', () => {
  expect(summarize(figures.faults)).toEqual([
    { kind: 'empty redis', times: 1, silenceMsMax: 300, resumeMsMax: 20 },
    { kind: 'kill broker', times: 2, silenceMsMax: 4_000, resumeMsMax: 1_200 },
  ])
  const text = toText(report())
  expect(text).toContain('| kill broker | 2 | 4.0 s | 1.2 s |')
  expect(text).toContain('1 OVERLOADED')
  expect(text).toContain('12: 11 valid, 1 junk')
  expect(text).toContain('no violation')
  expect(toJson(report())).toMatchObject({ ok: true, figures: { acked: 9 }, refillsMs: [2_500] })
})

test('[FT4] what went wrong is told, and where the evidence is', () => {
  const wrong = report({
    checked: { figures, violations: ['message 7 is lost'], verify: { code: 1, output: '' } },
    failures: ['fault 2 did not come back'],
    evidence: '/somewhere',
  })
  expect(toJson(wrong)).toMatchObject({ ok: false, violations: ['fault 2 did not come back', 'message 7 is lost'] })
  expect(toText(wrong)).toContain('2 VIOLATIONS\nfault 2 did not come back\nmessage 7 is lost')
  expect(toText(wrong)).toContain('evidence: /somewhere')
})
