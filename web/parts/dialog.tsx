import { Modal, type ModalProps } from '@mantine/core'
import type { ReactNode } from 'react'
import { useSharedText } from './i18n.ts'

interface DialogProps extends Pick<ModalProps, 'size' | 'fullScreen' | 'closeOnClickOutside'> {
  title: string
  onClose: () => void
  children: ReactNode
}

/** Something that is done, or looked at, before anything else. */
export function Dialog(props: DialogProps) {
  const t = useSharedText()
  return <Modal {...props} opened centered closeButtonProps={{ 'aria-label': t('close') }} />
}
