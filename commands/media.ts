import type { GatewayOptions } from '../gateway/main.ts'
import { MEDIA_LIMITS, Media } from '../gateway/media/media.ts'
import { RedisMediaQuota } from '../gateway/media/redis-media-quota.ts'
import { s3MediaStore } from '../gateway/media/s3-media-store.ts'
import type { RedisConnection } from '../infra/redis/redis.ts'
import type { Context } from './context.ts'

/** The store of files, where the configuration names one. */
export function gatewayMedia(
  { config, clock, random }: Context,
  connection: RedisConnection,
): Pick<GatewayOptions, 'media' | 'mediaStore'> {
  const { media } = config
  if (media === undefined) return {}
  const limits = { ...MEDIA_LIMITS, bytesMax: media.bytesMax, bytesPerDayMax: media.bytesPerDayMax }
  const store = s3MediaStore({ ...media, clock })
  const quota = new RedisMediaQuota(connection, limits.bytesPerDayMax)
  return { media: new Media({ store, quota, limits, clock, random }), mediaStore: store }
}
