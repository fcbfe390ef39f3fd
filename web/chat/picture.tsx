import { Anchor, UnstyledButton } from '@mantine/core'
import { useState } from 'react'
import type { Content } from '../../client/sdk.ts'
import { useText } from '../app/i18n.ts'
import { type MediaPlace, useFileUrl } from '../app/media.ts'
import { Dialog } from '../parts/dialog.tsx'

interface PictureProps {
  content: Extract<Content, { kind: 'Image' }>
  place?: MediaPlace
}

/** A picture in its message, and in its full size over the page. */
export function Picture({ content, place }: PictureProps) {
  const t = useText()
  const [isOpen, setOpen] = useState(false)
  const { file, width, height, caption, thumbnailUrl } = content
  const url = useFileUrl(file.url, place)
  const alt = caption ?? file.name ?? t('photo')
  return (
    <figure className="picture">
      <UnstyledButton aria-label={t('showPicture', { name: alt })} onClick={() => setOpen(true)}>
        {url === undefined ? (
          <span className="picture-place" style={{ aspectRatio: `${width} / ${height}` }} />
        ) : (
          <img src={thumbnailUrl ?? url} alt={alt} style={{ aspectRatio: `${width} / ${height}` }} loading="lazy" />
        )}
      </UnstyledButton>
      {caption !== undefined && <figcaption className="text">{caption}</figcaption>}
      {isOpen && (
        <Dialog onClose={() => setOpen(false)} title={alt} size="auto">
          <img src={url} alt={alt} className="picture-whole" />
          <Anchor href={url} target="_blank" rel="noreferrer" download={file.name}>
            {t('download')}
          </Anchor>
        </Dialog>
      )}
    </figure>
  )
}
