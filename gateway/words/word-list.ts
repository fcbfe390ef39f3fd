import type { Content, PlainContent } from '../../schemas/content.ts'
import type { PushInfo } from '../../schemas/pack.ts'
import { WordFinder } from './aho-corasick.ts'

/**
 * Words that messages must not hold: those that refuse a message, and those that are masked in it. Letters are compared
 * without their case, full-width ones like ordinary ones; a word is found inside of others as well, for many scripts
 * put no spaces between words. Pure.
 *
 * The file has one word a line: `word` or `word = refuse`, or `word = mask`. Lines that begin with # are left out.
 */

export const WORDS_MAX = 50_000
export const WORD_CHARS_MAX = 100
export const MASK = '***'

/** A file that is no list of words; the message names the lines. */
export class BadWords extends Error {
  override readonly name = 'BadWords'
}

export interface WordRule {
  word: string
  action: 'refuse' | 'mask'
}

const PROBLEMS_MAX = 10

/** Throws BadWords. */
export function parseWords(text: string): WordRule[] {
  const rules = new Map<string, WordRule>()
  const problems: string[] = []
  for (const [index, line] of text.split(/\r?\n/).entries()) {
    if (line.trim() === '' || line.startsWith('#')) continue
    const rule = parseLine(line)
    if (typeof rule === 'string') problems.push(`line ${index + 1}: ${rule}`)
    else if (rules.get(fold(rule.word))?.action !== 'refuse') rules.set(fold(rule.word), rule)
  }
  if (rules.size > WORDS_MAX) problems.push(`more than ${WORDS_MAX} words`)
  if (problems.length > 0) throw new BadWords(problems.slice(0, PROBLEMS_MAX).join('\n'))
  return [...rules.values()]
}

function parseLine(line: string): WordRule | string {
  const equals = line.lastIndexOf(' = ')
  const word = (equals < 0 ? line : line.slice(0, equals)).trim()
  const action = equals < 0 ? 'refuse' : line.slice(equals + 3).trim()
  if (action !== 'refuse' && action !== 'mask') return `"${action}" is neither refuse nor mask`
  if (word === '') return 'there is no word'
  if (word.length > WORD_CHARS_MAX) return `the word is longer than ${WORD_CHARS_MAX} characters`
  return { word, action }
}

const WIDE_FIRST = 0xff01
const WIDE_LAST = 0xff5e
const WIDE_OFFSET = 0xfee0

/** One unit for each, so that places stay what they are. */
export function fold(text: string): string {
  let folded = ''
  for (const unit of units(text)) {
    const code = unit.charCodeAt(0)
    const narrow = code >= WIDE_FIRST && code <= WIDE_LAST ? String.fromCharCode(code - WIDE_OFFSET) : unit
    const lower = narrow.toLowerCase()
    folded += lower.length === 1 ? lower : narrow
  }
  return folded
}

function units(text: string): string[] {
  return text.split('')
}

export type Judgement<T> = { kind: 'Fine' } | { kind: 'Refused' } | { kind: 'Masked'; value: T }

/** What is said in a message, apart from whom it names. */
export interface Words {
  content: Content
  pushInfo: PushInfo | null
}

export class WordList {
  private readonly finder: WordFinder
  private readonly rules: readonly WordRule[]

  constructor(rules: readonly WordRule[]) {
    this.rules = rules
    this.finder = new WordFinder(rules.map(({ word }) => fold(word)))
  }

  get size(): number {
    return this.rules.length
  }

  judge({ content, pushInfo }: Words): Judgement<Words> {
    let isMasked = false
    let isRefused = false
    const mask = (text: string) => {
      const judged = this.judgeText(text)
      if (judged.kind === 'Refused') isRefused = true
      if (judged.kind !== 'Masked') return text
      isMasked = true
      return judged.value
    }
    const value: Words = { content: mapTexts(content, mask), pushInfo: mapPush(pushInfo, mask) }
    // What a mask has broken cannot be shown to anybody.
    if (isRefused || (isMasked && isBroken(value.content))) return { kind: 'Refused' }
    return isMasked ? { kind: 'Masked', value } : { kind: 'Fine' }
  }

  private judgeText(text: string): Judgement<string> {
    const matches = this.finder.find(fold(text))
    if (matches.length === 0) return { kind: 'Fine' }
    if (matches.some(({ word }) => this.rules[word]!.action === 'refuse')) return { kind: 'Refused' }
    let masked = ''
    let at = 0
    for (const { start, end } of joined(matches)) {
      masked += text.slice(at, start) + MASK
      at = end
    }
    return { kind: 'Masked', value: masked + text.slice(at) }
  }
}

/** Places that overlap or touch become one. */
function joined(places: readonly { start: number; end: number }[]): { start: number; end: number }[] {
  const found: { start: number; end: number }[] = []
  for (const { start, end } of [...places].sort((a, b) => a.start - b.start)) {
    const last = found.at(-1)
    if (last !== undefined && start <= last.end) last.end = Math.max(last.end, end)
    else found.push({ start, end })
  }
  return found
}

function isBroken(content: Content): boolean {
  if (content.kind === 'MergedForward') return content.items.some(item => isBroken(item.content))
  if (content.kind !== 'Custom') return false
  try {
    JSON.parse(content.data)
    return false
  } catch {
    return true
  }
}

type Change = (text: string) => string

function mapPush(pushInfo: PushInfo | null, change: Change): PushInfo | null {
  return pushInfo && { ...pushInfo, title: change(pushInfo.title), summary: change(pushInfo.summary) }
}

function mapTexts(content: Content, change: Change): Content {
  if (content.kind === 'Removed') return content
  if (content.kind !== 'MergedForward') return mapPlain(content, change)
  const items = content.items.map(item => ({ ...item, content: mapPlain(item.content, change) }))
  return { ...content, title: change(content.title), items }
}

/** The texts that people read; links, types and hashes stay. */
function mapPlain(content: PlainContent, change: Change): PlainContent {
  switch (content.kind) {
    case 'Text':
    case 'Markdown':
      return { ...content, text: change(content.text) }
    case 'Custom':
      return { ...content, data: change(content.data) }
    case 'Image':
    case 'Video':
    case 'File':
      return { ...content, file: mapName(content.file, change), ...mapped(content, 'caption', change) }
    case 'Voice':
      return { ...content, file: mapName(content.file, change) }
    case 'Location':
      return { ...content, title: change(content.title), ...mapped(content, 'address', change) }
    case 'Card':
      return { ...content, ...mapped(content, 'name', change) }
  }
}

function mapName<File extends { name?: string }>(file: File, change: Change): File {
  return { ...file, ...mapped(file, 'name', change) }
}

/** The field, changed, where it is there. */
function mapped<Name extends string>(
  fields: { [N in Name]?: string },
  name: Name,
  change: Change,
): { [N in Name]?: string } {
  const value = fields[name]
  return value === undefined ? {} : ({ [name]: change(value) } as { [N in Name]: string })
}
