import { expect, test } from 'vitest'
import { ALL_SCOPES } from '../../../gateway/http/scopes.ts'
import { OPERATOR_SCOPES } from '../../../schemas/operator-roles.ts'
import { type ProcessHealth, partitionsOf, stagesOf } from './health.ts'
import { partsOfKey, roleOf } from './operator.ts'
import { hashOf, PLACES, parseRoute } from './route.ts'
import { activeSeries, cohortsOf, daysUntil, hoursUntil, messageSeries } from './statistics.ts'

const NOW = Date.parse('2026-03-02T14:25:00Z')

test('[CON4] a key says whose it is, and its scopes what it is called', () => {
  expect(partsOfKey('pk.my.shop.k1.secret')).toEqual({ app: 'my.shop', keyId: 'k1' })
  for (const text of ['', 'pk.shop', 'pk.shop.k1', 'token']) expect(partsOfKey(text)).toBeUndefined()
  expect(roleOf(new Set(OPERATOR_SCOPES.viewer))).toBe('viewer')
  expect(roleOf(new Set(OPERATOR_SCOPES.moderator))).toBe('moderator')
  expect(roleOf(new Set(ALL_SCOPES))).toBe('admin')
  expect(roleOf(new Set(['messages:write']))).toBe('other')
})

test('[CON4] every place is an address and needs a scope that there is', () => {
  for (const place of Object.keys(PLACES) as (keyof typeof PLACES)[]) {
    expect(parseRoute(hashOf({ place }))).toEqual({ place })
    expect(ALL_SCOPES).toContain(PLACES[place])
  }
  const session = { place: 'messages', id: 's:a@b.c:d' } as const
  expect(parseRoute(hashOf(session))).toEqual(session)
  expect(parseRoute('#/nothing')).toEqual({ place: 'overview' })
  expect(parseRoute('')).toEqual({ place: 'overview' })
})

test('[CON4] days and hours without anything are drawn all the same', () => {
  const days = daysUntil(NOW, 3)
  expect(days).toEqual(['2026-02-28', '2026-03-01', '2026-03-02'])
  expect(activeSeries([{ start: '2026-03-01', users: 4, newUsers: 1 }], days)).toEqual([
    { at: '2026-02-28', users: 0, newUsers: 0 },
    { at: '2026-03-01', users: 4, newUsers: 1 },
    { at: '2026-03-02', users: 0, newUsers: 0 },
  ])
  expect(hoursUntil(NOW, 2).map(at => new Date(at).toISOString())).toEqual([
    '2026-03-02T13:00:00.000Z',
    '2026-03-02T14:00:00.000Z',
  ])
})

test('[CON4] messages are added up by kind, the most frequent first', () => {
  const row = (at: string, sessionKind: string, contentKind: string, messages: number) => ({
    at: Date.parse(`${at}T00:00:00Z`),
    sessionKind,
    contentKind,
    messages,
  })
  const rows = [
    row('2026-03-01', 'single', 'Image', 1),
    row('2026-03-01', 'single', 'Text', 2),
    row('2026-03-01', 'group', 'Text', 3),
    row('2026-01-01', 'group', 'Text', 99),
  ]
  const placeOf = ({ at }: { at: number }) => new Date(at).toISOString().slice(0, 10)
  const days = ['2026-03-01', '2026-03-02']
  expect(messageSeries(rows, days, { placeOf, kindOf: ({ contentKind }) => contentKind })).toEqual({
    kinds: ['Text', 'Image'],
    series: [
      { at: '2026-03-01', Text: 5, Image: 1 },
      { at: '2026-03-02', Text: 0, Image: 0 },
    ],
  })
})

test('[CON4] retention is a share of who came, and empty where the week is yet to come', () => {
  const rows = [
    { cohort: '2026-02-16', week: 0, users: 10, cohortUsers: 10 },
    { cohort: '2026-02-16', week: 1, users: 4, cohortUsers: 10 },
    { cohort: '2026-02-23', week: 0, users: 2, cohortUsers: 2 },
  ]
  expect(cohortsOf(rows, 2)).toEqual([
    { cohort: '2026-02-23', people: 2, shares: [1] },
    { cohort: '2026-02-16', people: 10, shares: [1, 0.4] },
  ])
})

test('[CON4] lags are in the order of the flow, of who is heard', () => {
  const process = (name: string, silent: boolean, ...lags: ProcessHealth['lags']): ProcessHealth => ({
    process: name,
    roles: [],
    at: NOW,
    startedAt: NOW,
    silent,
    waiting: [],
    stopped: [],
    lags,
    memoryBytes: 0,
  })
  const stages = stagesOf([
    process(
      'a',
      false,
      { stage: 'archive', partition: 1, records: 7 },
      { stage: 'sequencer', partition: 0, records: 0 },
    ),
    process('b', false, { stage: 'archive', partition: 1, records: 2 }),
    process('c', true, { stage: 'history', partition: 3, records: 9 }),
  ])
  expect([...stages.keys()]).toEqual(['sequencer', 'archive'])
  expect(stages.get('archive')!.get(1)).toBe(2)
  expect(partitionsOf(stages)).toEqual([0, 1])
})
