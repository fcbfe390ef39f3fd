import type { Millis } from '../infra/clock.ts'
import { codeName } from '../schemas/codes.ts'
import type { Event } from '../schemas/event.ts'
import { makePackId, type SessionId, type UserId } from '../schemas/ids.ts'
import { makePack } from '../schemas/make-pack.ts'
import type { Pack, PackBody } from '../schemas/pack.ts'
import { appendPack } from '../topics/append-pack.ts'
import { sessionPartition } from '../topics/topics.ts'
import { PartitionReader } from '../verify/read-log.ts'
import type { Context } from './context.ts'

const OPERATOR = 'operator'
/** How long an outcome may take, in ms. */
export const OUTCOME_MS_MAX: Millis = 30_000
const POLL_MS: Millis = 100

/** What an operator asks for. */
export interface OperatorWords {
  sessionId: SessionId
  from: UserId
  body: PackBody
}

/** Appends a pack of an operator and gives it; its outcome is not waited for. */
export async function appendOperatorPack(
  { log, topics, codecs, clock, random, config }: Context,
  said: OperatorWords,
): Promise<Pack> {
  const pack = makePack({
    ...said,
    packId: makePackId(clock.now(), random.bytes(10)),
    gateway: config.nodeName,
    actor: { kind: 'OPERATOR', id: OPERATOR },
  })
  await appendPack({ log, topic: topics.packs, codec: codecs.packs }, pack)
  return pack
}

/** Appends a pack of an operator and waits for what becomes of it; undefined where no outcome came in time. */
export async function submitOperatorPack(context: Context, said: OperatorWords): Promise<Event | undefined> {
  const { log, topics, codecs, clock } = context
  const partition = sessionPartition(topics.packs, said.sessionId)
  const topic = topics.events.name
  const endOf = async () => (await log.bounds(topic)).get(partition)!.end
  const reader = new PartitionReader({ log, topic, codec: codecs.events }, partition, await endOf())
  const { packId, sessionId } = await appendOperatorPack(context, said)
  const deadline = clock.monotonic() + OUTCOME_MS_MAX
  let outcome: Event | undefined
  while (outcome === undefined && clock.monotonic() < deadline) {
    await reader.readTo(await endOf(), event => {
      if (event.packId === packId && event.sessionId === sessionId) outcome ??= event
      return undefined
    })
    if (outcome === undefined) await clock.sleep(POLL_MS)
  }
  return outcome
}

/** Why a pack of an operator did nothing; undefined where it was accepted. */
export function operatorFault(outcome: Event | undefined): string | undefined {
  if (outcome === undefined) return 'no outcome came in time: does the sequencer run?'
  if (outcome.body.kind !== 'PackRefused') return undefined
  return `refused: ${codeName(outcome.body.code) ?? outcome.body.code}, ${outcome.body.reason}`
}
