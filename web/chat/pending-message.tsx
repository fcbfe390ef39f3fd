import { Button, Group, Text } from '@mantine/core'
import { IconAlertCircle, IconClock } from '@tabler/icons-react'
import type { OutboxRow } from '../../client/sdk.ts'
import { useText } from '../app/i18n.ts'
import { useMessenger, useNames } from '../app/messenger-context.ts'
import { MessageContent } from './message-content.tsx'

/** An own message that the log does not have yet, or will never have. */
export function PendingMessage({ row }: { row: OutboxRow }) {
  const t = useText()
  const messenger = useMessenger()
  const names = useNames()
  const { frame, refusal } = row
  if (frame.type !== 'send') return null
  return (
    <article
      className="message"
      data-mine
      data-first
      data-last
      data-pending={refusal === undefined}
      data-refused={refusal !== undefined}
    >
      <div className="message-body">
        <div className="bubble">
          <MessageContent content={frame.content} names={names} mentions={frame.extra?.mentions ?? []} />
          <span className="message-foot">
            {refusal === undefined ? (
              <span role="img" aria-label={t('sending')} title={t('sending')}>
                <IconClock size={14} aria-hidden />
              </span>
            ) : (
              <IconAlertCircle size={15} aria-hidden />
            )}
          </span>
        </div>
        {refusal !== undefined && (
          <Group gap="xs" justify="flex-end" role="alert">
            <Text size="xs" className="refusal">
              {t('notSent', { reason: refusal.reason })}
            </Text>
            <Button size="compact-xs" variant="light" onClick={() => messenger.retry(frame.packId)}>
              {t('tryAgain')}
            </Button>
            <Button size="compact-xs" variant="subtle" color="gray" onClick={() => messenger.discard(frame.packId)}>
              {t('discard')}
            </Button>
          </Group>
        )}
      </div>
    </article>
  )
}
