import type { Random } from '../infra/clock.ts'
import type { UserId } from '../schemas/ids.ts'
import { ConnectFailed, openRawClient, type RawClient } from './raw-client.ts'

/** Logins at the same time. */
const CONNECTING_MAX = 32

export interface ConnectOptions {
  gatewayUrl: string
  users: readonly UserId[]
  token(userId: UserId): Promise<string>
  random: Random
  /** A text after the welcome. */
  onText(user: number, text: string): void
  /** A connection ended that had been welcomed. */
  onLost(user: number, reason: string): void
}

/** Connects every user once and waits for each welcome; `user` is the index. Rejects with ConnectFailed. */
export async function connectUsers(options: ConnectOptions): Promise<RawClient[]> {
  const clients: RawClient[] = []
  const { users } = options
  let next = 0
  const connectSome = async () => {
    for (let user = next++; user < users.length; user = next++) clients[user] = await connect(user, options)
  }
  try {
    await Promise.all(Array.from({ length: Math.min(CONNECTING_MAX, users.length) }, connectSome))
  } catch (error) {
    for (const client of clients) client?.close()
    throw error
  }
  return clients
}

async function connect(user: number, options: ConnectOptions): Promise<RawClient> {
  const url = new URL(options.gatewayUrl)
  url.searchParams.set('deviceType', 'linux')
  url.searchParams.set('deviceId', 'bench')
  const token = await options.token(options.users[user]!)
  return await new Promise<RawClient>((resolve, reject) => {
    let isWelcome = false
    const opening = openRawClient({
      url: url.href,
      token,
      random: options.random,
      onText: text => {
        if (isWelcome) options.onText(user, text)
        else opening.then(resolve, reject)
        isWelcome = true
      },
      onLost: reason => {
        if (isWelcome) options.onLost(user, reason)
        else reject(new ConnectFailed(reason))
      },
    })
    opening.catch(reject)
  })
}
