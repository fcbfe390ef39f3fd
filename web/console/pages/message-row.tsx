import { Anchor, Button, Collapse, Text, UnstyledButton } from '@mantine/core'
import { IconBraces } from '@tabler/icons-react'
import { useState } from 'react'
import type { EventFrame } from '../../../schemas/frames.ts'
import { Confirm } from '../../parts/confirm.tsx'
import { Face } from '../../parts/face.tsx'
import { useApi, useConsole, useMay } from '../app/console-context.ts'
import { useText } from '../app/i18n.ts'
import { hashOf } from '../app/route.ts'
import { useAct } from '../app/use-act.ts'
import { ToneBadge } from '../parts/tone-badge.tsx'
import { When } from '../parts/when.tsx'
import { eventText, isGone, stateText } from './event-text.ts'

interface MessageRowProps {
  event: EventFrame
  /** Whether its session is said, as in what was found in many. */
  hasSession?: boolean
  /** The message was taken back. */
  changed(): void
}

/** An event as operators see it: who, when, what, what became of it, and taking it back. */
export function MessageRow({ event: told, hasSession = false, changed }: MessageRowProps) {
  const t = useText()
  const { operator } = useConsole()
  const [isOpen, setOpen] = useState(false)
  const [isTaken, setTaken] = useState(false)
  // The log has it; views may tell a moment later.
  const event = isTaken ? takenBack(told, operator.app) : told
  const { from, at, seq, sessionId, body } = event
  const state = stateText(event, t)
  return (
    <li className="event" data-kind={body.kind === 'MessageAccepted' ? 'message' : 'other'}>
      <Face name={from} id={from} size={32} />
      <div className="grow">
        <div className="event-head">
          <Anchor href={hashOf({ place: 'users', id: from })} size="sm" fw={600}>
            {from}
          </Anchor>
          {hasSession && (
            <Anchor href={hashOf({ place: 'messages', id: sessionId })} size="xs" className="break">
              {sessionId}
            </Anchor>
          )}
          <Text component="span" size="xs" className="quiet">
            <When at={at} /> · #{seq}
          </Text>
          {state !== undefined && <ToneBadge tone={isGone(event) ? 'bad' : 'quiet'}>{state}</ToneBadge>}
          <UnstyledButton
            className="icon-button"
            aria-label={t('detail')}
            aria-expanded={isOpen}
            onClick={() => setOpen(!isOpen)}
          >
            <IconBraces size={15} aria-hidden />
          </UnstyledButton>
        </div>
        <Text size="sm" className={isGone(event) ? 'break quiet' : 'break'} component="div">
          {eventText(event, t)}
        </Text>
        <Collapse expanded={isOpen}>
          {/* biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls is reached with the keyboard */}
          <pre className="json" tabIndex={0}>
            {JSON.stringify(event, null, 2)}
          </pre>
        </Collapse>
      </div>
      {body.kind === 'MessageAccepted' && !isGone(event) && (
        <TakeBack
          event={event}
          taken={() => {
            setTaken(true)
            changed()
          }}
        />
      )}
    </li>
  )
}

function takenBack(event: EventFrame, app: string): EventFrame {
  const { seq, at, body } = event
  const state = { change: 'revoked', by: app as EventFrame['from'], at, seq, version: 0 } as const
  return body.kind === 'MessageAccepted'
    ? { ...event, state, body: { ...body, content: { kind: 'Removed' } } }
    : { ...event, state }
}

function TakeBack({ event, taken }: { event: EventFrame; taken(): void }) {
  const t = useText()
  const api = useApi()
  const may = useMay()
  const { act, isBusy } = useAct()
  const [isAsked, setAsked] = useState(false)
  const { sessionId, seq, packId, from } = event
  const takeBack = async () => {
    const path = `/v1/moderation/sessions/${encodeURIComponent(sessionId)}/revoke`
    if (await act(() => api.act('POST', path, { target: { seq, packId, from } }), t('isTakenBack'))) taken()
    setAsked(false)
  }
  return (
    <>
      <Button
        size="compact-sm"
        variant="subtle"
        color="red.8"
        className="danger take-back"
        disabled={!may('moderation:write')}
        onClick={() => setAsked(true)}
      >
        {t('takeBack')}
      </Button>
      {isAsked && (
        <Confirm
          title={t('takeBack')}
          text={t('takeBackText')}
          action={t('takeBack')}
          isBusy={isBusy}
          onConfirm={() => void takeBack()}
          onClose={() => setAsked(false)}
        />
      )}
    </>
  )
}
