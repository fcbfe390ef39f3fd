import { parseArgs } from 'node:util'
import { isGroupId, isUserId, parseSessionId, type SessionId, singleSessionId, type UserId } from '../../schemas/ids.ts'

/** What the command line asks for. */
export interface ChatArguments {
  user: UserId
  /** The session to open first; undefined: only the list of sessions. */
  sessionId: SessionId | undefined
  /** The group to create before it is opened. */
  createGroup: { groupId: string; name: string; members: UserId[] } | undefined
  url: string | undefined
  token: string | undefined
  deviceId: string | undefined
}

/** The command line cannot be understood; the message is for the user. */
export class BadArguments extends Error {
  override readonly name = 'BadArguments'
}

export const HELP = `npm run chat -- <you> [<other user> | g:<group>] [flags]

Opens a conversation in this terminal, for example:
  npm run chat -- alice bob                                       alice and bob
  npm run chat -- alice g:team                                    the group team
  npm run chat -- alice --create-group team --members bob,carol   a new group
  npm run chat -- alice                                           alice's conversations

  --create-group ID    create the group first; alice becomes its owner
  --members A,B        its first members
  --name TEXT          how the group is called (its ID)
  --device ID          name of this device (one of its own for every run)
  --url URL            the server's WebSocket (PACKLOG_WS_URL, else the local stack that npm start runs)
  --token TOKEN        the token to log in with (else one is made with the development key, PACKLOG_JWT_KEY_FILE)
  --help               this text

Type to send. Lines that begin with / are commands: /help lists them.
Without a terminal (a pipe) lines are read from standard input and plain text is printed.
`

/** Reads the command line; undefined when help is asked for. Throws BadArguments. */
export function parseChatArguments(args: readonly string[]): ChatArguments | undefined {
  const { values, positionals } = parse(args)
  if (values.help === true) return undefined
  const [user, target, ...rest] = positionals
  if (user === undefined) throw new BadArguments('who are you? npm run chat -- alice bob')
  if (rest.length > 0) throw new BadArguments(`one conversation at a time: what is ${rest.join(' ')}?`)
  const me = requireUser(user)
  const createGroup = groupToCreate(values)
  if (createGroup !== undefined && target !== undefined) {
    throw new BadArguments('--create-group opens the new group: do not name another conversation')
  }
  const opened = createGroup === undefined ? target : `g:${createGroup.groupId}`
  return {
    user: me,
    sessionId: opened === undefined ? undefined : targetSession(opened, me),
    createGroup,
    url: values.url,
    token: values.token,
    deviceId: values.device,
  }
}

function parse(args: readonly string[]) {
  try {
    return parseArgs({
      args: [...args],
      allowPositionals: true,
      options: {
        'create-group': { type: 'string' },
        members: { type: 'string' },
        name: { type: 'string' },
        device: { type: 'string' },
        url: { type: 'string' },
        token: { type: 'string' },
        help: { type: 'boolean', short: 'h' },
      },
    })
  } catch (error) {
    throw new BadArguments(error instanceof Error ? error.message : String(error))
  }
}

function groupToCreate(values: { 'create-group'?: string; members?: string; name?: string }) {
  const groupId = values['create-group']?.replace(/^g:/, '')
  if (groupId === undefined) {
    if (values.members === undefined && values.name === undefined) return undefined
    throw new BadArguments('--members and --name go with --create-group')
  }
  if (!isGroupId(groupId)) throw new BadArguments(`"${groupId}" is not a group id: ${ID_RULE}`)
  return { groupId, name: values.name ?? groupId, members: userList(values.members?.split(',') ?? []) }
}

/** Names of users, trimmed, empty ones left out. Throws BadArguments for one that cannot be. */
export function userList(names: readonly string[]): UserId[] {
  return names
    .map(name => name.trim())
    .filter(name => name !== '')
    .map(requireUser)
}

const ID_RULE = '1 to 64 letters, digits and . _ @ -'

function requireUser(name: string): UserId {
  if (!isUserId(name)) throw new BadArguments(`"${name}" is not a user id: ${ID_RULE}`)
  return name
}

/** The session that a user means by `bob`, `g:team` or a whole session id. Throws BadArguments. */
export function targetSession(target: string, me: UserId): SessionId {
  if (!target.includes(':')) {
    const other = requireUser(target)
    if (other === me) throw new BadArguments('a conversation needs somebody else')
    return singleSessionId(me, other)
  }
  const session = parseSessionId(target)
  if (session?.kind === 'Group') return target as SessionId
  if (session?.kind === 'Single' && (session.a === me || session.b === me)) return target as SessionId
  throw new BadArguments(`"${target}" is neither a user, nor a group (g:<id>), nor a conversation of yours`)
}
