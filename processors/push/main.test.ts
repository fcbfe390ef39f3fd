import { expect, test } from 'vitest'
import { systemClock, systemRandom } from '../../infra/clock.ts'
import { silentLogger } from '../../infra/logger.ts'
import { Metrics } from '../../infra/metrics.ts'
import { packCodec } from '../../schemas/codec.ts'
import type { SessionId, UserId } from '../../schemas/ids.ts'
import type { PushDevice } from '../../schemas/push-devices.ts'
import { pushCodec } from '../../schemas/push-record.ts'
import { MemoryLog } from '../../topics/memory-log.ts'
import { MemoryRegistry } from '../../topics/memory-registry.ts'
import { makeTopics, valueSubject } from '../../topics/topics.ts'
import { POSITION_START } from '../../topics/valid-events.ts'
import { readAll } from '../testing/log.ts'
import type { ViewBatch } from '../view.ts'
import type { PushFacts } from './facts.ts'
import { makePush } from './main.ts'
import { MemoryPushStore } from './memory-push-store.ts'
import { deviceKeyOf } from './plan.ts'
import { acceptedState } from './push-store.ts'
import { NO_VENDORS } from './vendors.ts'

/** What the view of push does beside keeping jobs. */

const chat = 's:alice:bob' as SessionId
const device = (token: string): PushDevice => ({
  ...{ serviceType: 3, packageName: 'a', appVersion: '1', token, locale: '', timeZone: '', contentHidden: false },
  ...{ deviceType: 1, deviceId: token, at: 1 },
})

test('[PU22] what was opened is told of pushes that the user was sent, whichever part of the id the app was given', async () => {
  const registry = new MemoryRegistry()
  const topics = makeTopics({ prefix: '', partitions: 1, eventRetentionDays: 30 })
  const log = new MemoryLog({ clock: systemClock, topics: Object.values(topics) })
  const codec = await pushCodec(registry, valueSubject(topics.pushes))
  const store = new MemoryPushStore()
  const metrics = new Metrics()
  const devices = [device('phone'), device('tablet')]
  const facts = {
    devices: async (userIds: readonly UserId[]) => userIds.map(userId => (userId === 'alice' ? devices : [])),
  } as unknown as PushFacts
  const { view } = makePush({
    store,
    facts,
    vendors: NO_VENDORS,
    log,
    topics,
    packCodec: await packCodec(registry, valueSubject(topics.packs)),
    pushCodec: codec,
    limits: { ageMsMax: 1, ackMs: 1, offlineMs: 1, isContentHidden: false },
    clock: systemClock,
    random: systemRandom,
    logger: silentLogger,
    metrics,
  })
  const [phone, tablet] = devices.map(deviceKeyOf) as [string, string]
  const event = { partition: 0, sessionId: chat, seq: 5 }
  const keys = [phone, tablet]
  await store.claim(
    event,
    keys.map(key => ({ device: key, attempt: 0 })),
  )
  const state = acceptedState({ userId: 'alice' as UserId, seq: 5 })
  await store.record(
    event,
    keys.map(key => ({ device: key, state })),
    [],
  )
  await store.noteSent({ ...event, offset: 7, devices: keys })

  const open = (pushId: string, from = 'alice', deviceId = 'tablet') => ({
    event: {
      body: { kind: 'PushOpened', pushId },
      from,
      at: 9,
      device: { type: 1, id: deviceId },
      sessionId: `u:${from}`,
    },
    position: { offset: 8, cause: null, hash: null },
  })
  const events = [
    open(`0-7-${phone}`),
    open('0-7'),
    // Nobody's, somebody else's, and not even the id of a push.
    open('0-8'),
    open(`0-7-${phone}`, 'mallory'),
    open('0-7', 'mallory'),
    open('p1'),
  ]
  await view.apply({ partition: 0, events, position: POSITION_START } as unknown as ViewBatch)
  const written = (await readAll(log, topics.pushes.name)).map(({ value }) => codec.decode(value!))
  expect(written).toMatchObject([
    { pushId: `0-7-${phone}`, userId: 'alice', sessionId: chat, seq: 5, at: 9, body: { kind: 'Opened' } },
    { pushId: `0-7-${tablet}`, userId: 'alice', body: { kind: 'Opened' } },
  ])
  const { values } = await metrics.registry.getSingleMetric('packlog_push_opened_total')!.get()
  expect(Object.fromEntries(values.map(({ labels, value }) => [labels.result, value]))).toEqual({
    opened: 2,
    unknown: 4,
  })
})
