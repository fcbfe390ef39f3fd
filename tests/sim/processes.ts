import { GatewayCore, type GatewayCoreOptions } from '../../gateway/core.ts'
import type { Clock } from '../../infra/clock.ts'
import { Metrics } from '../../infra/metrics.ts'
import { ArchiveView } from '../../processors/archive/archive-view.ts'
import { historyView } from '../../processors/history/main.ts'
import { membershipView } from '../../processors/membership/main.ts'
import { makeRunner } from '../../processors/runner.ts'
import { makeSequencer, type SequencerContext, transactionalIdPrefix } from '../../processors/sequencer/main.ts'
import type { View } from '../../processors/view.ts'
import type { Partition } from '../../schemas/ids.ts'
import { AppendFailed } from '../../topics/log.ts'
import { fixedOwnership } from '../../topics/ownership.ts'
import type { TransactionalWriters } from '../../topics/transactional-log.ts'
import { presenceOf } from './air.ts'
import { Host, type Machine, type Running } from './host.ts'
import type { RunningGateway } from './network.ts'
import { maySequencerEnd, rulesOf } from './parts.ts'
import {
  appsReader,
  archiveReader,
  archiveStore,
  historyReader,
  historyStore,
  membershipReader,
  membershipStore,
  peopleReader,
  stateStore,
} from './stores.ts'
import type { World } from './world.ts'

/** The processes of the product, wired as commands/run-roles.ts wires them, to ports of the simulated world. */

const HEARTBEAT_MS = 5_000
/** How likely one transaction on im.sessions fails in each way. */
const CHANGELOG_FAILS = 0.05

export type ViewName = 'history' | 'membership' | 'archive'

export function sequencerHost(world: World, name: string): Host {
  const boot = (host: Machine): Running => {
    const { life } = host
    const rules = rulesOf(name, world.options)
    const partitions = [...world.assigned.get(name)!].sort()
    const context: SequencerContext = {
      topics: world.topics,
      ownership: fixedOwnership(partitions),
      log: host.log(),
      packCodec: world.codecs.pack,
      eventCodec: world.codecs.event,
      sessionCodec: world.codecs.session,
      transactional: transactionalOf(world, host),
      transactionalIdPrefix: transactionalIdPrefix(world.topics),
      stores: partition => stateStore(world, host, partition, name),
      era: 0,
      instance: name,
      ...(rules === undefined ? {} : { rules }),
      clock: life.clock(host.clock),
      random: world.random.fork(),
      logger: world.logger,
      metrics: new Metrics(),
    }
    const service = makeSequencer(world.alterations.sequencer(context, world))
    let isStarted = false
    const started = service.start().then(() => {
      isStarted = true
      world.note(`${name} has partitions ${partitions.join(' ')}`)
    })
    return {
      done: started.then(() => service.done),
      isReady: () => isStarted && service.ready(),
      drain: () => service.drain(),
    }
  }
  return new Host(world, { name, boot, mayEndWith: maySequencerEnd })
}

function transactionalOf(world: World, { life }: Machine): TransactionalWriters {
  return life.transactional(world.transactional, async (writer, request) => {
    await world.latency()
    if (world.faults.happens('changelog failed', CHANGELOG_FAILS))
      throw new AppendFailed('no coordinator', { maybeStored: false })
    await writer.append(request)
    if (world.faults.happens('changelog unanswered', CHANGELOG_FAILS))
      throw new AppendFailed('no answer', { maybeStored: true })
  })
}

export function gatewayHost(world: World, name: string): Host<RunningGateway> {
  const boot = (): RunningGateway => {
    const { life } = host
    const options: GatewayCoreOptions = {
      log: host.log(),
      codecs: { packs: world.codecs.pack, events: world.codecs.event },
      topics: world.topics,
      history: historyReader(world, host),
      membership: membershipReader(world, host),
      people: peopleReader(world, host),
      apps: appsReader(world, host),
      archive: archiveReader(world, host),
      clock: life.clock(host.clock),
      random: world.random.fork(),
      logger: world.logger,
      metrics: new Metrics(),
      nodeName: name,
      presence: presenceOf(world, host),
      heartbeatMs: HEARTBEAT_MS,
      loginPolicy: world.options.loginPolicy,
    }
    const core = new GatewayCore(world.alterations.gateway(options, world))
    core.start()
    return { core, done: core.done, isReady: () => core.isOpen, drain: () => core.drain().then(() => core.stop()) }
  }
  const host: Host<RunningGateway> = new Host<RunningGateway>(world, {
    name,
    boot,
    onGone: () => world.network.gatewayGone(host),
    // Logins go a way of their own.
    appendsMax: 2,
  })
  return host
}

export function viewHost(world: World, name: ViewName, copy: string): Host {
  const boot = (host: Machine): Running => {
    const clock = host.life.clock(host.clock)
    const partitions = Array.from({ length: world.options.partitions }, (_, n) => n)
    const runner = makeRunner(
      world.alterations.runner(
        {
          view: world.alterations.view(viewOf(world, name, host, { clock, partitions }), world),
          log: host.log(),
          topics: world.topics,
          eventCodec: world.codecs.event,
          partitions,
          clock,
          random: world.random.fork(),
          logger: world.logger,
          metrics: new Metrics(),
        },
        world,
      ),
    )
    void runner.start()
    return { done: runner.done, isReady: () => runner.ready(), drain: () => runner.drain() }
  }
  return new Host(world, { name: `${name}-${copy}`, boot })
}

function viewOf(world: World, name: ViewName, host: Machine, parts: { clock: Clock; partitions: Partition[] }): View {
  switch (name) {
    case 'history':
      return historyView(historyStore(world, host))
    case 'membership':
      return membershipView(membershipStore(world, host))
    case 'archive':
      return new ArchiveView({ store: archiveStore(world, host), topic: world.topics.events.name, ...parts })
  }
}
