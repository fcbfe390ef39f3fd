import { beforeEach, expect, test } from 'vitest'
import { systemClock } from '../infra/clock.ts'
import { testWebhook } from '../schemas/testing/webhooks.ts'
import type { Headers } from '../topics/log.ts'
import { MemoryLog } from '../topics/memory-log.ts'
import { HEADER_FACTS, type Position } from '../topics/valid-events.ts'
import { loggedWebhooks, WebhooksNotWhole } from './logged-webhooks.ts'

const TOPIC = 'events'
const WEBHOOKS = [testWebhook()]
let log: MemoryLog
/** Of the membership view. */
let view: { filling: string; offsets: [partition: number, offset: number][] }
let read: ReturnType<typeof loggedWebhooks>

beforeEach(() => {
  log = new MemoryLog({ clock: systemClock })
  log.createTopic({ name: TOPIC, partitions: 2, settings: {} })
  view = { filling: 'first', offsets: [] }
  read = loggedWebhooks({
    apps: { allWebhooks: async () => WEBHOOKS },
    membership: {
      filling: async () => view.filling,
      positions: async () =>
        new Map(view.offsets.map(([partition, offset]) => [partition, { offset } as Position] as const)),
    },
    log,
    topic: TOPIC as never,
  })
})

function put(sessionId: string, isFact: boolean): void {
  const headers: Headers = isFact ? { [HEADER_FACTS]: Buffer.from([1]) } : {}
  log.put(TOPIC, 1, [{ key: Buffer.from(sessionId), value: Buffer.from('x'), headers }])
}

test('[WH11] a view that lacks something of an app is not whole, one that lacks anything else is', async () => {
  put('s:alice:bob', false)
  put('u:alice', true)
  expect(await read()).toBe(WEBHOOKS)
  view.filling = 'second'
  put('a:shop', true)
  await expect(read()).rejects.toThrow(WebhooksNotWhole)
  view.offsets = [[1, 2]]
  expect(await read()).toBe(WEBHOOKS)
})

test('[WH11] what was whole goes on while the log runs ahead, and no longer once the view was emptied', async () => {
  put('a:shop', true)
  view.offsets = [[1, 0]]
  expect(await read()).toBe(WEBHOOKS)
  put('a:shop', true)
  expect(await read()).toBe(WEBHOOKS)
  view.offsets = []
  await expect(read()).rejects.toThrow(WebhooksNotWhole)
})
