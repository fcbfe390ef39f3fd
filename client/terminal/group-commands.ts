import { createHash } from 'node:crypto'
import type { Millis, Random } from '../../infra/clock.ts'
import type { GroupSummary, InviteSummary } from '../../schemas/frames.ts'
import type { SessionId, UserId } from '../../schemas/ids.ts'
import type { GroupSettings } from '../../schemas/settings.ts'
import type { PackRequest } from '../network/client.ts'
import { BadArguments, userList } from './arguments.ts'
import { clockTime, visible } from './render.ts'

/** Commands that run the open group, and how what they ask for is shown. Pure. */

type DistributiveOmit<T, K extends PropertyKey> = T extends unknown ? Omit<T, K> : never

/** A pack without its session: that is the open group. */
type GroupPack = DistributiveOmit<
  Extract<
    PackRequest,
    { type: 'updateGroupInfo' | 'updateGroupSettings' | 'changeOwner' | 'setRole' | 'answerJoin' | 'setAlias' }
  >,
  'sessionId'
>

export type RunCommand =
  | { kind: 'Run'; pack: GroupPack; doing: string }
  | { kind: 'Mute'; userId: UserId; minutes: number }
  | { kind: 'Invite'; uses: number }
  | { kind: 'Group' }
  | { kind: 'Requests' }

export const GROUP_COMMANDS_HELP = `/group                  how this group shows itself and is run
/group name|notice TEXT show it otherwise
/group SETTING VALUE    run it otherwise: joinPolicy open|approval|inviteOnly, addPolicy members|admins,
                        historyShown fromJoining|all, mutedAll yes|no, isPublic yes|no, slowModeMs N, membersMax N
/owner USER             hand this group over
/admin USER ...         name admins; /member USER ... takes the role back
/alias [NAME]           be called so in this group
/mute USER [MINUTES]    let somebody be silent (60 minutes); /unmute USER
/requests               who asks to be let in; /let USER and /refuse USER [REASON] answer
/invite [USES]          an invite to this group, for a day
/watch [g:GROUP]        follow a public group; /unwatch`

const MUTE_MINUTES = 60
const MUTE_MINUTES_MAX = 10 * 366 * 24 * 60
export const INVITE_MS: Millis = 86_400_000
const INVITE_USES_MAX = 1_000
const SECRET_BYTES = 18
const MINUTE_MS: Millis = 60_000

/** What a command means; undefined where it is none of these. */
export function parseGroupCommand(name: string, words: readonly string[]): RunCommand | undefined {
  switch (name) {
    case 'group':
      return words.length === 0
        ? { kind: 'Group' }
        : { kind: 'Run', pack: changeOf(words), doing: `setting ${words[0]}` }
    case 'owner':
      return run({ type: 'changeOwner', userId: oneUser(name, words) }, 'handing the group over')
    case 'admin':
      return run({ type: 'setRole', userIds: users(name, words), role: 'admin' }, 'naming admins')
    case 'member':
      return run({ type: 'setRole', userIds: users(name, words), role: 'member' }, 'taking roles back')
    case 'alias':
      return run({ type: 'setAlias', alias: words.join(' ') }, 'changing the alias')
    case 'let':
      return run({ type: 'answerJoin', userId: oneUser(name, words), approved: true }, `letting ${words[0]} in`)
    case 'refuse': {
      const answer = { type: 'answerJoin', userId: oneUser(name, words.slice(0, 1)), approved: false } as const
      const reason = words.slice(1).join(' ')
      return run(reason === '' ? answer : { ...answer, reason }, `refusing ${words[0]}`)
    }
    case 'mute':
      return {
        kind: 'Mute',
        userId: oneUser(name, words.slice(0, 1)),
        minutes: numberOf(words[1], MUTE_MINUTES, MUTE_MINUTES_MAX),
      }
    case 'unmute':
      return { kind: 'Mute', userId: oneUser(name, words), minutes: 0 }
    case 'invite':
      return { kind: 'Invite', uses: numberOf(words[0], 1, INVITE_USES_MAX) }
    case 'requests':
      return { kind: 'Requests' }
    default:
      return undefined
  }
}

