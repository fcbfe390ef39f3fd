import { createRequire } from 'node:module'
import type { Call } from './protocol.ts'
import { ErrorCode, errorName, saslAuthenticateCall, saslHandshakeCall } from './protocol.ts'
import type { KafkaSecurity } from './security.ts'

/**
 * Proves to a broker who we are, on a connection that nobody else has yet. What the mechanisms say, SCRAM's proofs
 * above all, comes from kafkajs 2.2.4: this is the only place that reaches into it.
 */

const require = createRequire(import.meta.url)

const { version } = require('kafkajs/package.json') as { version: string }
if (version !== '2.2.4') throw new Error(`kafkajs ${version}: its internals are used here as they are in 2.2.4`)

/** One message of a mechanism: bytes with their size before them, as SaslAuthenticate carries them. */
interface Exchange {
  request: { encode(): Promise<Buffer> }
  response?: { decode(bytes: Buffer): Promise<unknown>; parse(decoded: unknown): Promise<unknown> }
}

type Sasl = NonNullable<KafkaSecurity['sasl']>
type Mechanism = (
  sasl: Sasl,
) => (parts: {
  host: string
  port: number
  logger: { debug(): void; error(): void }
  saslAuthenticate(exchange: Exchange): Promise<unknown>
}) => { authenticate(): Promise<void> }

const MECHANISMS: Record<Sasl['mechanism'], Mechanism> = {
  plain: require('kafkajs/src/broker/saslAuthenticator/plain'),
  'scram-sha-256': require('kafkajs/src/broker/saslAuthenticator/scram256'),
  'scram-sha-512': require('kafkajs/src/broker/saslAuthenticator/scram512'),
}

const SILENT = { debug: () => {}, error: () => {} }

/** The broker does not take the mechanism or the user; trying again does not help. */
export class UserRefused extends Error {
  override readonly name = 'UserRefused'
}

/** Throws UserRefused, or what `send` throws. */
export async function authenticate(options: {
  sasl: Sasl
  address: { host: string; port: number }
  send<T extends object>(call: Call<T>): Promise<T>
}): Promise<void> {
  const { sasl, address, send } = options
  const mechanism = sasl.mechanism.toUpperCase()
  const handshake = await send(saslHandshakeCall(mechanism))
  if (handshake.errorCode !== ErrorCode.NONE) {
    throw new UserRefused(`${mechanism} is not one of the broker's ${handshake.mechanisms.join(', ')}`)
  }
  let lost: unknown
  const exchange = async ({ request, response }: Exchange) => {
    const answer = await send(saslAuthenticateCall(await request.encode())).catch(error => {
      lost = error
      throw error
    })
    if (answer.errorCode !== ErrorCode.NONE) {
      throw new UserRefused(answer.errorMessage === '' ? errorName(answer.errorCode) : answer.errorMessage)
    }
    return response?.parse(await response.decode(answer.bytes))
  }
  try {
    await MECHANISMS[sasl.mechanism](sasl)({ ...address, logger: SILENT, saslAuthenticate: exchange }).authenticate()
  } catch (error) {
    throw lost ?? new UserRefused((error as Error).message, { cause: error })
  }
}
