import { type Translate as TranslateOf, textsHook } from '../../parts/i18n.ts'
import { sharedTexts } from '../../parts/texts.ts'
import { en } from './texts-en.ts'
import { zh } from './texts-zh.ts'

const texts = { en: { ...sharedTexts.en, ...en }, zh: { ...sharedTexts.zh, ...zh } }

export type TextKey = keyof typeof texts.en
export type Translate = TranslateOf<TextKey>

/** The texts of the console. */
export const useText: () => Translate = textsHook(texts)
