import type { Attribute } from '../../../schemas/settings.ts'
import type { Device } from '../device.ts'
import { packOperation, sameIds } from './operation.ts'

/** What users say of themselves, in their own session. */

function anyAttribute({ random }: Device): Attribute {
  return { name: `a${random.between(1, 3)}`, value: random.pick(['', 'x', 'y', 'z']) }
}

/** True where every attribute of the patch is in force; an empty value removes one. */
export function isPatched(patch: readonly Attribute[] | undefined, all: readonly Attribute[] | undefined): boolean {
  const last = new Map((patch ?? []).map(({ name, value }) => [name, value]))
  return [...last].every(([name, value]) => (all?.find(it => it.name === name)?.value ?? '') === value)
}

export const updateProfile = packOperation({
  frame: 'updateProfile',
  weight: 1,
  request: device => ({
    type: 'updateProfile',
    profile: device.random.chance(0.5)
      ? { name: `${device.user} the ${device.random.between(1, 9)}th` }
      : { fields: [anyAttribute(device)] },
  }),
  event: 'ProfileUpdated',
  isAs: ({ profile: { name, fields } }, { body: { profile } }) =>
    (name === undefined || name === profile.name) && isPatched(fields, profile.fields),
})

export const updateSettings = packOperation({
  frame: 'updateSettings',
  weight: 1,
  request: device => ({
    type: 'updateSettings',
    settings: device.random.pick([
      { notify: device.random.pick(['all', 'mentions', 'none']) },
      { findable: device.random.chance(0.5) },
      { presenceShown: device.random.chance(0.5) },
    ]),
  }),
  event: 'SettingsUpdated',
  isAs: ({ settings }, { body }) =>
    Object.entries(settings).every(([name, value]) => (body.settings as never)[name] === value),
})

export const setUserAttributes = packOperation({
  frame: 'setUserAttributes',
  weight: 1,
  request: device => ({ type: 'setUserAttributes', attributes: [anyAttribute(device)] }),
  event: 'UserAttributesSet',
  isAs: ({ attributes }, { body }) => isPatched(attributes, body.attributes),
})

export const logout = packOperation({
  frame: 'logout',
  weight: 0.3,
  request: device => {
    const { phase } = device.client
    if (phase.kind !== 'Live') return undefined
    const others = device.world.devices.filter(({ user }) => user === device.user)
    const live = others.flatMap(({ client: { phase } }) => (phase.kind === 'Live' ? [phase.connectionId] : []))
    const connectionIds = device.random.pick([[], [phase.connectionId], live])
    return { type: 'logout', connectionIds }
  },
  event: 'LoggedOut',
  isAs: ({ connectionIds }, { body }) => sameIds(connectionIds, body.connectionIds) && body.code === 0,
})
