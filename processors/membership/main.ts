import type { Clock, Millis, Random } from '../../infra/clock.ts'
import { Generations } from '../../infra/redis/generations.ts'
import type { RedisConnection } from '../../infra/redis/redis.ts'
import { HEADER_FACTS, HEADER_MEMBERS } from '../../topics/valid-events.ts'
import { GenerationWriter, redisRebuildable } from '../generation-writer.ts'
import type { Rebuildable } from '../rebuild/rebuild.ts'
import type { View } from '../view.ts'
import type { AppsReader } from './apps-store.ts'
import { inspectMembership, type MembershipInspector } from './inspect.ts'
import type { MembershipReader, MembershipStore } from './membership-store.ts'
import type { DevicesReader, PeopleReader } from './people-store.ts'
import { project, reasonToSkip } from './project.ts'
import { RedisAppsReader } from './redis-apps.ts'
import { MEMBERSHIP_FORMAT } from './redis-membership-keys.ts'
import { RedisMembershipReader } from './redis-membership-reader.ts'
import { RedisMembershipStore } from './redis-membership-store.ts'
import { RedisPeopleReader } from './redis-people.ts'

/** Wiring of the membership view. */

export const MEMBERSHIP = 'membership'

/** Gateways know of changes from the log itself; what they take from this view may be a little older. */
const MEMBERSHIP_PAUSE_MS: Millis = 40

interface OnRedis {
  connection: RedisConnection
  random: Random
}

/** The view over any store. */
export function membershipView(store: MembershipStore): View {
  return {
    name: MEMBERSHIP,
    pauseMs: MEMBERSHIP_PAUSE_MS,
    position: partition => store.position(partition),
    inPlace: partition => store.inPlace(partition),
    apply: async batch => store.write({ partition: batch.partition, writes: project(batch), position: batch.position }),
    concerns: headers => headers[HEADER_MEMBERS] !== undefined || headers[HEADER_FACTS] !== undefined,
    reasonToSkip,
    close: () => store.close(),
  }
}

/** The live membership view in Redis; closing it closes the connection. */
export function makeMembershipView(request: OnRedis): View {
  const writer = new GenerationWriter(generationsOf(request))
  return membershipView(new RedisMembershipStore({ connection: request.connection, writer }))
}

/** Membership that can be built anew beside the live one; closing the view that it gives leaves the connection open. */
export function membershipRebuildable(request: OnRedis & { clock: Clock }): Rebuildable {
  const connection = { ...request.connection, close: async () => {} }
  const makeView = (writer: GenerationWriter) => membershipView(new RedisMembershipStore({ connection, writer }))
  return redisRebuildable({ name: MEMBERSHIP, generations: generationsOf(request), clock: request.clock, makeView })
}

/** The reading side for the gateway. */
export function membershipReader(request: OnRedis): MembershipReader {
  return new RedisMembershipReader(generationsOf(request))
}

/** What the gateway asks of people. */
export function peopleReader(request: OnRedis): PeopleReader & DevicesReader {
  return new RedisPeopleReader(generationsOf(request))
}

/** What gateways and the worker of jobs ask of apps. */
export function appsReader(request: OnRedis): AppsReader {
  return new RedisAppsReader(generationsOf(request))
}

/** Rows for verify. */
export function membershipInspector(request: OnRedis): MembershipInspector {
  return inspectMembership(generationsOf(request))
}

function generationsOf({ connection, random }: OnRedis): Generations {
  return new Generations({ connection, view: MEMBERSHIP, format: MEMBERSHIP_FORMAT, random })
}
