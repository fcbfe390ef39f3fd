import type { AcceptedBody, RefusedBody } from '../../schemas/event.ts'
import { userSessionId } from '../../schemas/ids.ts'
import type { PackBody } from '../../schemas/pack.ts'
import {
  type Attribute,
  type Profile,
  type QuietHours,
  USER_SETTINGS_DEFAULT,
  type UserSettings,
} from '../../schemas/settings.ts'
import { attributesFault, patchAttributes } from './attributes.ts'
import { decideKept, isAboutSession } from './decide-kept.ts'
import { decideLogin, decideLogout } from './decide-login.ts'
import { decideInvalidate, decideOpened, decidePush, decideRegister, decideUnregister } from './decide-push.ts'
import { accessFault } from './decide-standing.ts'
import { decideTokens } from './decide-tokens.ts'
import type { Desk } from './desk.ts'
import { notDecided, refused } from './outcome.ts'
import { fits } from './pack-kinds.ts'

/** What is decided in a user's own session: profile, settings, logins, and what the user keeps of other sessions. */

type Verdict = AcceptedBody | RefusedBody
type BodyOf<Kind extends PackBody['kind']> = Extract<PackBody, { kind: Kind }>

export const PROFILE_NAME_CHARS_MAX = 100
export const PROFILE_AVATAR_BYTES_MAX = 2_048
export const TIME_ZONE_CHARS_MAX = 64
const MINUTES_OF_DAY = 1_440
/** Which zones there are depends on the release of the time zone data: the gateway asks it, here only the form counts. */
const TIME_ZONE = /^[A-Za-z][A-Za-z0-9_+/-]*$/
const NO_PROFILE: Profile = { name: '', avatar: '' }
const NO_ATTRIBUTES: readonly Attribute[] = []

export function decideUser(desk: Desk): Verdict {
  const { sessionId, from, body } = desk.pack
  if (!fits(body.kind, 'User') || sessionId !== userSessionId(from)) {
    return refused('MSG_FORBIDDEN', 'no pack of this kind may be written to this session')
  }
  const fault = accessFault(desk)
  if (fault !== undefined) return fault
  if (isAboutSession(body)) return decideKept(desk, body)
  switch (body.kind) {
    case 'UpdateProfile':
      return updateProfile(desk, body)
    case 'UpdateSettings':
      return updateSettings(desk, body)
    case 'SetUserAttributes':
      return setAttributes(desk, body)
    case 'Login':
      return decideLogin(desk, body)
    case 'Logout':
      return decideLogout(body)
    case 'RevokeTokens':
      return decideTokens(desk, body)
    case 'RegisterDevice':
      return decideRegister(desk, body)
    case 'UnregisterDevice':
      return decideUnregister(desk, body)
    case 'InvalidateToken':
      return decideInvalidate(desk, body)
    case 'Push':
      return decidePush(desk, body)
    case 'ReportPushOpened':
      return decideOpened(body)
    default:
      return notDecided(`the pack ${body.kind} here`)
  }
}

function updateProfile({ view, pack }: Desk, { profile: patch }: BodyOf<'UpdateProfile'>): Verdict {
  const before = view.get('profiles', pack.sessionId) ?? NO_PROFILE
  const { name = before.name, avatar = before.avatar } = patch
  if (isLongerThan(name, PROFILE_NAME_CHARS_MAX)) return refused('PARAM', 'the name is too long')
  if (Buffer.byteLength(avatar) > PROFILE_AVATAR_BYTES_MAX) return refused('PARAM', 'the avatar link is too long')
  const fields = patch.fields === undefined ? (before.fields ?? []) : patchAttributes(before.fields, patch.fields)
  const fault = attributesFault(fields)
  if (fault !== undefined) return refused('USER_ATTRIBUTE', fault)
  return { kind: 'ProfileUpdated', profile: fields.length === 0 ? { name, avatar } : { name, avatar, fields } }
}

function updateSettings({ view, pack }: Desk, { settings: patch }: BodyOf<'UpdateSettings'>): Verdict {
  const before = view.get('settings', pack.sessionId) ?? USER_SETTINGS_DEFAULT
  const { quietHours = before.quietHours, ...rest } = patch
  if (quietHours !== undefined && !isQuietHours(quietHours)) return refused('PARAM', 'the quiet hours are not valid')
  const { messagesFrom, notify, findable, presenceShown } = { ...before, ...rest }
  const settings: UserSettings = { messagesFrom, notify, findable, presenceShown }
  return { kind: 'SettingsUpdated', settings: quietHours === undefined ? settings : { ...settings, quietHours } }
}

function isQuietHours({ fromMinute, toMinute, timeZone }: QuietHours): boolean {
  const isMinute = (minute: number) => Number.isInteger(minute) && minute >= 0 && minute < MINUTES_OF_DAY
  return (
    isMinute(fromMinute) && isMinute(toMinute) && timeZone.length <= TIME_ZONE_CHARS_MAX && TIME_ZONE.test(timeZone)
  )
}

function setAttributes({ view, pack }: Desk, { attributes: patch }: BodyOf<'SetUserAttributes'>): Verdict {
  if (patch.length === 0) return refused('PARAM', 'no attribute is named')
  const attributes = patchAttributes(view.get('attributes', pack.sessionId) ?? NO_ATTRIBUTES, patch)
  const fault = attributesFault(attributes) ?? attributesFault(patch)
  return fault === undefined ? { kind: 'UserAttributesSet', attributes } : refused('USER_ATTRIBUTE', fault)
}

function isLongerThan(text: string, charsMax: number): boolean {
  return text.length > charsMax && [...text.slice(0, 2 * charsMax + 2)].length > charsMax
}
