import type { AcceptedBody } from '../../../schemas/event.ts'
import type { PackFrame } from '../../../schemas/frames.ts'
import { addMembers } from './add-members.ts'
import { typing, watchPresence, whisper } from './asides.ts'
import { createGroup } from './create-group.ts'
import { dismissGroup } from './dismiss-group.ts'
import * as groups from './group-packs.ts'
import { joinGroup } from './join-group.ts'
import * as messages from './message-packs.ts'
import type { Operation, PackOperation } from './operation.ts'
import * as push from './push-packs.ts'
import { askMembers, askOutcome, listSessions, readHistory } from './questions.ts'
import { quitGroup } from './quit-group.ts'
import * as relations from './relation-packs.ts'
import { removeMembers } from './remove-members.ts'
import { conflict, resend } from './resend.ts'
import { send } from './send.ts'
import * as own from './user-packs.ts'

/** The kinds of packs that clients send here. A new one does not compile before it stands here. */
export const PACK_OPERATIONS = {
  send,
  revoke: messages.revoke,
  deleteForAll: messages.deleteForAll,
  override: messages.override,
  addReaction: messages.addReaction,
  removeReaction: messages.removeReaction,
  markRead: messages.markRead,
  markDelivered: messages.markDelivered,
  clearSession: messages.clearSession,
  deleteForMe: messages.deleteForMe,
  setSessionAttributes: messages.setSessionAttributes,
  logout: own.logout,
  createGroup,
  joinGroup,
  quitGroup,
  dismissGroup,
  addMembers,
  removeMembers,
  updateGroupInfo: groups.updateGroupInfo,
  updateGroupSettings: groups.updateGroupSettings,
  changeOwner: groups.changeOwner,
  setRole: groups.setRole,
  answerJoin: groups.answerJoin,
  createInvite: groups.createInvite,
  revokeInvite: groups.revokeInvite,
  muteMember: groups.muteMember,
  setAlias: groups.setAlias,
  requestFriend: relations.requestFriend,
  acceptFriend: relations.acceptFriend,
  refuseFriend: relations.refuseFriend,
  deleteFriend: relations.deleteFriend,
  remarkFriend: relations.remarkFriend,
  blockUser: relations.blockUser,
  unblockUser: relations.unblockUser,
  updateProfile: own.updateProfile,
  updateSettings: own.updateSettings,
  setUserAttributes: own.setUserAttributes,
  registerDevice: push.registerDevice,
  unregisterDevice: push.unregisterDevice,
  reportPushOpened: push.reportPushOpened,
} satisfies Record<PackFrame['type'], unknown>

const packOperations = Object.values(PACK_OPERATIONS) as unknown as readonly PackOperation[]

const byEvent = new Map(packOperations.map(operation => [operation.event, operation]))

/** The operation whose packs become events of this kind; undefined for what no client sends. */
export function operationOfEvent(kind: AcceptedBody['kind']): PackOperation | undefined {
  return byEvent.get(kind)
}

/** The operation that sends frames of this type. */
export function operationOfFrame(type: PackFrame['type']): PackOperation {
  return PACK_OPERATIONS[type] as unknown as PackOperation
}

/** Everything that devices do. */
export const OPERATIONS: readonly Operation[] = [
  ...packOperations.map(operation => ({
    name: operation.frame,
    weight: operation.weight,
    perform: (device: Parameters<Operation['perform']>[0]) => {
      const request = operation.request(device)
      if (request !== undefined) device.submit(request)
    },
  })),
  resend,
  conflict,
  readHistory,
  listSessions,
  askMembers,
  askOutcome,
  whisper,
  typing,
  watchPresence,
]
