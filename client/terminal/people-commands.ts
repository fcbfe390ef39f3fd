import type { FriendSummary, ProfileSummary, UserPresence } from '../../schemas/frames.ts'
import { isUserId, type UserId } from '../../schemas/ids.ts'
import { deviceTypeName } from '../../schemas/pack.ts'
import { type ServiceName, ServiceType } from '../../schemas/push-devices.ts'
import type { PackRequest } from '../network/client.ts'
import { BadArguments, userList } from './arguments.ts'
import { clockTime, visible } from './render.ts'

/** What one does about other people: /friend, /block, /profile, /status and the like. */
export type PeopleCommand =
  | { kind: 'AboutUser'; request: PackRequest; doing: string }
  | { kind: 'Friends' }
  | { kind: 'Profile'; userId: UserId }
  | { kind: 'Find'; name: string }
  | { kind: 'Status'; userIds: UserId[] }

export const PEOPLE_COMMANDS_HELP = `/friend USER [MESSAGE]  ask somebody to be friends, or accept who has asked; /decline USER refuses
/friends                friends, requests and blocks
/unfriend USER          end a friendship
/remark USER [NAME]     what you call a friend
/block USER             take nothing of somebody; /unblock USER
/profile [USER]         who somebody says they are; /name NAME is what others see of you
/find NAME              people by the beginning of their name, or by their id
/status USER ...        who is online
/phone SERVICE TOKEN    be pushed to when you are away (apns, fcm, huawei, ... https); /nophone SERVICE TOKEN ends it`

/** What follows the name of the command. Undefined where it is none of these. Throws BadArguments. */
export function parsePeopleCommand(name: string, rest: string, me: UserId): PeopleCommand | undefined {
  const text = rest.trim()
  switch (name) {
    case 'friends':
      return { kind: 'Friends' }
    case 'name':
      if (text === '') throw new BadArguments('/name NAME')
      return {
        kind: 'AboutUser',
        request: { type: 'updateProfile', profile: { name: text } },
        doing: 'changing your name',
      }
    case 'phone':
    case 'nophone':
      return aboutPhone(name, text)
    case 'find':
      if (text === '') throw new BadArguments('/find NAME')
      return { kind: 'Find', name: text }
    case 'profile':
      return { kind: 'Profile', userId: text === '' ? me : userOf(name, text) }
    case 'status': {
      const userIds = userList(text.split(/[\s,]+/).filter(word => word !== ''))
      if (userIds.length === 0) throw new BadArguments('/status USER ...')
      return { kind: 'Status', userIds }
    }
    default:
      return aboutUser(name, text)
  }
}

/** /phone and /nophone. */
function aboutPhone(name: 'phone' | 'nophone', text: string): PeopleCommand {
  const [service = '', token = '', packageName = PACKAGE_NAME] = text.split(/\s+/)
  const serviceType = ServiceType[service as ServiceName]
  if (!Object.hasOwn(ServiceType, service) || token === '') throw new BadArguments(`/${name} SERVICE TOKEN`)
  if (name === 'nophone') {
    return { kind: 'AboutUser', request: { type: 'unregisterDevice', serviceType, token }, doing: 'ending push' }
  }
  const app = { packageName, appVersion: '', locale: Intl.DateTimeFormat().resolvedOptions().locale }
  return { kind: 'AboutUser', request: { type: 'registerDevice', serviceType, token, ...app }, doing: 'registering' }
}

/** The app of whoever names none. */
const PACKAGE_NAME = 'com.example.chat'

function aboutUser(name: string, text: string): PeopleCommand | undefined {
  const [word = '', ...more] = text.split(/\s+/)
  const said = more.join(' ')
  const about = (request: (userId: UserId) => PackRequest, doing: string): PeopleCommand => {
    const userId = userOf(name, word)
    return { kind: 'AboutUser', request: request(userId), doing: `${doing} ${userId}` }
  }
  switch (name) {
    case 'friend':
      return about(userId => ({ type: 'requestFriend', userId, ...(said === '' ? {} : { message: said }) }), 'asking')
    case 'decline':
      return about(userId => ({ type: 'refuseFriend', userId }), 'refusing')
    case 'unfriend':
      return about(userId => ({ type: 'deleteFriend', userId }), 'ending the friendship with')
    case 'remark':
      return about(userId => ({ type: 'remarkFriend', userId, remark: said }), 'naming')
    case 'block':
      return about(userId => ({ type: 'blockUser', userId }), 'blocking')
    case 'unblock':
      return about(userId => ({ type: 'unblockUser', userId }), 'unblocking')
    default:
      return undefined
  }
}

function userOf(name: string, word: string): UserId {
  if (!isUserId(word)) throw new BadArguments(`/${name} USER`)
  return word
}

const RELATIONS: Record<FriendSummary['relation'], string> = {
  none: '',
  friend: 'friend',
  requested: 'asked by you',
  asked: 'asks to be friends',
}

export function friendLine({ userId, relation, blocked, remark, message }: FriendSummary): string {
  const called = remark === undefined ? '' : ` (${visible(remark)})`
  const said = message === undefined ? '' : `: ${visible(message)}`
  const what = [RELATIONS[relation], blocked ? 'blocked' : ''].filter(word => word !== '').join(', ')
  return `  ${userId}${called} ${what}${said}`
}

export function profileLine({ userId, profile }: ProfileSummary): string {
  const fields = (profile.fields ?? []).map(({ name, value }) => `, ${visible(name)}: ${visible(value)}`).join('')
  return `  ${userId}: ${visible(profile.name)}${fields}`
}

export function presenceLine({ userId, online, lastSeenAt }: UserPresence): string {
  if (online.length > 0) return `  ${userId} is online (${online.map(deviceTypeName).join(', ')})`
  return `  ${userId} is away${lastSeenAt === undefined ? '' : `, last seen ${clockTime(lastSeenAt)}`}`
}

/** What a friend event says, after who says it; undefined for other kinds. */
export function relationText(body: { kind: string; message?: string | undefined }, from: UserId): string | undefined {
  switch (body.kind) {
    case 'FriendRequested':
      return `asks to be friends${body.message === undefined ? '' : `: ${visible(body.message)}`} (/friend ${from})`
    case 'FriendAccepted':
      return 'accepted: you are friends'
    case 'FriendRefused':
      return 'refused to be friends'
    case 'FriendDeleted':
      return 'ended the friendship'
    default:
      return undefined
  }
}
