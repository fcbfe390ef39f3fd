import { randomUUID } from 'node:crypto'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { type UserId, userSessionId } from '../../schemas/ids.ts'
import { startProduct, type TestProduct } from '../product.ts'
import { Device } from './device.ts'

/** Stories about push, through the public protocol and the fakes of the vendors only. */

let product: TestProduct
const devices: Device[] = []

beforeAll(async () => {
  product = await startProduct({ together: true })
}, 120_000)

afterEach(() => {
  for (const device of devices.splice(0)) device.drop()
})

afterAll(() => product?.stop(), 60_000)

const person = (name: string) => `${name}-${randomUUID().slice(0, 8)}` as UserId

async function connect(user: UserId, deviceId = 'phone', subprotocol: 'json' | 'avro' = 'json'): Promise<Device> {
  const device = await Device.connect(product, user, { deviceId, subprotocol })
  devices.push(device)
  return device
}

describe('registering', () => {
  test('[PU1, PU3] a device is registered, changed and taken off; the other devices of the user see it', async () => {
    const ann = person('ann')
    const [phone, tab] = [await connect(ann), await connect(ann, 'tab', 'avro')]
    const app = { serviceType: 7, packageName: 'com.example.chat', appVersion: '1' }
    expect(await phone.outcome({ type: 'registerDevice', ...app, token: 'one', locale: 'it-IT' })).toBe('ack')
    expect(await phone.outcome({ type: 'registerDevice', ...app, token: 'two' })).toBe('ack')
    const second = await tab.event(userSessionId(ann), 2)
    expect(second.body).toMatchObject({
      kind: 'PushDevicesSet',
      devices: [{ token: 'two', deviceId: 'phone', locale: '' }],
      removed: [{ token: 'one', reason: 'replaced' }],
    })
    expect(await tab.outcome({ type: 'unregisterDevice', serviceType: 7, token: 'one' })).toBe('REQUEST_NOT_EXIST')
    expect(await tab.outcome({ type: 'unregisterDevice', serviceType: 7, token: 'two' })).toBe('ack')
    expect((await phone.event(userSessionId(ann), 3)).body).toMatchObject({ devices: [] })
    expect(await phone.outcome({ type: 'registerDevice', ...app, token: 'a b' })).toBe('PARAM')
    expect(await phone.outcome({ type: 'registerDevice', ...app, token: 't', timeZone: 'Atlantis/Sea' })).toBe('PARAM')
    expect(await phone.outcome({ type: 'registerDevice', ...app, serviceType: 99, token: 't' })).toBe('PARAM')
    expect(await phone.outcome({ type: 'reportPushOpened', pushId: '1-2-3' })).toBe('ack')
  })
})
