import type { Content } from '../../schemas/content.ts'
import type { ContentBrief } from './jobs.ts'

/**
 * What notifications say, in the language of the device. Pure.
 *
 * A template names what it shows in braces: {sender}, {group}, {text}. An operator's own templates (docs/push.md) come
 * over these, language by language and text by text.
 */

export interface Templates {
  /** Titles. */
  single: string
  group: string
  /** Contents: what is said of what has no words of its own, and before those that it has. */
  content: string
  groupContent: string
  image: string
  voice: string
  video: string
  file: string
  location: string
  card: string
  forward: string
  other: string
  /** Where nothing may be shown. */
  hiddenTitle: string
  hiddenContent: string
  /** In the place of what was revoked. */
  revoked: string
  mention: string
}

export type TemplateName = keyof Templates
export type Languages = Readonly<Record<string, Partial<Templates>>>

const LAYOUT = {
  single: '{sender}',
  group: '{group}',
  content: '{text}',
  groupContent: '{sender}: {text}',
  mention: '@ {sender}: {text}',
}

function language(words: string): Templates {
  const [image, voice, video, file, location, card, forward, other, hiddenTitle, hiddenContent, revoked] =
    words.split('|')
  const kinds = { image, voice, video, file, location, card, forward, other }
  const bracketed = Object.fromEntries(Object.entries(kinds).map(([name, word]) => [name, `[${word}]`]))
  return { ...LAYOUT, ...bracketed, hiddenTitle, hiddenContent, revoked } as Templates
}

/** The language of devices that name none that there is. */
export const LANGUAGE_DEFAULT = 'en'

export const TEMPLATES: Readonly<Record<string, Templates>> = {
  en: language(
    'Photo|Voice|Video|File|Location|Card|Chat history|Message|New message|You have a new message|Message revoked',
  ),
  zh: language('图片|语音|视频|文件|位置|名片|聊天记录|消息|新消息|您有一条新消息|消息已撤回'),
  es: language(
    'Foto|Voz|Vídeo|Archivo|Ubicación|Tarjeta|Historial|Mensaje|Mensaje nuevo|Tienes un mensaje nuevo|Mensaje retirado',
  ),
  fr: language(
    'Photo|Voix|Vidéo|Fichier|Lieu|Carte|Historique|Message|Nouveau message|Vous avez un nouveau message|Message retiré',
  ),
  de: language(
    'Foto|Sprachnachricht|Video|Datei|Ort|Kontakt|Chatverlauf|Nachricht|Neue Nachricht|Sie haben eine neue Nachricht|Nachricht zurückgezogen',
  ),
  it: language(
    'Foto|Voce|Video|File|Posizione|Contatto|Cronologia|Messaggio|Nuovo messaggio|Hai un nuovo messaggio|Messaggio ritirato',
  ),
  pt: language(
    'Foto|Voz|Vídeo|Arquivo|Local|Cartão|Histórico|Mensagem|Nova mensagem|Você tem uma nova mensagem|Mensagem retirada',
  ),
  ja: language(
    '写真|音声|動画|ファイル|位置情報|連絡先|トーク履歴|メッセージ|新着メッセージ|新着メッセージがあります|メッセージが取り消されました',
  ),
  ko: language(
    '사진|음성|동영상|파일|위치|연락처|대화 기록|메시지|새 메시지|새 메시지가 있습니다|메시지가 취소되었습니다',
  ),
  ru: language(
    'Фото|Голосовое|Видео|Файл|Место|Контакт|История|Сообщение|Новое сообщение|У вас новое сообщение|Сообщение отозвано',
  ),
}

const KIND_TEMPLATES: Partial<Record<Content['kind'], TemplateName>> = {
  Image: 'image',
  Voice: 'voice',
  Video: 'video',
  File: 'file',
  Location: 'location',
  Card: 'card',
  MergedForward: 'forward',
}

/** The templates of a locale (it-IT, zh_Hans_CN): its own ones, those of its language, those of the default. */
export function templatesFor(locale: string, own: Languages = {}): Templates {
  const tag = locale.replaceAll('_', '-').toLowerCase()
  const base = tag.split('-')[0] ?? ''
  const found = (languages: Languages, name: string) => (Object.hasOwn(languages, name) ? languages[name] : undefined)
  const builtIn = found(TEMPLATES, base) ?? TEMPLATES[LANGUAGE_DEFAULT]!
  const fallback = found(TEMPLATES, base) === undefined ? found(own, LANGUAGE_DEFAULT) : undefined
  return { ...(builtIn as Templates), ...fallback, ...found(own, base), ...found(own, tag) }
}

export interface Names {
  sender: string
  /** Undefined: a single chat or a notification. */
  group?: string
}

/** What a message says on a device. */
export function textsOf(
  content: ContentBrief,
  names: Names,
  { templates, isMention }: { templates: Templates; isMention: boolean },
): { title: string; body: string } {
  const kind = KIND_TEMPLATES[content.kind]
  const isPlain = content.kind === 'Text' || content.kind === 'Markdown'
  const label = isPlain ? '' : templates[kind ?? 'other']
  const text = [label, content.text].filter(part => part !== '').join(' ')
  const values = { sender: names.sender, group: names.group ?? '', text: text === '' ? templates.other : text }
  const isGroup = names.group !== undefined
  const body = isGroup ? (isMention ? templates.mention : templates.groupContent) : templates.content
  return { title: fill(isGroup ? templates.group : templates.single, values), body: fill(body, values) }
}

/** Puts values in the place of names in braces; in one pass, so that what people write is never a template. */
export function fill(template: string, values: Readonly<Record<string, string>>): string {
  return template.replace(/\{(\w+)\}/g, (whole, name: string) => (Object.hasOwn(values, name) ? values[name]! : whole))
}
