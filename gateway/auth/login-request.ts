import { SUBPROTOCOL_AVRO, SUBPROTOCOL_JSON, SUBPROTOCOL_TOKEN_PREFIX } from '../../schemas/frames.ts'
import { isUserId } from '../../schemas/ids.ts'
import { type Device, DeviceType, type DeviceTypeName } from '../../schemas/pack.ts'
import type { Subprotocol } from '../ws/frames.ts'

/** What a client says when it connects, before anything of it is believed. */

export const WS_PATH = '/v1/ws'

export interface UpgradeRequest {
  /** Path and query. */
  url: string
  authorization: string | undefined
  /** The header Sec-WebSocket-Protocol: comma-separated. */
  subprotocols: string | undefined
}

export type LoginRequest =
  /** Answered over HTTP: this is not our protocol. */
  | { kind: 'NotFound' }
  | { kind: 'NoSubprotocol' }
  | { kind: 'Login'; subprotocol: Subprotocol; token: string | undefined; device: Device | undefined }

const SUBPROTOCOLS: ReadonlyMap<string, Subprotocol> = new Map([
  [SUBPROTOCOL_JSON, 'json'],
  [SUBPROTOCOL_AVRO, 'avro'],
])

/** The name of a subprotocol as it stands in the header. */
export const subprotocolName: Readonly<Record<Subprotocol, string>> = { json: SUBPROTOCOL_JSON, avro: SUBPROTOCOL_AVRO }

/** Reads an upgrade request: the first of our subprotocols that the client offers, its token, its device. */
export function readLogin({ url, authorization, subprotocols }: UpgradeRequest): LoginRequest {
  const [path = '', query = ''] = split(url, '?')
  if (path !== WS_PATH) return { kind: 'NotFound' }
  const offered = (subprotocols ?? '').split(',').map(name => name.trim())
  const subprotocol = offered.map(name => SUBPROTOCOLS.get(name)).find(known => known !== undefined)
  if (subprotocol === undefined) return { kind: 'NoSubprotocol' }
  return { kind: 'Login', subprotocol, token: tokenOf(authorization, offered), device: deviceOf(query) }
}

function split(text: string, separator: string): [string, string] {
  const at = text.indexOf(separator)
  return at < 0 ? [text, ''] : [text.slice(0, at), text.slice(at + 1)]
}

/** The header goes before the subprotocol, which is for browsers. */
function tokenOf(authorization: string | undefined, offered: readonly string[]): string | undefined {
  const bearer = /^Bearer +(\S+)$/i.exec(authorization ?? '')?.[1]
  if (bearer !== undefined) return bearer
  return offered.find(name => name.startsWith(SUBPROTOCOL_TOKEN_PREFIX))?.slice(SUBPROTOCOL_TOKEN_PREFIX.length)
}

/** undefined where the type is not known or the id is not one. */
function deviceOf(query: string): Device | undefined {
  const parameters = new URLSearchParams(query)
  const type = parameters.get('deviceType') ?? ''
  const id = parameters.get('deviceId') ?? ''
  if (!Object.hasOwn(DeviceType, type) || !isUserId(id)) return undefined
  return { type: DeviceType[type as DeviceTypeName], id }
}
