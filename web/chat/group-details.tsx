import { Button, Group, NumberInput, Select, Stack, Switch, TagsInput, Text, Textarea, TextInput } from '@mantine/core'
import { useState } from 'react'
import type { SessionId } from '../../client/sdk.ts'
import { isUserId } from '../../schemas/ids.ts'
import { GROUP_SETTINGS_DEFAULT, type GroupInfo, type GroupSettings } from '../../schemas/settings.ts'
import { useText } from '../app/i18n.ts'
import { useMessenger } from '../app/messenger-context.ts'
import { PictureField } from '../app/picture-field.tsx'
import { Confirm } from '../parts/confirm.tsx'
import { GroupMembers } from './group-members.tsx'
import { Invites } from './invites.tsx'
import { JoinRequests } from './join-requests.tsx'

/** A group: who is in it, and for those who run it, how. */
export function GroupDetails({ sessionId }: { sessionId: SessionId }) {
  const messenger = useMessenger('groups', 'members')
  const group = messenger.group(sessionId)
  const me = messenger.lists.knownMember(sessionId, messenger.userId) ?? group?.me
  if (group === undefined || me === undefined) return null
  const runs = me.role !== 'member'
  const mayAdd = runs || group.settings?.addPolicy !== 'admins'
  return (
    <Stack gap="md">
      {group.info.notice !== '' && (
        <Text size="sm" className="notice break">
          {group.info.notice}
        </Text>
      )}
      {runs && <JoinRequests sessionId={sessionId} />}
      {mayAdd && <AddMembers sessionId={sessionId} />}
      {runs && <Invites sessionId={sessionId} />}
      <GroupMembers sessionId={sessionId} myRole={me.role} />
      {runs && <GroupForm key={`${group.info.name} ${group.info.notice}`} sessionId={sessionId} info={group.info} />}
      {runs && <GroupSettingsForm sessionId={sessionId} settings={group.settings ?? GROUP_SETTINGS_DEFAULT} />}
      <LeaveGroup sessionId={sessionId} isOwner={me.role === 'owner'} />
    </Stack>
  )
}

function AddMembers({ sessionId }: { sessionId: SessionId }) {
  const t = useText()
  const messenger = useMessenger('friends')
  const [added, setAdded] = useState<string[]>([])
  const friends = messenger.friends().filter(({ relation }) => relation === 'friend')
  const add = () => {
    const userIds = added.filter(isUserId)
    if (userIds.length > 0) messenger.submit({ type: 'addMembers', sessionId, userIds })
    setAdded([])
  }
  return (
    <Group align="end" gap="xs" wrap="nowrap">
      <TagsInput
        className="grow"
        label={t('addMembers')}
        data={friends.map(({ userId }) => userId)}
        value={added}
        splitChars={[',', ' ', ';']}
        acceptValueOnBlur
        onChange={setAdded}
      />
      <Button onClick={add} disabled={added.length === 0}>
        {t('add')}
      </Button>
    </Group>
  )
}

function GroupForm({ sessionId, info }: { sessionId: SessionId; info: GroupInfo }) {
  const t = useText()
  const messenger = useMessenger()
  const [name, setName] = useState(info.name)
  const [notice, setNotice] = useState(info.notice)
  const isChanged = name.trim() !== info.name || notice.trim() !== info.notice
  const update = (changed: Partial<GroupInfo>) =>
    messenger.submit({ type: 'updateGroupInfo', sessionId, info: changed })
  return (
    <Stack gap="xs">
      <PictureField name={info.name} id={sessionId} picture={info.avatar} onChange={avatar => update({ avatar })} />
      <TextInput
        label={t('groupName')}
        value={name}
        maxLength={100}
        onChange={event => setName(event.currentTarget.value)}
      />
      <Textarea
        label={t('notice')}
        value={notice}
        autosize
        maxRows={6}
        onChange={event => setNotice(event.currentTarget.value)}
      />
      <Button
        variant="light"
        onClick={() => update({ name: name.trim(), notice: notice.trim() })}
        disabled={!isChanged || name.trim() === ''}
      >
        {t('save')}
      </Button>
    </Stack>
  )
}

function GroupSettingsForm({ sessionId, settings }: { sessionId: SessionId; settings: GroupSettings }) {
  const t = useText()
  const messenger = useMessenger()
  const set = (changed: Partial<GroupSettings>) =>
    messenger.submit({ type: 'updateGroupSettings', sessionId, settings: changed })
  return (
    <Stack gap="xs">
      <Select
        label={t('joinPolicy')}
        value={settings.joinPolicy}
        allowDeselect={false}
        data={[
          { value: 'open', label: t('joinOpen') },
          { value: 'approval', label: t('joinApproval') },
          { value: 'inviteOnly', label: t('joinInvite') },
        ]}
        onChange={value => value !== null && set({ joinPolicy: value as GroupSettings['joinPolicy'] })}
      />
      <Select
        label={t('historyForNew')}
        value={settings.historyShown}
        allowDeselect={false}
        data={[
          { value: 'fromJoining', label: t('historyFromJoining') },
          { value: 'all', label: t('historyAll') },
        ]}
        onChange={value => value !== null && set({ historyShown: value as GroupSettings['historyShown'] })}
      />
      <NumberInput
        label={t('slowMode')}
        min={0}
        max={86_400}
        defaultValue={settings.slowModeMs / 1000}
        hideControls
        onBlur={event => {
          const slowModeMs = Math.round(Number(event.currentTarget.value) * 1000)
          if (slowModeMs >= 0 && slowModeMs !== settings.slowModeMs) set({ slowModeMs })
        }}
      />
      <Switch
        label={t('mutedAll')}
        checked={settings.mutedAll}
        onChange={event => set({ mutedAll: event.currentTarget.checked })}
      />
      <Switch
        label={t('publicGroup')}
        checked={settings.isPublic}
        onChange={event => set({ isPublic: event.currentTarget.checked })}
      />
    </Stack>
  )
}

function LeaveGroup({ sessionId, isOwner }: { sessionId: SessionId; isOwner: boolean }) {
  const t = useText()
  const messenger = useMessenger()
  const [isAsking, setAsking] = useState(false)
  const title = t(isOwner ? 'dismissGroup' : 'leaveGroup')
  const leave = () => {
    setAsking(false)
    messenger.submit({ type: isOwner ? 'dismissGroup' : 'quitGroup', sessionId })
  }
  return (
    <>
      <Button variant="default" className="danger" onClick={() => setAsking(true)}>
        {title}
      </Button>
      {isAsking && (
        <Confirm
          title={title}
          text={t(isOwner ? 'confirmDismiss' : 'confirmLeave')}
          action={t('confirm')}
          onConfirm={leave}
          onClose={() => setAsking(false)}
        />
      )}
    </>
  )
}
