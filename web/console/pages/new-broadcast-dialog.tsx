import { Button, Group, NumberInput, Stack, Text, Textarea } from '@mantine/core'
import { type FormEvent, useState } from 'react'
import { Dialog } from '../../parts/dialog.tsx'
import { useConsole } from '../app/console-context.ts'
import { useText } from '../app/i18n.ts'
import { useAct } from '../app/use-act.ts'

const PER_SECOND_DEFAULT = 500
const PER_SECOND_MAX = 5_000

/** A notification of the app to everybody. */
export function NewBroadcastDialog({ begun, onClose }: { begun(): void; onClose(): void }) {
  const t = useText()
  const { api, operator } = useConsole()
  const { act, isBusy } = useAct()
  const [text, setText] = useState('')
  const [perSecond, setPerSecond] = useState<string | number>(PER_SECOND_DEFAULT)
  const begin = async (event: FormEvent) => {
    event.preventDefault()
    const pace = typeof perSecond === 'number' ? { perSecond } : {}
    const body = { to: 'all', ...pace, content: { kind: 'Text', text: text.trim() } }
    if (!(await act(() => api.act('POST', '/v1/jobs/broadcast', body), t('isStarted')))) return
    begun()
    onClose()
  }
  return (
    <Dialog onClose={onClose} title={t('newBroadcast')}>
      <form onSubmit={begin}>
        <Stack gap="md">
          <Textarea
            label={t('text')}
            value={text}
            autosize
            minRows={3}
            maxRows={10}
            data-autofocus
            onChange={event => setText(event.currentTarget.value)}
          />
          <NumberInput
            label={t('perSecond')}
            min={1}
            max={PER_SECOND_MAX}
            allowDecimal={false}
            value={perSecond}
            onChange={setPerSecond}
          />
          <Text size="sm" c="dimmed">
            {t('startBroadcastText', { app: operator.app })}
          </Text>
          <Group justify="flex-end">
            <Button variant="default" onClick={onClose}>
              {t('cancel')}
            </Button>
            <Button type="submit" loading={isBusy} disabled={text.trim() === ''}>
              {t('startBroadcast')}
            </Button>
          </Group>
        </Stack>
      </form>
    </Dialog>
  )
}
