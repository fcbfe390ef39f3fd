import { systemClock, systemRandom } from '../../infra/clock.ts'
import { silentLogger } from '../../infra/logger.ts'
import { Metrics } from '../../infra/metrics.ts'
import { makeHistoryView, historyReader } from '../history/main.ts'
import { makeMembershipView } from '../membership/main.ts'
import { Script, single, user } from './events.ts'
import { testRedis } from './redis.ts'

const { connection, flush } = await testRedis('redis://127.0.0.1:19379')
const [pairs, count, size] = process.argv.slice(2).map(Number)
const scripts = Array.from({ length: 6 }, (_, p) => {
  const script = new Script(p)
  for (let i = 0; i < count! / 6; i++) {
    const n = Math.floor(Math.random() * pairs!)
    const a = user(`a${p}-${n}`), b = user(`b${p}-${n}`)
    script.message(single(a, b), Math.random() < 0.5 ? a : b, 'x'.repeat(200))
  }
  return script
})
for (const [name, view] of [['history', makeHistoryView({ connection: {...connection, close: async () => {}}, random: systemRandom, logger: silentLogger, metrics: new Metrics() })], ['membership', makeMembershipView({connection: {...connection, close: async () => {}}, random: systemRandom})]] as const) {
  const cpu0 = process.cpuUsage(), t0 = systemClock.monotonic()
  const info = async () => Object.fromEntries((await connection.client.info('cpu')).split('\r\n').map(l => l.split(':')))
  const r0 = await info()
  await Promise.all(scripts.map(async script => {
    await view.position(script.partition)
    for (let i = 0; i < script.events.length; i += size!) await view.apply(script.batch(i, Math.min(i + size!, script.events.length)))
  }))
  const ms = systemClock.monotonic() - t0
  const cpu = process.cpuUsage(cpu0)
  const r1 = await info()
  const redisS = Number(r1.used_cpu_user) + Number(r1.used_cpu_sys) - Number(r0.used_cpu_user) - Number(r0.used_cpu_sys)
  console.log(name, `${Math.round(count! / ms * 1000)} events/s, node ${((cpu.user + cpu.system) / count!).toFixed(1)} us/event, redis ${(redisS * 1e6 / count!).toFixed(1)} us/event`)
}
const reader = historyReader({ connection, random: systemRandom })
const t1 = systemClock.monotonic()
for (let i = 0; i < 200; i++) await Promise.all(Array.from({ length: 10 }, (_, k) => reader.page({ sessionId: scripts[0]!.events[k]!.event.sessionId, beforeSeq: 1e9, limit: 50 })))
console.log('pages/s', Math.round(2000 / (systemClock.monotonic() - t1) * 1000))
await flush(); await connection.close()
