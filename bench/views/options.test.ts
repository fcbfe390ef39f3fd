import { expect, test } from 'vitest'
import { BadOptions } from '../options.ts'
import { parseViewsOptions, VIEWS_HELP } from './options.ts'

test('[BN21] rebuild and verify take their flags, or say what is not understood', () => {
  expect(parseViewsOptions(['verify', '--sessions', '1000', '--keep'])).toMatchObject({
    command: 'verify',
    keep: true,
    json: false,
    parameters: { sessions: 1_000, events: 3_000, users: 1_000 },
  })
  expect(parseViewsOptions(['rebuild', '--events', '600', '--json'])).toMatchObject({
    command: 'rebuild',
    json: true,
    parameters: { sessions: 100_000, events: 600 },
  })
  expect(parseViewsOptions(['verify', '--help'])).toBe(VIEWS_HELP)
  for (const args of [['fill'], ['verify', '--sessions', '5'], ['rebuild', '--rate', '1']]) {
    expect(() => parseViewsOptions(args), args.join(' ')).toThrow(BadOptions)
  }
})
