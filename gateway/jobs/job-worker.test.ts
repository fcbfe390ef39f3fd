import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { silentLogger } from '../../infra/logger.ts'
import { VirtualClock } from '../../infra/testing/virtual-clock.ts'
import { appWrites } from '../../processors/membership/apps.ts'
import { MemoryApps } from '../../processors/membership/memory-apps.ts'
import { T0, TestState } from '../../processors/sequencer/testing/packs.ts'
import { type AcceptedEvent, isAccepted } from '../../schemas/event.ts'
import { makePackId, type UserId } from '../../schemas/ids.ts'
import { makePack } from '../../schemas/make-pack.ts'
import type { Pack, PackBody } from '../../schemas/pack.ts'
import { countingRandom } from '../testing/world.ts'
import type { Answer } from '../ws/calls.ts'
import { answerFrame, refusal } from '../ws/frames.ts'
import { type JobLeases, NO_LEASES } from './job-leases.ts'
import type { ExportPart, JobSpec, PackJobSpec } from './job-spec.ts'
import { JobWorker, SURVEY_MS } from './job-worker.ts'

/**
 * Workers of jobs over the rules of the product, with a clock by hand. Whatever a worker asks takes a moment before and
 * after it has its effect; a worker may be killed in any of these moments, and is then never heard of again.
 */

const APP = 'shop' as UserId
const PARTITIONS = 3
const PART_USERS = 4
const JOB = makePackId(T0, Buffer.alloc(10, 7))

class JobWorld {
  readonly clock = new VirtualClock(T0)
  readonly accepted: AcceptedEvent[] = []
  readonly view = new MemoryApps()
  /** Files of exports: what was written last under each number. */
  readonly files = new Map<number, string>()
  /** Messages of the user that is exported, three a file. */
  sent = 0
  swept: string[] = []
  /** False: the view was written by a version that did not keep the open jobs apart. */
  isIndexed = true
  surveys = 0
  /** How far the view is behind. */
  lagMs = 0
  /** Called at every moment of a worker; true: it is killed there. */
  onMoment: () => boolean = () => false
  /** The next packs that are refused for the moment, though they take effect. */
  timeouts = 0
  moments = 0
  kills = 0
  private readonly rules = new TestState({ partitions: PARTITIONS })
  private shown = 0

  submit(pack: Pack): Answer {
    const event = this.rules.run(pack, this.clock.now())
    if (isAccepted(event)) this.accepted.push(event)
    return answerFrame(event) as Answer
  }

  ask(sessionId: string, packId: string) {
    const event = this.accepted.find(other => other.sessionId === sessionId && other.packId === packId)
    return { found: event !== undefined, code: 0 }
  }

  apps(): MemoryApps {
    for (; this.shown < this.accepted.length; this.shown++) {
      const event = this.accepted[this.shown]!
      if (event.at > this.clock.now() - this.lagMs) break
      this.view.write(appWrites(event))
    }
    return this.view
  }

  know(users: readonly string[]): void {
    users.forEach((userId, i) => {
      this.view.writeUsers({ partition: i % PARTITIONS, own: [{ userId: userId as UserId }] as never })
    })
  }

  appPack(body: PackBody): Pack {
    const packId = makePackId(this.clock.now(), Buffer.alloc(10, this.accepted.length))
    return makePack({
      packId,
      sessionId: `a:${APP}` as never,
      from: APP,
      body,
      actor: { kind: 'APP', id: APP },
      gateway: 'gw',
    })
  }

  private write(userId: UserId, { file, after }: ExportPart) {
    if (file === 0) {
      this.files.set(0, userId)
      return { messages: 0, next: { file: 1 } }
    }
    const from = after?.seq ?? 0
    const to = Math.min(from + 3, this.sent)
    this.files.set(file, `${from}-${to}`)
    const next = to < this.sent && { next: { file: file + 1, after: { sessionId: `s:a:${userId}` as never, seq: to } } }
    return { messages: to - from, ...next }
  }

  begin(spec: JobSpec, total = 0): void {
    this.submit(this.appPack({ kind: 'StartJob', jobId: JOB, job: spec.job, spec: JSON.stringify(spec), total }))
  }

