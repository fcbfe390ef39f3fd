import { type Conditions, conditionLines } from '../conditions.ts'
import type { Spread } from '../report.ts'
import type { CoreOptions, CoreResult, DecideFigures } from './core.ts'
import type { RestoreOptions, RestoreResult } from './restore.ts'

/** The figures of core and restore as a person reads them; pure. */

export interface CoreReport {
  stores: CoreResult
  parameters: CoreOptions
  conditions: Conditions
}

export interface RestoreReport extends RestoreResult {
  parameters: RestoreOptions
  conditions: Conditions
}

export function coreText({ stores, parameters, conditions }: CoreReport): string {
  const { slices, packs, batch, sessions, bytes } = parameters
  const rows = Object.entries(stores).flatMap(([store, kinds]) =>
    Object.entries(kinds).map(([kind, figures]) => rowOf(`${store}, ${kind}`, figures)),
  )
  return [
    ...conditionLines(conditions),
    `packs        ${slices} slices of ${packs}, ${batch} committed together, ${sessions} sessions before, ${bytes} bytes`,
    '',
    `${'packs per second'.padEnd(18)}${['median', 'least', 'best', 'median per CPU second', 'best'].map(pad).join('')}`,
    ...rows,
    '',
    'decide: decide + evolve; state: with commit and store; batch: with decoding, encoding and hashing as well.',
    'CPU time is that of the deciding thread.',
  ].join('\n')
}

function rowOf(name: string, { perSecond, perCpuSecond }: DecideFigures): string {
  const numbers = [perSecond.median, perSecond.min, perSecond.max, perCpuSecond.median, perCpuSecond.max]
  return `${name.padEnd(18)}${numbers.map(number => pad(String(number))).join('')}`
}

const COLUMN = 23
const pad = (text: string) => text.padStart(COLUMN)

export function restoreText({ starts, built, wrongAnswers, parameters, conditions }: RestoreReport): string {
  const range = ({ median, min, max }: Spread, unit: string) =>
    min === max ? `${median} ${unit}` : `${median} ${unit} (${min} to ${max})`
  const lines = Object.entries(starts).flatMap(([kind, figures]) => [
    `${kind}`,
    `  ready after          ${range(figures.readyMs, 'ms')}, CPU time ${range(figures.cpuMs, 'ms')}`,
    `  anonymous memory     ${range(figures.anonymousMiB, 'MiB')}; after the packs ${range(figures.anonymousMiBAfterLoad, 'MiB')}`,
  ])
  return [
    ...conditionLines(conditions),
    `partition    ${parameters.sessions} sessions, ${parameters.packs} packs in the window, built in ${built.seconds} s: ` +
      `${built.storeRows} rows in ${built.storeMiB} MiB, ${built.sessionsRecords} records on im.sessions`,
    '',
    ...lines,
    '',
    wrongAnswers === 0 ? 'every answer was right' : `WRONG: ${wrongAnswers} answers`,
  ].join('\n')
}
