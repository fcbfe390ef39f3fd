import type { RedisConnection } from '../../infra/redis/redis.ts'

type Send = RedisConnection['client']['sendCommand']

/** A connection of which one batch fails: before it has run, or after it has run with its answer lost. */
export function flakyRedis(connection: RedisConnection, { nth, when }: { nth: number; when: 'before' | 'after' }) {
  const batches: Parameters<Send>[1][] = []
  const client = new Proxy(connection.client, {
    get(target, name) {
      const value = Reflect.get(target, name, target)
      if (name !== 'sendCommand') return typeof value === 'function' ? value.bind(target) : value
      const send: Send = (command, batch) => {
        if (batches.at(-1) !== batch) batches.push(batch)
        if (batches.length !== nth + 1) return target.sendCommand(command, batch)
        if (when === 'before') return command.reject(new Error('the connection was lost'))
        command.resolve = () => command.reject(new Error('the answer was lost'))
        return target.sendCommand(command, batch)
      }
      return send
    },
  })
  return { connection: { ...connection, client }, failed: () => batches.length > nth }
}
