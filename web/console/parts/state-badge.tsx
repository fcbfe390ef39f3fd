import { type TextKey, useText } from '../app/i18n.ts'
import { type Tone, ToneBadge } from './tone-badge.tsx'

const TONES = {
  active: 'quiet',
  online: 'good',
  disabled: 'warn',
  erased: 'bad',
  open: 'warn',
  retrying: 'busy',
  failed: 'bad',
  applied: 'good',
  discarded: 'quiet',
  delivered: 'good',
  dead: 'bad',
  dropped: 'quiet',
  waiting: 'quiet',
  running: 'busy',
  done: 'good',
  cancelled: 'quiet',
  dismissed: 'quiet',
} as const satisfies Partial<Record<TextKey, Tone>>

/** How something stands, in a word. */
export function StateBadge({ state }: { state: keyof typeof TONES }) {
  const t = useText()
  return <ToneBadge tone={TONES[state]}>{state === 'open' ? t('waits') : t(state)}</ToneBadge>
}
