import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { Content } from '../../schemas/content.ts'
import { CONTENTS } from '../../schemas/testing/samples.ts'
import { type Match, WordFinder } from './aho-corasick.ts'
import { BadWords, fold, MASK, parseWords, WORD_CHARS_MAX, WordList } from './word-list.ts'

/** Every place of every word, found the slow way. */
function findSlowly(words: readonly string[], text: string): Match[] {
  return words.flatMap((word, index) => {
    const found: Match[] = []
    for (let start = text.indexOf(word); start >= 0; start = text.indexOf(word, start + 1)) {
      found.push({ word: index, start, end: start + word.length })
    }
    return found
  })
}

const inOrder = (matches: Match[]) => matches.sort((a, b) => a.end - b.end || a.start - b.start)

test('[WO1] the places of all words are those that indexOf finds', () => {
  // Few letters, so that words overlap, lie in each other and begin anew in the middle of one another.
  const letters = fc.constantFrom('a', 'b', '你', '🎉')
  const word = fc.string({ unit: letters, minLength: 1, maxLength: 5 })
  const words = fc.uniqueArray(word, { maxLength: 12 })
  fc.assert(
    fc.property(words, fc.string({ unit: letters, maxLength: 60 }), (list, text) => {
      expect(inOrder(new WordFinder(list).find(text))).toEqual(inOrder(findSlowly(list, text)))
    }),
    { numRuns: 500 },
  )
})

test('[WO1] folding leaves every place where it is', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), text => {
      expect(fold(text)).toHaveLength(text.length)
      expect(fold(fold(text))).toBe(fold(text))
    }),
  )
})

const listOf = (text: string) => new WordList(parseWords(text))
const say = (text: string): { content: Content; pushInfo: null } => ({
  content: { kind: 'Text', text },
  pushInfo: null,
})
const masked = (list: WordList, text: string) => {
  const judged = list.judge(say(text))
  return judged.kind === 'Masked' ? (judged.value.content as { text: string }).text : judged.kind
}

describe('a list of words', () => {
  const list = listOf('# words\nforbidden\n\nRude = mask\nvery rude = mask\n赌博 = refuse\nİstanbul = mask\n')

  test('[WO2] what is refused, masked, and neither', () => {
    expect(masked(list, 'all is well')).toBe('Fine')
    expect(masked(list, 'this is forbidden')).toBe('Refused')
    expect(masked(list, 'not rude: rude')).toBe(`not ${MASK}: ${MASK}`)
    expect(masked(list, 'rude and forbidden')).toBe('Refused')
    expect(masked(list, '我不赌博')).toBe('Refused')
  })

  test('[WO2] case and width do not matter, and words are found inside of others', () => {
    expect(masked(list, 'FORBIDDEN')).toBe('Refused')
    expect(masked(list, 'unforbiddenly')).toBe('Refused')
    expect(masked(list, 'ｆｏｒｂｉｄｄｅｎ')).toBe('Refused')
    expect(masked(list, 'İSTANBUL ist schön')).toBe(`${MASK} ist schön`)
  })

  test('[WO2] places that overlap are masked as one', () => {
    expect(masked(list, 'a very rude word')).toBe(`a ${MASK} word`)
    expect(masked(list, 'ruderude!')).toBe(`${MASK}!`)
  })

  test('[WO2] a text without the masked words is what it was, and none of them is left in the others', () => {
    const words = listOf('ab = mask\nba = mask\nccc = mask')
    fc.assert(
      fc.property(fc.string({ unit: fc.constantFrom('a', 'b', 'c', 'd'), maxLength: 30 }), text => {
        const found = masked(words, text)
        if (found === 'Fine') expect(/ab|ba|ccc/.test(text)).toBe(false)
        else expect(/ab|ba|ccc/.test(found)).toBe(false)
      }),
    )
  })
})

describe('what is read in a message', () => {
  const list = listOf('bad = mask\nworst')
  const texts: [string, Content][] = [
    ['markdown', { kind: 'Markdown', text: 'bad' }],
    ['a caption', { ...CONTENTS.Image, caption: 'bad' }],
    ['the name of a file', { ...CONTENTS.File, file: { ...CONTENTS.File.file, name: 'bad' } }],
    ['a place', { ...CONTENTS.Location, title: 'bad' }],
    ['an address', { ...CONTENTS.Location, address: 'bad' }],
    ['a card', { ...CONTENTS.Card, name: 'bad' }],
    ['data', { kind: 'Custom', type: 't', data: '{"a":"bad"}' }],
    ['the title of what is forwarded', { ...CONTENTS.MergedForward, title: 'bad' }],
    [
      'what is forwarded',
      {
        ...CONTENTS.MergedForward,
        items: [{ ...CONTENTS.MergedForward.items[0]!, content: { kind: 'Text', text: 'bad' } }],
      },
    ],
  ]
  test.each(texts)('[WO3] %s is masked and refused', (_name, content) => {
    const judged = list.judge({ content, pushInfo: null })
    const changed = JSON.parse(JSON.stringify(content).replaceAll('bad', MASK)) as Content
    expect(judged).toEqual({ kind: 'Masked', value: { content: changed, pushInfo: null } })
    const worse = JSON.parse(JSON.stringify(content).replaceAll('bad', 'worst')) as Content
    expect(list.judge({ content: worse, pushInfo: null })).toEqual({ kind: 'Refused' })
  })

  test('[WO3] links, types and hashes are left alone, and the push text is read', () => {
    const content: Content = { ...CONTENTS.Voice, file: { ...CONTENTS.Voice.file, url: 'https://bad/worst' } }
    expect(list.judge({ content, pushInfo: null })).toEqual({ kind: 'Fine' })
    const pushInfo = { title: 'bad', summary: 'so bad', url: 'https://bad' }
    expect(list.judge({ content, pushInfo })).toEqual({
      kind: 'Masked',
      value: { content, pushInfo: { title: MASK, summary: `so ${MASK}`, url: 'https://bad' } },
    })
  })

  test('[WO3] data that a mask would break is refused', () => {
    const judged = listOf('true = mask').judge({
      content: { kind: 'Custom', type: 't', data: '[true]' },
      pushInfo: null,
    })
    expect(judged).toEqual({ kind: 'Refused' })
  })
})

describe('the file', () => {
  test('[WO4] words may have spaces, equals signs and either line end; the stricter of two lines applies', () => {
    expect(parseWords('two words\r\na=b\nx = mask\nX\nx = mask')).toEqual([
      { word: 'two words', action: 'refuse' },
      { word: 'a=b', action: 'refuse' },
      { word: 'X', action: 'refuse' },
    ])
  })

  test.each([
    ['good\nbad = hide', 'line 2: "hide" is neither refuse nor mask'],
    ['bad = mask it', 'line 1: "mask it" is neither refuse nor mask'],
    [' = mask', 'line 1: there is no word'],
    ['x'.repeat(WORD_CHARS_MAX + 1), `line 1: the word is longer than ${WORD_CHARS_MAX} characters`],
  ])('[WO4] %j is malformed', (text, problem) => {
    expect(() => parseWords(text)).toThrow(new BadWords(problem))
  })
})
