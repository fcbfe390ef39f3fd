import { afterEach } from 'vitest'
import { codeName } from '../../../schemas/codes.ts'
import type { Event } from '../../../schemas/event.ts'
import type { Log } from '../../../topics/log.ts'
import { makePack, packIdAt, T0 } from './packs.ts'
import type { Node, NodeOptions, World } from './world.ts'

/** Helpers of tests that run whole sequencers; what they start ends with the test. */

const running: { world: World; node: Node }[] = []
export async function start(world: World, options: NodeOptions = {}): Promise<Node> {
  const node = await world.start(options)
  running.push({ world, node })
  return node
}
afterEach(async () => {
  for (const { world, node } of running.splice(0)) await world.stop(node)
})

export const codes = (events: Event[]) =>
  events.map(({ body }) => (body.kind === 'PackRefused' ? codeName(body.code) : body.kind))

export async function metric(node: Node, name: string): Promise<number> {
  const { values } = await node.metrics.registry.getSingleMetric(`packlog_sequencer_${name}`)!.get()
  return values.reduce((sum, { value }) => sum + value, 0)
}

export async function appendsOf(node: Node): Promise<number> {
  const { values } = await node.metrics.registry.getSingleMetric('packlog_sequencer_batch_packs')!.get()
  return values.find(value => 'metricName' in value && String(value.metricName).endsWith('_count'))!.value
}

/** A log of one partition whose appends to im.events go through `append`. */
export function logWith(
  world: World,
  append: (attempt: number, pass: Log['append']) => ReturnType<Log['append']>,
): Log {
  let attempts = 0
  const pass: Log['append'] = request => world.log.append(request)
  return {
    append: request =>
      request.topic === world.topics.events.name ? append(attempts++, () => pass(request)) : pass(request),
    bounds: topic => world.log.bounds(topic),
    read: options => world.log.read(options),
    close: () => world.log.close(),
  }
}

export function makeGate(): { open: () => void; opened: Promise<void> } {
  let open: () => void = () => {}
  const opened = new Promise<void>(resolve => {
    open = resolve
  })
  return { open, opened }
}

/** `count` packs of one session with the same ids each time. */
export const packsOf = (count: number) =>
  Array.from({ length: count }, (_, n) => makePack({ packId: packIdAt(T0 + n, n), text: `message ${n}` }))
