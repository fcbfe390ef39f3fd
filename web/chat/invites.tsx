import { Button, CopyButton, Group, Select, Stack, Text, TextInput } from '@mantine/core'
import { useCallback, useEffect, useState } from 'react'
import { portableClock, type SessionId } from '../../client/sdk.ts'
import type { InviteSummary } from '../../schemas/frames.ts'
import { useText } from '../app/i18n.ts'
import { invitationLink, newSecret } from '../app/invite.ts'
import { useMessenger, useNames } from '../app/messenger-context.ts'
import { useLanguage } from '../parts/i18n.ts'
import { DAY_MS, dayName } from '../parts/times.ts'

const USES = ['1', '10', '100', '1000']
const DAYS = ['1', '7', '30']

/** Links that let others in, for those who run the group. What a link says is shown once: the server keeps only a hash. */
export function Invites({ sessionId }: { sessionId: SessionId }) {
  const t = useText()
  const messenger = useMessenger()
  const names = useNames()
  const [invites, setInvites] = useState<InviteSummary[]>([])
  const [uses, setUses] = useState('10')
  const [days, setDays] = useState('7')
  const [link, setLink] = useState<string>()
  const read = useCallback(() => {
    messenger.ask({ type: 'invites', sessionId }).then(
      answer => setInvites(answer.invites),
      () => {},
    )
  }, [messenger, sessionId])
  useEffect(() => {
    read()
    return messenger.on('event', event => event.sessionId === sessionId && INVITE_EVENTS.has(event.body.kind) && read())
  }, [messenger, read, sessionId])
  const create = async () => {
    const { secret, secretHash } = await newSecret()
    const expiresAt = portableClock.now() + Number(days) * DAY_MS
    const { packId, answer } = messenger.submit({
      type: 'createInvite',
      sessionId,
      secretHash,
      expiresAt,
      usesMax: Number(uses),
    })
    const outcome = await answer
    if (outcome.kind === 'Refused') return
    const inviteId = packId.replaceAll('-', '')
    setLink(invitationLink({ sessionId, inviteId, secret, groupName: names.session(sessionId) }))
    setInvites([...invites, { inviteId, by: messenger.userId, expiresAt, usesMax: Number(uses), uses: 0 }])
  }
  const end = (inviteId: string) => {
    setInvites(invites.filter(invite => invite.inviteId !== inviteId))
    messenger.submit({ type: 'revokeInvite', sessionId, inviteId })
  }
  return (
    <Stack gap="xs" component="section" aria-label={t('invites')}>
      <Text fw={600} size="sm">
        {t('invites')}
      </Text>
      <Group gap="xs" grow>
        <Select
          label={t('inviteUses')}
          value={uses}
          data={USES}
          allowDeselect={false}
          onChange={value => value !== null && setUses(value)}
        />
        <Select
          label={t('inviteDays')}
          value={days}
          data={DAYS}
          allowDeselect={false}
          onChange={value => value !== null && setDays(value)}
        />
      </Group>
      <Button variant="light" onClick={() => void create()}>
        {t('createInvite')}
      </Button>
      {link !== undefined && <NewLink link={link} />}
      {invites.map(invite => (
        <InviteRow key={invite.inviteId} invite={invite} onEnd={() => end(invite.inviteId)} />
      ))}
    </Stack>
  )
}

const INVITE_EVENTS = new Set(['InviteCreated', 'InviteRevoked', 'MemberJoined'])

function NewLink({ link }: { link: string }) {
  const t = useText()
  return (
    <Group gap="xs" wrap="nowrap" align="end">
      <TextInput
        className="grow"
        label={t('inviteLink')}
        description={t('inviteLinkHint')}
        value={link}
        readOnly
        onFocus={event => event.currentTarget.select()}
      />
      <CopyButton value={link}>
        {({ copied, copy }) => <Button onClick={copy}>{t(copied ? 'copied' : 'copy')}</Button>}
      </CopyButton>
    </Group>
  )
}

function InviteRow({ invite, onEnd }: { invite: InviteSummary; onEnd: () => void }) {
  const t = useText()
  const names = useNames()
  const language = useLanguage()
  const until = dayName(invite.expiresAt, language, t)
  return (
    <Group gap="xs" wrap="nowrap">
      <Text size="sm" className="grow">
        {t('inviteUsed', { uses: `${invite.uses}`, usesMax: `${invite.usesMax}`, until })}
        <Text component="span" size="xs" className="quiet block">
          {names.user(invite.by)}
        </Text>
      </Text>
      <Button size="compact-sm" variant="default" onClick={onEnd}>
        {t('endInvite')}
      </Button>
    </Group>
  )
}
