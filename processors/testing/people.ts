import fc from 'fast-check'
import type { AcceptedBody } from '../../schemas/event.ts'
import { userSessionId } from '../../schemas/ids.ts'
import type { PushDevice } from '../../schemas/push-devices.ts'
import { USER_SETTINGS_DEFAULT } from '../../schemas/settings.ts'
import { Script, single, USERS } from './events.ts'

/** Events about people, as a sequencer may have written them: in any order, also in one that no rules allow. */

const ABOUT_TWO: readonly AcceptedBody[] = [
  { kind: 'FriendRequested' },
  { kind: 'FriendRequested', message: 'hi' },
  { kind: 'FriendAccepted' },
  { kind: 'FriendRefused' },
  { kind: 'FriendDeleted' },
  { kind: 'FriendRemarked', remark: 'Bo' },
  { kind: 'UserBlocked' },
  { kind: 'UserUnblocked' },
]
/** A phone that is pushed to under this token, registered at `at`. */
export function pushDevice(token: string, at = 1_000): PushDevice {
  const app = { serviceType: 1, packageName: 'com.example.chat', appVersion: '1' }
  const device = { deviceType: 1, deviceId: 'phone', locale: '', timeZone: '', contentHidden: false }
  return { ...app, token, ...device, at }
}

const OWN: readonly AcceptedBody[] = [
  { kind: 'ProfileUpdated', profile: { name: 'Ann', avatar: '' } },
  { kind: 'ProfileUpdated', profile: { name: 'Änne', avatar: 'a', fields: [{ name: 'city', value: 'Turin' }] } },
  { kind: 'SettingsUpdated', settings: { ...USER_SETTINGS_DEFAULT, messagesFrom: 'friends' } },
  { kind: 'SettingsUpdated', settings: { ...USER_SETTINGS_DEFAULT, findable: false } },
  { kind: 'UserAttributesSet', attributes: [{ name: 'theme', value: 'dark' }] },
  { kind: 'PushDevicesSet', devices: [pushDevice('t1')], added: pushDevice('t1'), removed: [] },
  { kind: 'PushDevicesSet', devices: [], removed: [{ serviceType: 1, token: 't1', reason: 'moved' }] },
]

/** Puts a friend event, which takes no seq, on the script. */
export function relate(script: Script, from: string, to: string, body: AcceptedBody): void {
  script.put(single(from, to), from as never, body, { seq: 0, count: 0, flags: 0 })
}

/** Puts an event of the user's own session on the script. */
export function settle(script: Script, userId: string, body: AcceptedBody): void {
  script.change(userSessionId(userId as never), userId as never, body)
}

const step = fc.oneof(
  fc.record({
    who: fc.nat({ max: USERS.length - 1 }),
    whom: fc.nat({ max: USERS.length - 1 }),
    body: fc.constantFrom(...ABOUT_TWO),
  }),
  fc.record({ who: fc.nat({ max: USERS.length - 1 }), whom: fc.constant(-1), body: fc.constantFrom(...OWN) }),
)

export const anyPeopleScript: fc.Arbitrary<Script> = fc.array(step, { minLength: 1, maxLength: 60 }).map(steps => {
  const script = new Script()
  script.message(single('alice', 'bob'), USERS[0]!, 'first')
  for (const { who, whom, body } of steps) {
    if (whom < 0) settle(script, USERS[who]!, body)
    else if (whom !== who) relate(script, USERS[who]!, USERS[whom]!, body)
  }
  return script
})
