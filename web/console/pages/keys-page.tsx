import { Button, Group, Menu, Stack, Text } from '@mantine/core'
import { IconDots, IconPlus } from '@tabler/icons-react'
import { useState } from 'react'
import { portableClock } from '../../../client/sdk.ts'
import { Confirm } from '../../parts/confirm.tsx'
import { useApi, useConsole, useMay } from '../app/console-context.ts'
import { useText } from '../app/i18n.ts'
import { type KeySummary, roleOf } from '../app/operator.ts'
import { useAct } from '../app/use-act.ts'
import { useAsked } from '../app/use-asked.ts'
import { AskedPane } from '../parts/asked-pane.tsx'
import { DataTable } from '../parts/data-table.tsx'
import { PageHead, Panel } from '../parts/panel.tsx'
import { SecretDialog } from '../parts/secret-dialog.tsx'
import { ToneBadge } from '../parts/tone-badge.tsx'
import { When } from '../parts/when.tsx'
import { NewKeyDialog } from './new-key-dialog.tsx'

/** Keys of the app: made, followed by another, ended. */
export function KeysPage() {
  const t = useText()
  const { operator } = useConsole()
  const api = useApi()
  const may = useMay()
  const asked = useAsked('keys', () => api.get<{ keys: KeySummary[] }>('/v1/keys'))
  const [isMaking, setMaking] = useState(false)
  const [secret, setSecret] = useState<string>()
  const made = (key: string) => {
    setMaking(false)
    setSecret(key)
    asked.again()
  }
  return (
    <>
      <PageHead title={t('keys')} text={t('keysText', { app: operator.app })}>
        <Button
          leftSection={<IconPlus size={16} aria-hidden />}
          disabled={!may('keys:write')}
          onClick={() => setMaking(true)}
        >
          {t('newKey')}
        </Button>
      </PageHead>
      <AskedPane of={asked}>
        {({ keys }) => <KeyTable keys={newestFirst(keys)} made={made} again={asked.again} />}
      </AskedPane>
      {isMaking && <NewKeyDialog made={made} onClose={() => setMaking(false)} />}
      {secret !== undefined && (
        <SecretDialog title={t('keyMade')} secret={secret} onClose={() => setSecret(undefined)} />
      )}
    </>
  )
}

function newestFirst(keys: readonly KeySummary[]): KeySummary[] {
  return [...keys].sort((a, b) => b.createdAt - a.createdAt)
}

function KeyTable({ keys, made, again }: { keys: KeySummary[]; made(key: string): void; again(): void }) {
  const t = useText()
  const { operator } = useConsole()
  return (
    <Panel>
      <DataTable
        label={t('keys')}
        rows={keys}
        idOf={({ keyId }) => keyId}
        columns={[
          {
            title: t('name'),
            cell: ({ keyId, name }) => (
              <>
                <Group gap={6} miw={96}>
                  <Text size="sm" fw={600} className="break">
                    {name}
                  </Text>
                  {keyId === operator.keyId && <ToneBadge tone="busy">{t('thisKey')}</ToneBadge>}
                </Group>
                <Text size="xs" className="quiet break">
                  {keyId}
                </Text>
              </>
            ),
          },
          { title: t('scopes'), cell: ({ scopes }) => <Scopes scopes={scopes} /> },
          { title: t('expires'), cell: ({ expiresAt }) => <Expiry at={expiresAt} /> },
          {
            title: t('lastUsed'),
            isMinor: true,
            cell: ({ lastUsedAt }) => (lastUsedAt === undefined ? t('notKnown') : <When at={lastUsedAt} />),
          },
          { title: '', cell: key => <KeyActs summary={key} made={made} again={again} /> },
        ]}
      />
    </Panel>
  )
}

function Scopes({ scopes }: { scopes: readonly string[] }) {
  const t = useText()
  return (
    <Stack gap={2}>
      <Text size="sm">{t(roleOf(new Set(scopes)))}</Text>
      <Text size="xs" className="quiet scopes" title={scopes.join(', ')}>
        {scopes.length > SCOPES_SHOWN
          ? `${scopes.slice(0, SCOPES_SHOWN).join(', ')} +${scopes.length - SCOPES_SHOWN}`
          : scopes.join(', ')}
      </Text>
    </Stack>
  )
}

const SCOPES_SHOWN = 3

function Expiry({ at }: { at: number | undefined }) {
  const t = useText()
  if (at === undefined) return <Text size="sm">{t('never')}</Text>
  if (at > portableClock.now()) return <When at={at} />
  return <ToneBadge tone="warn">{t('expired')}</ToneBadge>
}

interface KeyActsProps {
  summary: KeySummary
  made(key: string): void
  again(): void
}

function KeyActs({ summary: { keyId, name }, made, again }: KeyActsProps) {
  const t = useText()
  const api = useApi()
  const may = useMay()
  const { act, isBusy } = useAct()
  const [asked, setAsked] = useState<'rotate' | 'revoke'>()
  const path = `/v1/keys/${encodeURIComponent(keyId)}`
  const confirmed = async () => {
    if (asked === 'rotate') {
      await act(async () => made((await api.act<{ key: string }>('POST', `${path}/rotate`)).key))
    } else if (await act(() => api.act('DELETE', path), t('isRevoked', { key: name }))) {
      again()
    }
    setAsked(undefined)
  }
  return (
    <>
      <Menu position="bottom-end" withinPortal>
        <Menu.Target>
          <Button
            size="compact-sm"
            variant="subtle"
            color="gray"
            aria-label={`${t('actions')}: ${name}`}
            disabled={!may('keys:write')}
          >
            <IconDots size={16} aria-hidden />
          </Button>
        </Menu.Target>
        <Menu.Dropdown>
          <Menu.Item onClick={() => setAsked('rotate')}>{t('rotate')}</Menu.Item>
          <Menu.Item className="danger" onClick={() => setAsked('revoke')}>
            {t('revoke')}
          </Menu.Item>
        </Menu.Dropdown>
      </Menu>
      {asked !== undefined && (
        <Confirm
          title={t(asked)}
          text={asked === 'rotate' ? t('rotateText', { key: name }) : t('revokeText', { key: name })}
          action={t(asked)}
          isBusy={isBusy}
          onConfirm={() => void confirmed()}
          onClose={() => setAsked(undefined)}
        />
      )}
    </>
  )
}
