import { Button, FileButton, Group } from '@mantine/core'
import { Face } from '../parts/face.tsx'
import { useToast } from '../parts/toast.tsx'
import { useText } from './i18n.ts'
import { thumbnail } from './thumbnail.ts'

interface PictureFieldProps {
  name: string
  id: string
  picture: string
  /** The new picture as a data URL, or nothing. */
  onChange: (picture: string) => void
}

/** The picture of a person or a group, and how to change it. */
export function PictureField({ name, id, picture, onChange }: PictureFieldProps) {
  const t = useText()
  const toast = useToast()
  const take = (file: File | null) => {
    if (file !== null) thumbnail(file).then(onChange, () => toast(t('pictureUnreadable')))
  }
  return (
    <Group gap="xs">
      <Face name={name} id={id} picture={picture} size={56} />
      <FileButton accept="image/*" onChange={take}>
        {props => (
          <Button {...props} variant="default" size="compact-sm">
            {t('changePicture')}
          </Button>
        )}
      </FileButton>
      {picture !== '' && (
        <Button variant="subtle" color="gray" size="compact-sm" onClick={() => onChange('')}>
          {t('removePicture')}
        </Button>
      )}
    </Group>
  )
}