  /** Starts a worker that is replaced when it is killed, until the job has ended. */
  worker(delays: () => number, leases: JobLeases = NO_LEASES): void {
    const dying = new AbortController()
    let isDead = false
    const moment = async (): Promise<void> => {
      await this.clock.sleep(delays())
      if (!isDead && this.onMoment()) {
        isDead = true
        this.kills++
        dying.abort()
        this.worker(delays, leases)
      }
      this.moments++
      if (isDead) await new Promise(() => {})
    }
    const slowly = async <T>(effect: () => T): Promise<Awaited<T>> => {
      await moment()
      const result = await effect()
      await moment()
      return result
    }
    const worker = new JobWorker({
      isOpen: () => true,
      calls: () => ({
        gateway: 'gw',
        submitPack: pack =>
          slowly(() => {
            const answer = this.submit(pack)
            if (this.timeouts === 0) return answer
            this.timeouts--
            const { sessionId, packId } = pack
            return { type: 'refused', sessionId, packId, ...refusal('MSG_TIMEOUT') } as Answer
          }),
        ask: (_, question) =>
          slowly(() =>
            this.ask((question as { sessionId: string }).sessionId, (question as unknown as { packId: string }).packId),
          ),
      }),
      apps: {
        apps: () => slowly(() => this.apps().apps()),
        jobs: app => {
          this.surveys++
          return slowly(() => this.apps().jobs(app))
        },
        openJobs: app => slowly(() => (this.isIndexed ? this.apps().openJobs(app) : [])),
        jobSpec: request => slowly(() => this.apps().jobSpec(request)),
        users: request => slowly(() => this.apps().users(request)),
      },
      leases,
      exports: {
        write: (_, userId, part) => slowly(() => this.write(userId, part)),
        sweep: async jobs => void this.swept.push(...jobs.map(({ job }) => job.jobId)),
      },
      partitions: PARTITIONS,
      partUsers: PART_USERS,
      clock: this.clock,
      random: countingRandom(),
      logger: silentLogger,
    })
    void worker.run(dying.signal)
  }

  /** Kills a worker after so many moments, and another after so many more. */
  killAfter(moments: readonly number[]): void {
    const left = [...moments]
    let gap = 0
    this.onMoment = () => {
      if (left.length === 0 || gap++ < left[0]!) return false
      left.shift()
      gap = 0
      return true
    }
  }

  get end() {
    const ends = this.accepted.flatMap(({ body }) => (body.kind === 'JobEnded' ? [body] : []))
    expect(ends.length).toBeLessThan(2)
    return ends[0]
  }

  /** How many messages each session has. */
  counts(): Map<string, number> {
    const counts = new Map<string, number>()
    for (const { body, sessionId } of this.accepted) {
      if (body.kind === 'MessageAccepted') counts.set(sessionId, (counts.get(sessionId) ?? 0) + 1)
    }
    return counts
  }
}

const users = (count: number) => Array.from({ length: count }, (_, i) => `u${String(i).padStart(3, '0')}` as UserId)
const broadcast = (to: readonly UserId[] | 'all'): PackJobSpec => ({
  job: 'broadcast',
  perSecond: 100,
  from: APP,
  to,
  flags: 1,
  content: { kind: 'Text', text: 'news' },
})
const once = (to: readonly UserId[]) => new Map(to.map(userId => [`b:${APP}:${userId}`, 1]))

/** The same numbers for the same seed, 0 to `below`. */
function numbers(seed: number, below: number): () => number {
  let state = seed | 1
  return () => {
    state = Math.imul(state, 48_271) % 2_147_483_647
    return Math.abs(state) % below
  }
}

