import { readFileSync } from 'node:fs'
import avro from 'avsc'
import { compileGuard } from './avro-guard.ts'
import { type Fields, NAMESPACE, type Schema, Shapes } from './avro-shape.ts'
import { Undecodable } from './codec.ts'
import type { ClientFrame, ServerFrame } from './frames.ts'

/**
 * The frames of frames.ts as Avro (frames.avsc), for the subprotocol packlog.v1.avro. A message is one record,
 * ClientFrame or ServerFrame, without any header. Fields that are absent in TypeScript are null in Avro.
 */

/** Items that one array of a client's frame may hold: above every limit that the gateway then checks by name. */
export const AVRO_ITEMS_MAX = 10_000

/** The record of each type of frame. */
export const CLIENT_RECORDS = {
  send: 'Send',
  createGroup: 'CreateGroup',
  joinGroup: 'JoinGroup',
  quitGroup: 'QuitGroup',
  dismissGroup: 'DismissGroup',
  addMembers: 'AddMembers',
  removeMembers: 'RemoveMembers',
  history: 'History',
  sessions: 'Sessions',
  members: 'Members',
  outcome: 'Outcome',
  resume: 'Resume',
  ping: 'Ping',
  revoke: 'Revoke',
  override: 'Override',
  deleteForAll: 'DeleteForAll',
  deleteForMe: 'DeleteForMe',
  clearSession: 'ClearSession',
  addReaction: 'AddReaction',
  removeReaction: 'RemoveReaction',
  markRead: 'MarkRead',
  markDelivered: 'MarkDelivered',
  setSessionAttributes: 'SetSessionAttributes',
  updateGroupInfo: 'UpdateGroupInfo',
  updateGroupSettings: 'UpdateGroupSettings',
  changeOwner: 'ChangeOwner',
  setRole: 'SetRole',
  answerJoin: 'AnswerJoin',
  createInvite: 'CreateInvite',
  revokeInvite: 'RevokeInvite',
  muteMember: 'MuteMember',
  setAlias: 'SetAlias',
  requestFriend: 'RequestFriend',
  acceptFriend: 'AcceptFriend',
  refuseFriend: 'RefuseFriend',
  deleteFriend: 'DeleteFriend',
  remarkFriend: 'RemarkFriend',
  blockUser: 'BlockUser',
  unblockUser: 'UnblockUser',
  updateProfile: 'UpdateProfile',
  updateSettings: 'UpdateSettings',
  setUserAttributes: 'SetUserAttributes',
  logout: 'Logout',
  priority: 'Priority',
  groups: 'Groups',
  group: 'Group',
  member: 'Member',
  joinRequests: 'JoinRequests',
  invites: 'Invites',
  friends: 'Friends',
  profiles: 'Profiles',
  findUsers: 'FindUsers',
  settings: 'Settings',
  receipts: 'Receipts',
  presence: 'Presence',
  logins: 'Logins',
  watch: 'Watch',
  typing: 'Typing',
  registerDevice: 'RegisterDevice',
  unregisterDevice: 'UnregisterDevice',
  reportPushOpened: 'ReportPushOpened',
  search: 'Search',
} as const satisfies Record<ClientFrame['type'], string>

export const SERVER_RECORDS = {
  welcome: 'Welcome',
  ack: 'Ack',
  refused: 'Refused',
  event: 'Event',
  page: 'Page',
  sessions: 'SessionList',
  members: 'MemberList',
  outcome: 'PackOutcome',
  resumed: 'Resumed',
  reset: 'Reset',
  gap: 'Gap',
  failed: 'Failed',
  error: 'Error',
  pong: 'Pong',
  priority: 'PriorityList',
  groups: 'GroupList',
  group: 'GroupDetails',
  member: 'MemberDetails',
  joinRequests: 'JoinRequestList',
  invites: 'InviteList',
  friends: 'FriendList',
  profiles: 'ProfileList',
  settings: 'SettingsDetails',
  receipts: 'ReceiptList',
  presence: 'PresenceList',
  logins: 'LoginList',
  watching: 'Watching',
  typing: 'TypingShown',
  presenceChanged: 'PresenceChanged',
  nudge: 'Nudge',
  online: 'OnlineMessage',
  found: 'Found',
} as const satisfies Record<ServerFrame['type'], string>

/** Types of frames by the branch of their record. */
function typesOf(records: Readonly<Record<string, string>>): ReadonlyMap<string, string> {
  return new Map(Object.entries(records).map(([type, record]) => [NAMESPACE + record, type]))
}

const clientTypes = typesOf(CLIENT_RECORDS)
const serverTypes = typesOf(SERVER_RECORDS)

export const framesSchema: avro.schema.RecordType[] = JSON.parse(
  readFileSync(new URL('./frames.avsc', import.meta.url), 'utf8'),
)

const named: Record<string, avro.Type> = {}
avro.Type.forSchema(structuredClone(framesSchema), { registry: named, wrapUnions: 'auto' })
const clientFrameType = named['packlog.ClientFrame']!
const serverFrameType = named['packlog.ServerFrame']!
const checkClientFrame = compileGuard(framesSchema, 'ClientFrame', { itemsMax: AVRO_ITEMS_MAX })

// Events have a `type` wherever they stand: a page is a list of frames.
const shapes = new Shapes({ constants: { Event: { type: 'event' } } })
for (const schema of framesSchema) shapes.compile(schema as Schema)

/**
 * Reads a client's frame. What comes back has the shape of a ClientFrame, but its fields are not validated yet.
 * Throws Undecodable; bytes that claim more than they hold are refused before anything is allocated for them.
 */
export function decodeClientFrame(bytes: Buffer): Fields {
  checkClientFrame(bytes)
  return readFrame(clientFrameType, bytes, clientTypes)
}

export function encodeClientFrame(frame: ClientFrame): Buffer {
  return clientFrameType.toBuffer(rawFrame(CLIENT_RECORDS[frame.type], frame))
}

export function encodeServerFrame(frame: ServerFrame): Buffer {
  return serverFrameType.toBuffer(rawFrame(SERVER_RECORDS[frame.type], frame))
}

/** Throws Undecodable. */
export function decodeServerFrame(bytes: Buffer): ServerFrame {
  return readFrame(serverFrameType, bytes, serverTypes) as unknown as ServerFrame
}

interface RawFrame {
  frame: Record<string, object>
}

function rawFrame(record: string, frame: object): RawFrame {
  return { frame: { [NAMESPACE + record]: shapes.toAvro(record, frame) } }
}

function readFrame(type: avro.Type, bytes: Buffer, types: ReadonlyMap<string, string>): Fields {
  let raw: RawFrame
  try {
    raw = type.fromBuffer(bytes) as RawFrame
  } catch (error) {
    throw new Undecodable('the bytes are not a frame', { cause: error })
  }
  const [branch, fields] = Object.entries(raw.frame)[0]!
  return shapes.fromAvro(branch.slice(NAMESPACE.length), { type: types.get(branch) }, fields)
}
