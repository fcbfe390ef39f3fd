import { Button, Checkbox, Group, NumberInput, SegmentedControl, Stack, TextInput } from '@mantine/core'
import { type FormEvent, useState } from 'react'
import { OPERATOR_ROLES, OPERATOR_SCOPES, type OperatorRole } from '../../../schemas/operator-roles.ts'
import { Dialog } from '../../parts/dialog.tsx'
import { DAY_MS } from '../../parts/times.ts'
import { useApi, useConsole } from '../app/console-context.ts'
import { useText } from '../app/i18n.ts'
import { useAct } from '../app/use-act.ts'

const ROLES = [...OPERATOR_ROLES, 'other'] as const

/** A key of the app with a role or scopes of its own, of those that the operator's key has. */
export function NewKeyDialog({ made, onClose }: { made(key: string): void; onClose(): void }) {
  const t = useText()
  const api = useApi()
  const { operator } = useConsole()
  const { act, isBusy } = useAct()
  const [name, setName] = useState('')
  const [role, setRole] = useState<OperatorRole | 'other'>('viewer')
  const [own, setOwn] = useState<string[]>([])
  const [days, setDays] = useState<string | number>('')
  const all = [...operator.scopes].sort()
  const scopes = role === 'other' ? own : all.filter(scope => isOf(role, scope))
  const make = async (event: FormEvent) => {
    event.preventDefault()
    const ends = typeof days === 'number' ? { expiresInMs: days * DAY_MS } : {}
    await act(async () => {
      const { key } = await api.act<{ key: string }>('POST', '/v1/keys', { name: name.trim(), scopes, ...ends })
      made(key)
    })
  }
  return (
    <Dialog onClose={onClose} title={t('newKey')}>
      <form onSubmit={make}>
        <Stack gap="md">
          <TextInput
            label={t('name')}
            value={name}
            maxLength={100}
            data-autofocus
            onChange={event => setName(event.currentTarget.value)}
          />
          <SegmentedControl
            aria-label={t('role')}
            fullWidth
            value={role}
            data={ROLES.map(value => ({ value, label: t(value) }))}
            onChange={value => setRole(value as typeof role)}
          />
          {role === 'other' && (
            <Checkbox.Group label={t('customScopes')} value={own} onChange={setOwn}>
              <div className="scope-list">
                {all.map(scope => (
                  <Checkbox key={scope} value={scope} label={scope} size="xs" />
                ))}
              </div>
            </Checkbox.Group>
          )}
          <NumberInput
            label={t('expiresInDays')}
            description={t('expiresInDaysHint')}
            min={1}
            max={3_660}
            allowDecimal={false}
            value={days}
            onChange={setDays}
          />
          <Group justify="flex-end">
            <Button variant="default" onClick={onClose}>
              {t('cancel')}
            </Button>
            <Button type="submit" loading={isBusy} disabled={name.trim() === '' || scopes.length === 0}>
              {t('makeKey')}
            </Button>
          </Group>
        </Stack>
      </form>
    </Dialog>
  )
}

function isOf(role: OperatorRole, scope: string): boolean {
  return role === 'admin' || (OPERATOR_SCOPES[role] as readonly string[]).includes(scope)
}
