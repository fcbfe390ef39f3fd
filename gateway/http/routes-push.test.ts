import { expect, test } from 'vitest'
import type { PackFrame } from '../../schemas/frames.ts'
import type { PackId, UserId } from '../../schemas/ids.ts'
import type { Pack } from '../../schemas/pack.ts'
import type { Identity } from '../ws/asker.ts'
import type { Answer, Calls } from '../ws/calls.ts'
import type { RouteCall } from './route.ts'
import { pushRoutes } from './routes-push.ts'

const packId = '01890a5d-ac96-774b-bcce-b302099a8057' as PackId
const app: Identity = { userId: 'shop' as UserId, device: { type: 0, id: '' }, actor: { kind: 'APP', id: 'shop' } }

function routes() {
  const packs: Pack[] = []
  const frames: { frame: PackFrame; identity: Identity }[] = []
  const ack = { type: 'ack', packId, sessionId: 'u:alice', seq: 1, count: 0, at: 1 } as Answer
  const calls = {
    gateway: 'gw-1',
    submitPack: async (pack: Pack) => {
      packs.push(pack)
      return ack
    },
    submit: async (identity: Identity, frame: PackFrame) => {
      frames.push({ identity, frame })
      return ack
    },
  } as unknown as Calls
  const all = pushRoutes({ calls: () => calls, devices: { devices: async () => [[]] } })
  const call = (id: string, body: unknown, identity = app) => {
    const route = all.find(one => one.id === id)!
    const read = route.body === undefined ? body : route.body.parse(body)
    return route.handle({ identity, packId, body: read } as RouteCall)
  }
  return { all, packs, frames, call }
}

test('[PU19] an app pushes to a user in its own name, into the session of the user', async () => {
  const { packs, call } = routes()
  expect(await call('push', { userId: 'alice', title: 'Sale', unreadCount: 3 })).toMatchObject({ seq: 1 })
  expect(packs).toMatchObject([
    {
      packId,
      sessionId: 'u:alice',
      from: 'alice',
      actor: { kind: 'APP', id: 'shop' },
      gateway: 'gw-1',
      body: { kind: 'Push', title: 'Sale', content: '', uri: '', unreadCount: 3, extraData: [], options: [] },
    },
  ])
  expect(packs[0]!.digest).toHaveLength(16)
})

test('[PU19] devices are registered and taken off, and opens told, as by frames', async () => {
  const { frames, call } = routes()
  const device = { serviceType: 7, packageName: 'com.example.chat', appVersion: '1', token: 't1' }
  await call('registerDevice', device)
  await call('unregisterDevice', { serviceType: 7, token: 't1' })
  await call('reportPushOpened', { pushId: '1-2-3' })
  expect(frames.map(({ frame }) => frame)).toMatchObject([
    { type: 'registerDevice', packId, ...device },
    { type: 'unregisterDevice', token: 't1' },
    { type: 'reportPushOpened', pushId: '1-2-3' },
  ])
})

test('[PU19] what is not valid is refused before the log, and only apps push', () => {
  const { all, packs, call } = routes()
  for (const body of [{}, { userId: 'a:b', title: 'x' }, { userId: 'alice', title: 'x', more: 1 }]) {
    expect(() => call('push', body)).toThrow()
  }
  expect(packs).toEqual([])
  expect(all.find(({ id }) => id === 'push')).toMatchObject({ actsFor: 'app', scope: 'push:write' })
})
