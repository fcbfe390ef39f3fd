import type { RedisConnection } from '../../infra/redis/redis.ts'

/** A connection of which one pipeline fails: before it has run, or after it has run with its answer lost. */
export function flakyRedis(connection: RedisConnection, { nth, when }: { nth: number; when: 'before' | 'after' }) {
  let calls = 0
  const fails = () => calls++ === nth
  const client = new Proxy(connection.client, {
    get(target, name) {
      if (name !== 'pipeline') {
        const value = Reflect.get(target, name, target)
        return typeof value === 'function' ? value.bind(target) : value
      }
      return (...args: Parameters<typeof target.pipeline>) => {
        const pipeline = target.pipeline(...args)
        const exec = pipeline.exec.bind(pipeline)
        pipeline.exec = async () => {
          const failing = fails()
          if (failing && when === 'before') throw new Error('the connection was lost')
          const replies = await exec()
          if (failing) throw new Error('the answer was lost')
          return replies
        }
        return pipeline
      }
    },
  })
  return { connection: { ...connection, client }, failed: () => calls > nth }
}