function run(pack: GroupPack, doing: string): RunCommand {
  return { kind: 'Run', pack, doing }
}

type SettingReaders = { [Name in keyof GroupSettings]: (word: string) => GroupSettings[Name] | undefined }

const SETTINGS: SettingReaders = {
  joinPolicy: word => oneOf(word, ['open', 'approval', 'inviteOnly'] as const),
  addPolicy: word => oneOf(word, ['members', 'admins'] as const),
  historyShown: word => oneOf(word, ['fromJoining', 'all'] as const),
  mutedAll: yesOrNo,
  slowModeMs: count,
  membersMax: count,
  isPublic: yesOrNo,
}

function changeOf([what = '', ...words]: readonly string[]): GroupPack {
  const text = words.join(' ')
  if (what === 'name' || what === 'notice') return { type: 'updateGroupInfo', info: { [what]: text } }
  if (!Object.hasOwn(SETTINGS, what)) throw new BadArguments(`a group has no ${what}: /help lists what there is`)
  const value = SETTINGS[what as keyof GroupSettings](text)
  if (value === undefined) throw new BadArguments(`${what} cannot be "${text}"`)
  return { type: 'updateGroupSettings', settings: { [what]: value } }
}

function oneOf<Word extends string>(word: string, words: readonly Word[]): Word | undefined {
  return words.find(known => known === word)
}

function yesOrNo(word: string): boolean | undefined {
  return word === 'yes' ? true : word === 'no' ? false : undefined
}

function count(word: string): number | undefined {
  return /^\d{1,12}$/.test(word) ? Number(word) : undefined
}

function oneUser(name: string, words: readonly string[]): UserId {
  const [userId, ...more] = userList(words)
  if (userId === undefined || more.length > 0) throw new BadArguments(`/${name} USER`)
  return userId
}

function users(name: string, words: readonly string[]): UserId[] {
  const userIds = userList(words.flatMap(word => word.split(',')))
  if (userIds.length === 0) throw new BadArguments(`/${name} USER ...`)
  return userIds
}

function numberOf(word: string | undefined, otherwise: number, max: number): number {
  if (word === undefined) return otherwise
  const value = Number(word)
  if (Number.isInteger(value) && value >= 1 && value <= max) return value
  throw new BadArguments(`a number from 1 to ${max} is wanted`)
}

export function mutePack(
  sessionId: SessionId,
  { userId, minutes }: { userId: UserId; minutes: number },
  now: Millis,
): PackRequest {
  return { type: 'muteMember', sessionId, userId, until: minutes === 0 ? 0 : now + minutes * MINUTE_MS }
}

/** A new invite and its secret, of which the server gets only the hash. */
export function invitePack(
  sessionId: SessionId,
  uses: number,
  now: Millis,
  random: Random,
): { pack: PackRequest; secret: string } {
  const secret = random.bytes(SECRET_BYTES).toString('base64url')
  const secretHash = createHash('sha256').update(secret).digest('hex')
  return { pack: { type: 'createInvite', sessionId, secretHash, expiresAt: now + INVITE_MS, usesMax: uses }, secret }
}

export function groupLines({ sessionId, owner, memberCount, info, settings, me }: GroupSummary): string[] {
  const lines = [`  ${sessionId} "${visible(info.name)}": ${memberCount} members, owned by ${owner}`]
  if (info.notice !== '') lines.push(`  notice: ${visible(info.notice)}`)
  for (const [name, value] of Object.entries(settings ?? {})) lines.push(`  ${name}: ${value}`)
  if (me !== undefined) lines.push(`  you: ${me.role}${me.alias === undefined ? '' : `, called ${visible(me.alias)}`}`)
  return lines
}

export function requestLine({ userId, at, message }: { userId: UserId; at: Millis; message?: string }): string {
  return `  ${clockTime(at)} ${userId}${message === undefined ? '' : `: ${visible(message)}`}`
}

export function inviteLine({ inviteId, uses, usesMax, by }: InviteSummary): string {
  return `  invite ${inviteId} of ${by}: used ${uses} of ${usesMax}`
}
