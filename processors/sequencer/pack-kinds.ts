import type { Session } from '../../schemas/ids.ts'
import type { PackBody } from '../../schemas/pack.ts'

type SessionKind = Session['kind'] | 'Rules'

/** A message and what is done to it later. */
const MESSAGES: readonly SessionKind[] = ['Single', 'Group', 'Notify']
const TALK: readonly SessionKind[] = ['Single', 'Group']
const GROUP: readonly SessionKind[] = ['Group']
const RELATION: readonly SessionKind[] = ['Single']
const OWN: readonly SessionKind[] = ['User']
const APP: readonly SessionKind[] = ['App']

/** The kinds of session that each kind of pack is written to. */
const SESSIONS: Record<PackBody['kind'], readonly SessionKind[]> = {
  SendMessage: MESSAGES,
  RevokeMessage: MESSAGES,
  OverrideMessage: MESSAGES,
  DeleteForAll: MESSAGES,
  AddReaction: TALK,
  RemoveReaction: TALK,
  MarkRead: TALK,
  MarkDelivered: RELATION,
  CreateGroup: GROUP,
  JoinGroup: GROUP,
  QuitGroup: GROUP,
  AddMembers: GROUP,
  RemoveMembers: GROUP,
  DismissGroup: GROUP,
  UpdateGroupInfo: GROUP,
  UpdateGroupSettings: GROUP,
  ChangeOwner: GROUP,
  SetRole: GROUP,
  AnswerJoin: GROUP,
  CreateInvite: GROUP,
  RevokeInvite: GROUP,
  MuteMember: GROUP,
  SetAlias: GROUP,
  RequestFriend: RELATION,
  AcceptFriend: RELATION,
  RefuseFriend: RELATION,
  DeleteFriend: RELATION,
  RemarkFriend: RELATION,
  BlockUser: RELATION,
  UnblockUser: RELATION,
  UpdateProfile: OWN,
  UpdateSettings: OWN,
  SetUserAttributes: OWN,
  SetSessionAttributes: OWN,
  MarkSessionRead: OWN,
  ClearSession: OWN,
  DeleteForMe: OWN,
  Login: OWN,
  Logout: OWN,
  RegisterDevice: OWN,
  UnregisterDevice: OWN,
  InvalidateToken: OWN,
  Push: OWN,
  ReportPushOpened: OWN,
  RevokeTokens: OWN,
  CreateKey: APP,
  SetKeyExpiry: APP,
  RevokeKey: APP,
  RecordAct: APP,
  StartJob: APP,
  StepJob: APP,
  EndJob: APP,
  DisableUser: OWN,
  EnableUser: OWN,
  EraseUser: OWN,
  EraseFrom: MESSAGES,
  SetHold: ['Single', 'Group', 'Notify', 'User'],
  SetRules: ['Rules'],
}

/** True where a pack of this kind may be written to a session of that kind. */
export function fits(pack: PackBody['kind'], session: SessionKind): boolean {
  return SESSIONS[pack].includes(session)
}
