import type { Millis } from '../../infra/clock.ts'
import type { RefusedBody } from '../../schemas/event.ts'
import { GROUP_SETTINGS_DEFAULT, type GroupInfo, type GroupSettings } from '../../schemas/settings.ts'
import { attributesFault, patchAttributes } from './attributes.ts'
import type { Desk } from './desk.ts'
import {
  type BodyOf,
  distinct,
  listFault,
  type MemberDesk,
  membersMax,
  runnerFault,
  settingsOf,
  type Verdict,
} from './group-desk.ts'
import { refused } from './outcome.ts'

/** How a group begins, shows itself and is run (SQ14, SQ29). */

export const GROUP_NAME_CHARS_MAX = 100
export const GROUP_AVATAR_BYTES_MAX = 2_048
export const GROUP_NOTICE_BYTES_MAX = 8_192
export const SLOW_MODE_MS_MAX: Millis = 86_400_000

const INFO_EMPTY: GroupInfo = { name: '', avatar: '', notice: '' }

export function createGroup({ head, rules, pack }: Desk, body: BodyOf<'CreateGroup'>): Verdict {
  if (head !== undefined) return refused('GROUP_EXISTS', 'the group id is taken')
  const info = patchInfo(INFO_EMPTY, body.info)
  const settings = body.settings === undefined ? undefined : { ...GROUP_SETTINGS_DEFAULT, ...body.settings }
  const fault = infoFault(info) ?? settingsFault(settings) ?? listFault(rules, body.members)
  if (fault !== undefined) return fault
  const members = distinct(body.members).filter(userId => userId !== pack.from)
  if (1 + members.length > membersMax(rules, settings ?? GROUP_SETTINGS_DEFAULT)) {
    return refused('MEMBER_LIMIT', 'more members than a group may have')
  }
  return settings === undefined
    ? { kind: 'GroupCreated', info, members }
    : { kind: 'GroupCreated', info, members, settings }
}

export function decideGroupInfo(desk: MemberDesk, { info: patch }: BodyOf<'UpdateGroupInfo'>): Verdict {
  const fault = runnerFault(desk, 'may change how the group shows itself')
  if (fault !== undefined) return fault
  if (Object.keys(patch).length === 0) return refused('PARAM', 'nothing is to be different')
  const info = patchInfo(desk.view.get('infos', desk.pack.sessionId) ?? INFO_EMPTY, patch)
  return infoFault(info) ?? { kind: 'GroupInfoUpdated', info }
}

export function decideGroupSettings(desk: MemberDesk, body: BodyOf<'UpdateGroupSettings'>): Verdict {
  const fault = runnerFault(desk, 'may change how the group is run')
  if (fault !== undefined) return fault
  if (Object.keys(body.settings).length === 0) return refused('PARAM', 'nothing is to be different')
  const settings = { ...settingsOf(desk.head), ...body.settings }
  return settingsFault(settings) ?? { kind: 'GroupSettingsUpdated', settings }
}

/** A group without attributes has none of the field, so that its events are as they were before there were any. */
function patchInfo(before: GroupInfo, { attributes, ...rest }: Partial<GroupInfo>): GroupInfo {
  const { attributes: kept, ...plain } = { ...before, ...rest }
  const all = attributes === undefined ? kept : patchAttributes(kept, attributes)
  return all === undefined || all.length === 0 ? plain : { ...plain, attributes: all }
}

function infoFault(info: GroupInfo): RefusedBody | undefined {
  const nameChars = [...info.name.slice(0, 2 * GROUP_NAME_CHARS_MAX + 2)].length
  if (info.name.trim() === '') return refused('PARAM', 'the group has no name')
  if (nameChars > GROUP_NAME_CHARS_MAX) return refused('PARAM', 'the name of the group is too long')
  if (Buffer.byteLength(info.avatar) > GROUP_AVATAR_BYTES_MAX) return refused('PARAM', 'the avatar link is too long')
  if (Buffer.byteLength(info.notice) > GROUP_NOTICE_BYTES_MAX) return refused('PARAM', 'the notice is too long')
  const fault = attributesFault(info.attributes ?? [])
  return fault === undefined ? undefined : refused('PARAM', fault)
}

function settingsFault(settings: GroupSettings | undefined): RefusedBody | undefined {
  if (settings === undefined) return undefined
  const { slowModeMs, membersMax: most } = settings
  if (!Number.isSafeInteger(slowModeMs) || slowModeMs < 0 || slowModeMs > SLOW_MODE_MS_MAX) {
    return refused('PARAM', `slowModeMs lies between 0 and ${SLOW_MODE_MS_MAX}`)
  }
  if (!Number.isSafeInteger(most) || most < 0) return refused('PARAM', 'membersMax is not a number of members')
  return undefined
}
