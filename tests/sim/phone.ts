import type { Client } from '../../client/network/client.ts'
import type { EventFrame } from '../../schemas/frames.ts'
import { parseSessionId } from '../../schemas/ids.ts'
import type { Device } from './device.ts'

/** What the app of a phone does by itself: it registers where it is pushed to, and tells of most messages that it has them. */

const TELLS = 0.6

export function actAsPhone(device: Device, client: Client): void {
  const token = `t-${device.name}`
  const registration = { serviceType: 9, packageName: 'com.example.chat', appVersion: '1', token }
  let isRegistered = false
  client.on('caughtUp', () => {
    if (!isRegistered) device.submit({ type: 'registerDevice', ...registration })
    isRegistered = true
  })
  client.on('event', ({ sessionId, seq, from, body }: EventFrame) => {
    if (!device.world.isActing || body.kind !== 'MessageAccepted' || from === device.user) return
    if (parseSessionId(sessionId)?.kind !== 'Single' || !device.random.chance(TELLS)) return
    device.submit({ type: 'markDelivered', sessionId, seq })
  })
}
