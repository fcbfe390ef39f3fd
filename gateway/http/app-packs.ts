import { type PackId, type SessionId, type UserId, userSessionId } from '../../schemas/ids.ts'
import { makePack } from '../../schemas/make-pack.ts'
import { Flag, type PackBody, type PushInfo } from '../../schemas/pack.ts'
import type { Identity } from '../ws/asker.ts'
import type { Answer, Calls } from '../ws/calls.ts'
import { derivedPackId } from './idempotency.ts'
import { type OutcomeBody, outcomeOf } from './outcome.ts'
import type { RouteCall } from './route.ts'

/** Packs that no frame of a client asks for: what an app does in its own session, to its users, and to how they are let in. */

export interface AppPack {
  packId: PackId
  sessionId: SessionId
  from: UserId
  body: PackBody
  flags?: number
  pushInfo?: PushInfo | undefined
}

/** Sends a pack of an app; `identity` says which, and by which key. */
export function submitAppPack(calls: Calls, { actor, device }: Identity, pack: AppPack): Promise<Answer> {
  return calls.submitPack(
    makePack({ ...pack, actor: actor ?? { kind: 'APP', id: pack.from }, device, gateway: calls.gateway }),
  )
}

export function appSessionId(app: UserId): SessionId {
  return `a:${app}` as SessionId
}

export function notifySessionId(app: UserId, userId: UserId): SessionId {
  return `b:${app}:${userId}` as SessionId
}

/** Flags of a notification that says nothing else. */
export const NOTIFY_FLAGS = Flag.COUNTER

/**
 * Notes in the log of the app what is about to be done by it, by which key and in which request. To be called before the
 * act: what was done is always noted, what was noted may have been refused. Throws Problem where it cannot be noted.
 */
export async function noteAct(
  calls: Calls,
  { caller, identity, packId, requestId }: Pick<RouteCall, 'caller' | 'identity' | 'packId' | 'requestId'>,
  { act, subject, ...detail }: { act: string; subject: string; [name: string]: unknown },
): Promise<void> {
  if (caller.kind !== 'app') return
  const sessionId = appSessionId(caller.app)
  const said = JSON.stringify({ ...detail, keyId: caller.keyId, requestId })
  const answer = await submitAppPack(calls, identity, {
    packId: derivedPackId(packId, `${sessionId}#${act}#${subject}`),
    sessionId,
    from: caller.app,
    body: { kind: 'RecordAct', act, subject, detail: said },
  })
  // The same request again, with another request id: it is noted already.
  if (answer.type === 'refused' && answer.name === 'PACK_CONFLICT') return
  outcomeOf(answer)
}

/** Sends a pack to the user's own session, after it was noted in the app's. Throws the refusal as a Problem. */
export async function actOnUser(
  calls: Calls,
  call: Pick<RouteCall, 'caller' | 'identity' | 'packId' | 'requestId'>,
  { userId, act, body }: { userId: UserId; act: string; body: PackBody },
): Promise<OutcomeBody> {
  await noteAct(calls, call, { act, subject: userId })
  const pack = { packId: call.packId, sessionId: userSessionId(userId), from: userId, body }
  return outcomeOf(await submitAppPack(calls, call.identity, pack))
}
