import { codeName, isRemembered as isRememberedCode } from '../../schemas/codes.ts'
import type { Event, RefusedBody } from '../../schemas/event.ts'
import { isPackId } from '../../schemas/ids.ts'
import { Flag } from '../../schemas/pack.ts'
import { horizonAt } from './decide.ts'
import { appChanges } from './evolve-app.ts'
import { evolveGroup, sentChange } from './evolve-group.ts'
import { messageChanges } from './evolve-message.ts'
import { evolveRelation } from './evolve-relation.ts'
import { headChange, headOf, recentChange } from './evolve-rows.ts'
import { standingChanges } from './evolve-standing.ts'
import { userChanges } from './evolve-user.ts'
import type { Change, LogTime, StateView } from './session.ts'

/**
 * What an event does to the state. Total: never throws, whatever the event holds, for the log may hold what another
 * version of this code decided. Each row follows from its own former value and the event, never from another row,
 * so that a restore may pass over rows that are newer than the event; which rows are written follows from the event
 * alone, so that a restore knows them without their former values (restore.ts, ST17).
 */

/** The rows that the event writes. */
export function evolve(view: StateView, event: Event): Change[] {
  const { body } = event
  switch (body.kind) {
    case 'PackRepeated':
      return []
    case 'PackRefused':
      return isRemembered(event, body) ? [recentChange(event, body.code)] : []
    case 'RulesSet':
      return [recentChange(event, 0)]
    case 'MessageAccepted':
      return messageAccepted(view, event)
    case 'GroupCreated':
    case 'MemberJoined':
    case 'MemberQuit':
    case 'MembersAdded':
    case 'MembersRemoved':
    case 'GroupDismissed':
    case 'GroupInfoUpdated':
    case 'GroupSettingsUpdated':
    case 'OwnerChanged':
    case 'RolesSet':
    case 'JoinRequested':
    case 'JoinRefused':
    case 'InviteCreated':
    case 'InviteRevoked':
    case 'MemberMuted':
    case 'AliasSet':
      return [...evolveGroup(view, event, body), recentChange(event, 0)]
    case 'FriendRequested':
    case 'FriendAccepted':
    case 'FriendRefused':
    case 'FriendDeleted':
    case 'FriendRemarked':
    case 'UserBlocked':
    case 'UserUnblocked':
      return [...evolveRelation(view, { ...event, body }, body), recentChange(event, 0)]
    // Where somebody has read up to is kept by the views.
    case 'ReadMarked':
    case 'DeliveredMarked':
      return [recentChange(event, 0)]
    case 'ProfileUpdated':
    case 'SettingsUpdated':
    case 'UserAttributesSet':
    case 'LoggedIn':
    case 'LoggedOut':
    case 'SessionAttributesSet':
    case 'SessionReadMarked':
    case 'SessionCleared':
    case 'DeletedForMe':
    case 'PushDevicesSet':
    case 'PushRequested':
    case 'PushOpened':
    case 'TokensRevoked':
      return [
        headChange(view, event, headOf(view, event.sessionId)),
        ...userChanges(view, { ...event, body }, body),
        recentChange(event, 0),
      ]
    case 'KeySet':
    case 'KeyRevoked':
    case 'ActRecorded':
    case 'JobStarted':
    case 'JobStepped':
    case 'JobEnded':
      return [
        headChange(view, event, headOf(view, event.sessionId)),
        ...appChanges(view, { ...event, body }, body),
        recentChange(event, 0),
      ]
    case 'UserDisabled':
    case 'UserEnabled':
    case 'UserErased':
    case 'ContentErased':
    case 'HoldSet':
      return [...standingChanges(view, event, body), recentChange(event, 0)]
    case 'MessageRevoked':
    case 'MessageOverridden':
    case 'MessageDeleted':
    case 'ReactionAdded':
    case 'ReactionRemoved':
      return [
        headChange(view, event, headOf(view, event.sessionId)),
        ...messageChanges(view, event, body),
        recentChange(event, 0),
      ]
    default:
      return []
  }
}

/** A message in a group with slow mode says by its flag that its time counts. */
function messageAccepted(view: StateView, event: Event): Change[] {
  const changes = [headChange(view, event, headOf(view, event.sessionId))]
  if ((event.flags & Flag.SLOWED) !== 0) changes.push(sentChange(view, event))
  changes.push(recentChange(event, 0))
  return changes
}

/** Log time after the event; the same object where nothing changes. */
export function evolveTime(time: LogTime, event: Event): LogTime {
  const at = Math.max(time.at, event.at)
  const rules = event.body.kind === 'RulesSet' ? event.body.rules : time.rules
  // The rules that the event was decided by: new ones apply from the next pack on.
  const horizon = horizonAt(time, at)
  const windowMsMax = Math.max(time.windowMsMax, rules.dedupeWindowMs)
  const isSame = at === time.at && horizon === time.horizon && windowMsMax === time.windowMsMax && rules === time.rules
  return isSame ? time : { at, horizon, windowMsMax, rules }
}

/** What is wrong with the seq of an event that was read from the log; undefined where it follows (SQ25). */
export function seqFault(view: StateView, event: Event): string | undefined {
  if (event.seq === 0) return undefined
  const lastSeq = view.get('heads', event.sessionId)?.lastSeq ?? 0
  return event.seq === lastSeq + 1 ? undefined : `${event.sessionId}: seq ${event.seq} after ${lastSeq}`
}

/** Final refusals are remembered, except those that were given before or by the dedupe itself (SQ7). */
function isRemembered(event: Event, body: RefusedBody): boolean {
  const name = codeName(body.code)
  return name !== undefined && isRememberedCode(name) && isPackId(event.packId)
}
