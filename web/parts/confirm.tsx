import { Button, Group, Stack, Text, TextInput } from '@mantine/core'
import { useState } from 'react'
import { Dialog } from './dialog.tsx'
import { useSharedText } from './i18n.ts'

export interface ConfirmProps {
  title: string
  text: string
  action: string
  /** What has to be typed before it can be done; absent: nothing. */
  typed?: string
  isBusy?: boolean
  onConfirm(): void
  onClose(): void
}

/** Asks before something is done that cannot be undone, or that others notice. */
export function Confirm({ title, text, action, typed, isBusy = false, onConfirm, onClose }: ConfirmProps) {
  const t = useSharedText()
  const [said, setSaid] = useState('')
  return (
    <Dialog onClose={onClose} title={title}>
      <Stack gap="md">
        <Text className="break">{text}</Text>
        {typed !== undefined && (
          <TextInput
            label={t('typeToConfirm', { text: typed })}
            value={said}
            data-autofocus
            autoComplete="off"
            onChange={event => setSaid(event.currentTarget.value)}
          />
        )}
        <Group justify="flex-end">
          <Button variant="default" onClick={onClose}>
            {t('cancel')}
          </Button>
          <Button color="red.8" loading={isBusy} disabled={typed !== undefined && said !== typed} onClick={onConfirm}>
            {action}
          </Button>
        </Group>
      </Stack>
    </Dialog>
  )
}
