import type { SessionId, UserId } from '../../schemas/ids.ts'
import type { SessionBody } from '../../schemas/session.ts'
import {
  amendedKey,
  type Change,
  jobKey,
  memberKey,
  type Rows,
  reactionsKey,
  sessionAttributesKey,
  type Table,
} from './session.ts'

/** Rows as they stand on im.sessions: the key of each, and the way there and back (session.avsc). */

/** Tables that im.sessions holds; remembered packs are found again on im.events. */
export type LoggedTable = Exclude<Table, 'recents'>

/** A body of im.sessions that is one row. */
export type RowBody = Exclude<SessionBody, { kind: 'PositionMark' | 'OwnerClaim' | 'JoinedMembers' }>

/** A record of im.sessions with its key. */
export interface LoggedRow {
  key: string
  body: SessionBody
}

type Logging = { [T in LoggedTable]: (key: string, row: Rows[T]) => LoggedRow }

const LOGGING: Logging = {
  heads: (key, row) => ({ key: `${key}#head`, body: { kind: 'SessionHead', sessionId: key as SessionId, ...row } }),
  infos: (key, info) => ({ key: `${key}#info`, body: { kind: 'SessionInfo', sessionId: key as SessionId, info } }),
  members: (key, { intervals, ...row }) => {
    const [sessionId, userId] = key.split('#') as [SessionId, UserId]
    return {
      key: `${sessionId}#member#${userId}`,
      body: { kind: 'SessionMember', sessionId, userId, ...row, intervals: [...intervals] },
    }
  },
  rosters: (key, { admins, requests }) => ({
    key: `${key}#roster`,
    body: { kind: 'RosterRow', sessionId: key as SessionId, admins: [...admins], requests: [...requests] },
  }),
  invites: (key, invites) => ({
    key: `${key}#invites`,
    body: { kind: 'InvitesRow', sessionId: key as SessionId, invites: [...invites] },
  }),
  amended: (key, row) => {
    const [sessionId, seq] = key.split('#') as [SessionId, string]
    return { key: `${sessionId}#amended#${seq}`, body: { kind: 'AmendedRow', sessionId, seq: Number(seq), ...row } }
  },
  reactions: (key, emojis) => {
    const [sessionId, seq, userId] = key.split('#') as [SessionId, string, UserId]
    return {
      key: `${sessionId}#reactions#${seq}#${userId}`,
      body: { kind: 'ReactionsRow', sessionId, seq: Number(seq), userId, emojis: [...emojis] },
    }
  },
  profiles: (key, profile) => ({
    key: `${key}#profile`,
    body: { kind: 'ProfileRow', sessionId: key as SessionId, profile },
  }),
  settings: (key, settings) => ({
    key: `${key}#settings`,
    body: { kind: 'SettingsRow', sessionId: key as SessionId, settings },
  }),
  attributes: (key, attributes) => ({
    key: `${key}#attributes`,
    body: { kind: 'AttributesRow', sessionId: key as SessionId, attributes: [...attributes] },
  }),
  sessionAttributes: (key, attributes) => {
    const [sessionId, ofSessionId] = key.split('#') as [SessionId, SessionId]
    const body = { kind: 'SessionAttributesRow', sessionId, ofSessionId, attributes } as const
    return { key: `${sessionId}#of#${ofSessionId}`, body }
  },
  logins: (key, logins) => ({
    key: `${key}#logins`,
    body: { kind: 'LoginsRow', sessionId: key as SessionId, logins: [...logins] },
  }),
  pushDevices: (key, devices) => ({
    key: `${key}#pushDevices`,
    body: { kind: 'PushDevicesRow', sessionId: key as SessionId, devices: [...devices] },
  }),
  revoked: (key, revoked) => ({
    key: `${key}#revoked`,
    body: { kind: 'RevokedRow', sessionId: key as SessionId, revoked },
  }),
  appKeys: (key, { keys, webhooks }) => ({
    key: `${key}#keys`,
    body: { kind: 'AppKeysRow', sessionId: key as SessionId, keys: [...keys], webhooks: [...webhooks] },
  }),
  jobs: (key, { step, ended }) => {
    const [sessionId, jobId] = key.split('#') as [SessionId, string]
    return { key: `${sessionId}#job#${jobId}`, body: { kind: 'JobRow', sessionId, jobId, step, ended } }
  },
  standings: (key, row) => ({
    key: `${key}#standing`,
    body: { kind: 'StandingRow', sessionId: key as SessionId, ...row },
  }),
  erasures: (key, { seq }) => {
    const [sessionId, userId] = key.split('#') as [SessionId, UserId]
    return { key: `${sessionId}#erasure#${userId}`, body: { kind: 'ErasureRow', sessionId, userId, seq } }
  },
}

export const LOGGED_TABLES = Object.keys(LOGGING) as readonly LoggedTable[]

/** True for the tables whose rows go onto im.sessions. */
export function isLogged(table: Table): table is LoggedTable {
  return table in LOGGING
}

export function loggedRow<T extends LoggedTable>(table: T, key: string, row: Rows[T]): LoggedRow {
  return (LOGGING[table] as (key: string, row: Rows[T]) => LoggedRow)(key, row)
}

/** The row that a record of im.sessions holds. */
export function changeOf(body: RowBody): Change {
  const { sessionId } = body
  switch (body.kind) {
    case 'SessionHead': {
      const { kind: _, sessionId: key, ...row } = body
      return { table: 'heads', key, row }
    }
    case 'SessionInfo':
      return { table: 'infos', key: sessionId, row: body.info }
    case 'SessionMember': {
      const { kind: _, sessionId: of, userId, ...row } = body
      return { table: 'members', key: memberKey(of, userId), row }
    }
    case 'RosterRow':
      return { table: 'rosters', key: sessionId, row: { admins: body.admins, requests: body.requests } }
    case 'InvitesRow':
      return { table: 'invites', key: sessionId, row: body.invites }
    case 'AmendedRow':
      return {
        table: 'amended',
        key: amendedKey(sessionId, body.seq),
        row: { change: body.change, version: body.version },
      }
    case 'ReactionsRow':
      return { table: 'reactions', key: reactionsKey(sessionId, body.seq, body.userId), row: body.emojis }
    case 'ProfileRow':
      return { table: 'profiles', key: sessionId, row: body.profile }
    case 'SettingsRow':
      return { table: 'settings', key: sessionId, row: body.settings }
    case 'AttributesRow':
      return { table: 'attributes', key: sessionId, row: body.attributes }
    case 'SessionAttributesRow':
      return {
        table: 'sessionAttributes',
        key: sessionAttributesKey(sessionId, body.ofSessionId),
        row: body.attributes,
      }
    case 'LoginsRow':
      return { table: 'logins', key: sessionId, row: body.logins }
    case 'PushDevicesRow':
      return { table: 'pushDevices', key: sessionId, row: body.devices }
    case 'AppKeysRow':
      return { table: 'appKeys', key: sessionId, row: { keys: body.keys, webhooks: body.webhooks } }
    case 'RevokedRow':
      return { table: 'revoked', key: sessionId, row: body.revoked }
    case 'JobRow':
      return { table: 'jobs', key: jobKey(sessionId, body.jobId), row: { step: body.step, ended: body.ended } }
    case 'StandingRow':
      return { table: 'standings', key: sessionId, row: { access: body.access, held: body.held } }
    case 'ErasureRow':
      return { table: 'erasures', key: memberKey(sessionId, body.userId), row: { seq: body.seq } }
  }
}
