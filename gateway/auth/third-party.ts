import type { Clock } from '../../infra/clock.ts'
import type { Logger } from '../../infra/logger.ts'
import { THIRD_PARTY_MS_MAX } from '../limits.ts'
import type { Identity } from '../ws/asker.ts'
import { Deadline } from '../ws/deadline.ts'

export type ThirdPartyAnswer = 'allowed' | 'refused' | 'away'

/**
 * Asks a third party whether a user whose token is good may come in: POST {userId, deviceType, deviceId} as JSON. Any
 * 2xx lets them in, any 4xx refuses, everything else and silence mean that it is away.
 */
export function thirdParty({ url, clock, logger }: { url: string; clock: Clock; logger: Logger }) {
  return async ({ userId, device }: Identity): Promise<ThirdPartyAnswer> => {
    const deadline = new Deadline(clock, THIRD_PARTY_MS_MAX)
    try {
      const { status } = await fetch(url, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ userId, deviceType: device.type, deviceId: device.id }),
        redirect: 'error',
        signal: deadline.signal,
      })
      if (status >= 200 && status < 300) return 'allowed'
      return status >= 400 && status < 500 ? 'refused' : 'away'
    } catch (error) {
      logger.warn({ err: error }, 'the third party that lets users in does not answer')
      return 'away'
    } finally {
      deadline.end()
    }
  }
}
