import { packOperation } from './operation.ts'

/** Where users are pushed to; a token belongs to the app that a device runs. */

export const registerDevice = packOperation({
  frame: 'registerDevice',
  weight: 1,
  request: ({ random }) => ({
    type: 'registerDevice',
    serviceType: random.between(1, 9),
    packageName: 'com.example.chat',
    appVersion: '1',
    token: `t${random.between(1, 5)}`,
  }),
  event: 'PushDevicesSet',
  isAs: ({ token, serviceType }, { body }) =>
    body.added?.token === token &&
    body.devices.some(device => device.token === token && device.serviceType === serviceType),
})

export const unregisterDevice = packOperation({
  frame: 'unregisterDevice',
  weight: 1,
  request: ({ random }) => ({
    type: 'unregisterDevice',
    serviceType: random.between(1, 9),
    token: `t${random.between(1, 5)}`,
  }),
  event: 'PushDevicesSet',
  isAs: ({ token }, { body }) =>
    body.added === undefined &&
    body.removed.some(removed => removed.token === token && removed.reason === 'unregistered'),
})

export const reportPushOpened = packOperation({
  frame: 'reportPushOpened',
  weight: 1,
  request: ({ random }) => ({ type: 'reportPushOpened', pushId: `p${random.between(1, 9)}` }),
  event: 'PushOpened',
  isAs: ({ pushId }, { body }) => body.pushId === pushId,
})