describe('a job', () => {
  test.each([1, 4, 5, 13])('[AP6] reaches %i users once each, and ends', async count => {
    const world = new JobWorld()
    world.begin(broadcast(users(count)), count)
    world.worker(() => 1)
    await world.clock.drive(() => world.end !== undefined)
    expect(world.counts()).toEqual(once(users(count)))
    expect(world.end).toMatchObject({ jobId: JOB, done: count, failed: 0 })
  })

  test('[AP6] of all users reaches whoever is known, over all partitions', async () => {
    const world = new JobWorld()
    world.know(users(20))
    world.begin(broadcast('all'), 20)
    world.worker(() => 1)
    await world.clock.drive(() => world.end !== undefined)
    expect(world.counts()).toEqual(once(users(20)))
    expect(world.end).toMatchObject({ done: 20, failed: 0 })
  })

  test('[AP7] tells what failed, and with which code', async () => {
    const world = new JobWorld()
    const profile = (name: string) => ({ name })
    const named = users(6).map((userId, i) => ({ userId, profile: profile(i === 4 ? 'x'.repeat(10_000) : `n${i}`) }))
    world.begin({ job: 'importUsers', perSecond: 100, users: named }, 6)
    world.worker(() => 1)
    await world.clock.drive(() => world.end !== undefined)
    expect(world.end).toMatchObject({ done: 6, failed: 1 })
    expect(JSON.parse(world.end!.result!)).toMatchObject({ failures: [{ userId: 'u004' }] })
    expect(world.accepted.filter(({ body }) => body.kind === 'ProfileUpdated')).toHaveLength(5)
  })

  test('[AP7] that is cancelled begins no other step', async () => {
    const world = new JobWorld()
    world.begin(broadcast(users(40)), 40)
    world.worker(() => 1)
    await world.clock.drive(() => world.accepted.some(({ body }) => body.kind === 'JobStepped' && body.step === 3))
    world.submit(world.appPack({ kind: 'EndJob', jobId: JOB, done: 8, failed: 0, error: 'cancelled' }))
    await world.clock.pass(60_000)
    expect(world.counts().size).toBeLessThanOrEqual(12)
    expect(world.end).toMatchObject({ error: 'cancelled' })
  })

  test('[AP7] of a kind that is not known ends with an error', async () => {
    const world = new JobWorld()
    world.begin({ ...broadcast(users(1)), job: 'dance' } as never)
    world.worker(() => 1)
    await world.clock.drive(() => world.end !== undefined)
    expect(world.end).toMatchObject({ error: 'the job is not known here' })
  })

  test('[AP20] of an export writes a file a step, tells how many messages it has, and is swept once it has ended', async () => {
    const world = new JobWorld()
    world.sent = 8
    world.begin({ job: 'exportUser', userId: 'ann' as UserId }, 8)
    world.worker(() => 1)
    await world.clock.drive(() => world.end !== undefined)
    expect([...world.files]).toEqual([
      [0, 'ann'],
      [1, '0-3'],
      [2, '3-6'],
      [3, '6-8'],
    ])
    expect(world.end).toMatchObject({ done: 8, failed: 0 })
    await world.clock.drive(() => world.swept.includes(JOB))
  })

  test('[AP9] that a view of an earlier version has is found within a minute, without looking at all jobs more often', async () => {
    const world = new JobWorld()
    world.isIndexed = false
    world.begin({ job: 'exportUser', userId: 'first' as UserId })
    world.worker(() => 1)
    await world.clock.drive(() => world.end !== undefined)
    expect(world.surveys).toBe(1)
    await world.clock.drive(() => world.surveys === 2)
    expect(world.clock.now() - T0).toBeGreaterThanOrEqual(SURVEY_MS)
  })

  test('[AP6] keeps to its pace', async () => {
    const world = new JobWorld()
    world.begin({ ...broadcast(users(40)), perSecond: 10 }, 40)
    world.worker(() => 1)
    await world.clock.drive(() => world.end !== undefined)
    expect(world.clock.now() - T0).toBeGreaterThanOrEqual(4_000)
  })

  test('[AP6] that lay for longer than packIds are remembered sends nothing twice', async () => {
    const world = new JobWorld()
    world.begin(broadcast(users(8)), 8)
    world.onMoment = () => world.kills === 0 && world.counts().size === 3
    let first = true
    world.worker(() => {
      if (world.kills === 1 && first) {
        first = false
        return 3 * 3_600_000
      }
      return 1
    })
    await world.clock.drive(() => world.end !== undefined)
    expect([...world.counts().values()].every(count => count === 1)).toBe(true)
    const { done, failed } = world.end!
    expect(done - failed).toBe(world.counts().size)
    expect(JSON.parse(world.end!.result!).failures).toEqual(
      expect.arrayContaining([expect.objectContaining({ code: 103 })]),
    )
  })
})

describe('whatever happens', () => {
  const setting = fc.record({
    count: fc.integer({ min: 1, max: 14 }),
    all: fc.boolean(),
    workers: fc.integer({ min: 1, max: 3 }),
    seed: fc.integer({ min: 1, max: 2 ** 30 }),
    kills: fc.array(fc.integer({ min: 0, max: 90 }), { maxLength: 6 }),
    lagMs: fc.integer({ min: 0, max: 2_000 }),
    timeouts: fc.integer({ min: 0, max: 5 }),
  })

  test('[AP20] an export has each message once, with workers killed at any moment, several at once, and views behind', async () => {
    await fc.assert(
      fc.asyncProperty(setting, async ({ count, workers, seed, kills, lagMs, timeouts }) => {
        const world = new JobWorld()
        Object.assign(world, { lagMs, timeouts, sent: count })
        world.begin({ job: 'exportUser', userId: 'ann' as UserId }, count)
        world.killAfter(kills)
        const delays = numbers(seed, 30)
        for (let i = 0; i < workers; i++) world.worker(delays)
        await world.clock.drive(() => world.end !== undefined)
        await world.clock.pass(5_000)
        const froms = Array.from({ length: Math.ceil(count / 3) }, (_, i) => 3 * i)
        const parts = froms.map(from => `${from}-${Math.min(from + 3, count)}`)
        expect([...world.files.values()]).toEqual(['ann', ...parts])
        expect(world.end).toMatchObject({ done: count, failed: 0 })
      }),
      { numRuns: 50 },
    )
  }, 60_000)

  test('[AP6] each user gets it exactly once, with workers killed at any moment, several at once, and views behind', async () => {
    await fc.assert(
      fc.asyncProperty(setting, async ({ count, all, workers, seed, kills, lagMs, timeouts }) => {
        const world = new JobWorld()
        world.lagMs = lagMs
        world.timeouts = timeouts
        world.know(users(count))
        world.begin(broadcast(all ? 'all' : users(count)), count)
        world.killAfter(kills)
        const delays = numbers(seed, 30)
        for (let i = 0; i < workers; i++) world.worker(delays)
        await world.clock.drive(() => world.end !== undefined)
        // Whoever is still at it says nothing more.
        await world.clock.pass(5_000)
        expect(world.counts()).toEqual(once(users(count)))
        expect(world.end).toMatchObject({ done: count, failed: 0 })
        const steps = world.accepted.flatMap(({ body }) => (body.kind === 'JobStepped' ? [body.step] : []))
        expect(steps).toEqual(steps.map((_, i) => i + 1))
      }),
      { numRuns: 200 },
    )
  }, 60_000)
})
