import { Anchor, Text } from '@mantine/core'
import { IconFile, IconMapPin, IconUser } from '@tabler/icons-react'
import { Fragment, type ReactNode } from 'react'
import type { Content, UserId } from '../../client/sdk.ts'
import type { MediaFile } from '../../schemas/content.ts'
import { useText } from '../app/i18n.ts'
import { type MediaPlace, useFileUrl } from '../app/media.ts'
import type { Names } from '../app/messenger-context.ts'
import { contentLine } from './describe.ts'
import { Picture } from './picture.tsx'

interface MessageContentProps {
  content: Content
  names: Names
  mentions: readonly UserId[]
  /** Absent while the message is not in the log. */
  place?: MediaPlace
}

const BIG_EMOJI =
  /^(?:\p{Extended_Pictographic}(?:\u{FE0F}|\u{200D}|\p{Emoji_Modifier}|\p{Extended_Pictographic})*\s?){1,3}$/u

/** What a message holds. Nothing of it is ever taken for HTML. */
export function MessageContent({ content, names, mentions, place }: MessageContentProps) {
  const t = useText()
  switch (content.kind) {
    case 'Text':
    case 'Markdown': {
      const isBig = BIG_EMOJI.test(content.text.trim())
      return (
        <div className={isBig ? 'text big-emoji' : 'text'}>
          {isBig ? content.text : richText(content.text, mentions, names)}
        </div>
      )
    }
    case 'Image':
      return <Picture content={content} {...(place && { place })} />
    case 'Voice':
    case 'Video':
      return <Recording content={content} {...(place && { place })} />
    case 'File':
      return <FileLink file={content.file} {...(place && { place })} />
    case 'Location':
      return (
        <span className="file">
          <IconMapPin size={24} aria-hidden />
          <span>{[content.title, content.address].filter(Boolean).join(', ')}</span>
        </span>
      )
    case 'Card':
      return (
        <span className="file">
          <IconUser size={24} aria-hidden />
          <span>{content.name ?? content.id}</span>
        </span>
      )
    case 'MergedForward':
      return (
        <div className="merged">
          <Text fw={600} size="sm">
            {content.title}
          </Text>
          {content.items.map((item, index) => (
            // biome-ignore lint/suspicious/noArrayIndexKey: the items have no name but their place
            <Text key={index} size="sm" truncate>
              {names.user(item.from)}: {contentLine(item.content, t)}
            </Text>
          ))}
        </div>
      )
    default:
      return <div className="text quiet">{contentLine(content, t)}</div>
  }
}

/** What people say into their phone, or film. */
function Recording({ content, place }: { content: Extract<Content, { kind: 'Voice' | 'Video' }>; place?: MediaPlace }) {
  const url = useFileUrl(content.file.url, place)
  if (content.kind === 'Voice') {
    // biome-ignore lint/a11y/useMediaCaption: it has no captions
    return <audio controls src={url} className="voice" />
  }
  // biome-ignore lint/a11y/useMediaCaption: it has no captions
  return <video controls src={url} className="picture" width={content.width} height={content.height} />
}

function FileLink({ file, place }: { file: MediaFile; place?: MediaPlace }) {
  const t = useText()
  const url = useFileUrl(file.url, place)
  return (
    <Anchor href={url} className="file" download={file.name} target="_blank" rel="noreferrer">
      <IconFile size={28} aria-hidden />
      <span>
        {file.name ?? t('file')}
        <Text component="span" size="xs" className="quiet block">
          {sizeText(file.size)}
        </Text>
      </span>
    </Anchor>
  )
}

const SIZES = ['B', 'KB', 'MB', 'GB']

function sizeText(bytes: number): string {
  const power = Math.min(SIZES.length - 1, Math.floor(Math.log10(Math.max(1, bytes)) / 3))
  return `${(bytes / 1000 ** power).toFixed(power === 0 ? 0 : 1)} ${SIZES[power]}`
}

/** Links and mentions stand out; everything else is text. */
function richText(text: string, mentions: readonly UserId[], names: Names): ReactNode[] {
  const parts = text.split(/(https?:\/\/[^\s<>"')\]]+|@[A-Za-z0-9._-]+)/g)
  return parts.map((part, index) => {
    const key = `${index}`
    if (/^https?:\/\//.test(part)) {
      return (
        <a key={key} href={part} target="_blank" rel="noreferrer noopener">
          {part}
        </a>
      )
    }
    const mentioned = mentions.find(userId => part === `@${userId}`)
    if (mentioned !== undefined) {
      return (
        <strong key={key} className="mention">
          @{names.user(mentioned)}
        </strong>
      )
    }
    return <Fragment key={key}>{part}</Fragment>
  })
}
