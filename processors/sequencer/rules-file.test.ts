import { expect, test } from 'vitest'
import { BadConfig } from '../../infra/config.ts'
import { RULES_DEFAULT } from '../../schemas/pack.ts'
import { parseRulesFile } from './rules-file.ts'

const parse = (value: unknown) => parseRulesFile(JSON.stringify(value), 'rules.json')

test('[CF4] values that the rules file leaves out have their defaults', () => {
  expect(parse({ version: 3, contentBytesMax: 10 })).toEqual({ ...RULES_DEFAULT, version: 3, contentBytesMax: 10 })
})

test('[CF4] everything that is wrong with the rules file is named at once', () => {
  const read = () => parse({ contentBytesMax: 0, groupMembersMax: '12', packMembersMax: 1.5, dedupeWindow: 1 })
  expect(read).toThrow(BadConfig)
  expect(read).toThrow(/PACKLOG_RULES_FILE is malformed: rules\.json/)
  expect(read).toThrow(/version is missing/)
  expect(read).toThrow(/contentBytesMax is not a whole number from 1 to 700000/)
  expect(read).toThrow(/groupMembersMax is not/)
  expect(read).toThrow(/packMembersMax is not/)
  expect(read).toThrow(/dedupeWindow is not one of version, /)
})

test.each(['{', '[]', 'null', '3'])('[CF4] %s is no rules file', text => {
  expect(() => parseRulesFile(text, 'rules.json')).toThrow(BadConfig)
})

test('[CF4] version 0 belongs to the defaults', () => {
  expect(() => parse({ version: 0 })).toThrow(/version is not a whole number from 1/)
})
