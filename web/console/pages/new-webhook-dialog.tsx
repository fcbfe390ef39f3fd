import { Button, Group, SegmentedControl, Stack, TextInput } from '@mantine/core'
import { type FormEvent, useState } from 'react'
import { Dialog } from '../../parts/dialog.tsx'
import { useApi } from '../app/console-context.ts'
import { useText } from '../app/i18n.ts'
import { useAct } from '../app/use-act.ts'

/** A webhook of the app; `made` gets its secret, which is told once. */
export function NewWebhookDialog({ made, onClose }: { made(secret: string): void; onClose(): void }) {
  const t = useText()
  const api = useApi()
  const { act, isBusy } = useAct()
  const [url, setUrl] = useState('')
  const [use, setUse] = useState('after')
  const [kinds, setKinds] = useState('')
  const make = async (event: FormEvent) => {
    event.preventDefault()
    const wanted = kinds.split(/[\s,]+/).filter(kind => kind !== '')
    await act(async () => {
      const body = { url: url.trim(), use, kinds: wanted }
      made((await api.act<{ secret: string }>('POST', '/v1/webhooks', body)).secret)
    })
  }
  return (
    <Dialog onClose={onClose} title={t('newWebhook')}>
      <form onSubmit={make}>
        <Stack gap="md">
          <TextInput
            label={t('url')}
            placeholder="https://partner.example/hooks"
            value={url}
            data-autofocus
            onChange={event => setUrl(event.currentTarget.value)}
          />
          <SegmentedControl
            aria-label={t('use')}
            fullWidth
            value={use}
            data={[
              { value: 'after', label: t('useAfter') },
              { value: 'before', label: t('useBefore') },
            ]}
            onChange={setUse}
          />
          <TextInput
            label={t('kindsOf')}
            description={t('kindsHint')}
            value={kinds}
            onChange={event => setKinds(event.currentTarget.value)}
          />
          <Group justify="flex-end">
            <Button variant="default" onClick={onClose}>
              {t('cancel')}
            </Button>
            <Button type="submit" loading={isBusy} disabled={url.trim() === ''}>
              {t('makeWebhook')}
            </Button>
          </Group>
        </Stack>
      </form>
    </Dialog>
  )
}
