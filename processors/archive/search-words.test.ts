import { expect, test } from 'vitest'
import { hasTerms, parseSearchWords, SEARCH_TERMS_MAX } from './search-words.ts'

const word = (text: string) => ({ kind: 'word', text })
const phrase = (text: string) => ({ kind: 'phrase', text })

test('[SE1] words, phrases and what is written without spaces', () => {
  expect(parseSearchWords('Fast  TRAIN 42')).toEqual([word('fast'), word('train'), word('42')])
  expect(parseSearchWords('"fast train" nine')).toEqual([phrase('fast train'), word('nine')])
  expect(parseSearchWords('"train"')).toEqual([phrase('train')])
  expect(parseSearchWords('高铁 上')).toEqual([phrase('高铁'), word('上')])
  expect(parseSearchWords('Привет c++ e-mail')).toEqual([phrase('привет'), phrase('c++'), phrase('e-mail')])
  expect(parseSearchWords('train Train train')).toEqual([word('train')])
})

test('[SE1] nothing to look for, and too much', () => {
  for (const text of ['', '   ', '"', '""', '! ? -', '"!"']) expect(parseSearchWords(text)).toEqual([])
  const many = Array.from({ length: 2 * SEARCH_TERMS_MAX }, (_, i) => `w${i}`).join(' ')
  expect(parseSearchWords(many)).toHaveLength(SEARCH_TERMS_MAX)
})

test('[SE1] a word is a whole word, a phrase stands anywhere', () => {
  const has = (text: string, words: string) => hasTerms(text, parseSearchWords(words))
  expect(has('The fast Train.', 'train')).toBe(true)
  expect(has('training', 'train')).toBe(false)
  expect(has('training', '"train"')).toBe(true)
  expect(has('我们用iPhone拍', 'iphone')).toBe(true)
  expect(has('我们坐高铁去上海', '高铁 上海')).toBe(true)
  expect(has('我们坐高铁去上海', '高上')).toBe(false)
  expect(has('one two', 'two three')).toBe(false)
})
