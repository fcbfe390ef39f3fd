import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { systemClock } from '../../infra/clock.ts'
import { startObjectStore } from '../../infra/local/object-store/object-store.ts'
import type { JobEntry } from '../../processors/membership/apps-store.ts'
import { group, Script, single, user } from '../../processors/testing/events.ts'
import { makeEventLog } from '../../processors/testing/log.ts'
import { EXPORT_PAGE, exportText, exportUser } from '../../processors/user-export.ts'
import type { UserId } from '../../schemas/ids.ts'
import { catchUp, memoryViews } from '../../verify/testing/views.ts'
import { s3MediaStore } from '../media/s3-media-store.ts'
import type { ExportPart } from './job-spec.ts'
import { EXPORT_KEPT_MS, UserExports } from './user-exports.ts'

/** The files of exports in the object store of the local stack, from views of a log. */

const CREDENTIALS = { accessKeyId: 'local', secretAccessKey: 'a secret', region: 'local' }
const alice = user('alice')
const JOB = { app: 'shop' as UserId, jobId: 'job-1' }

async function exportsOf(script: Script) {
  const eventLog = await makeEventLog()
  eventLog.append(script.events)
  const { servers, views, membership } = memoryViews(eventLog)
  await catchUp(eventLog, views)
  const dir = await mkdtemp(join(tmpdir(), 'packlog-exports-'))
  const time = { ms: 0 }
  const clock = { ...systemClock, now: () => systemClock.now() + time.ms }
  const objects = await startObjectStore({
    ...{ dir, host: '127.0.0.1', port: 0, bucket: 'media' },
    ...{ credentials: CREDENTIALS, clock },
  })
  onTestFinished(async () => {
    await objects.close()
    await rm(dir, { recursive: true })
  })
  const store = s3MediaStore({ url: objects.url, ...CREDENTIALS, clock })
  const sources = { people: servers.membership.people, membership, archive: servers.archive }
  const file = { messages: EXPORT_PAGE, bytes: 1_000_000 }
  return { exports: new UserExports({ sources, store, clock, file }), sources, clock, time }
}

/** The job once it has ended, with the file that it wrote last. */
function ended(part: ExportPart, at: number): JobEntry {
  const cursor = JSON.stringify({ part, failures: [] })
  const told = { total: 0, startedAt: 0, step: part.file + 1, stepAt: 0, done: 0, failed: 0 }
  return { jobId: JOB.jobId, job: 'exportUser', ...told, cursor, ended: { at } }
}

test('[AP20] the files one behind another are what the command writes; links go, and so do files after a day', async () => {
  const script = new Script()
  script.create(group('team'), alice, [user('bob')])
  for (let i = 0; i < 2 * EXPORT_PAGE + 5; i++) script.message(single('alice', 'bob'), alice, `${i}`)
  const { exports, sources, clock, time } = await exportsOf(script)
  const counts: number[] = []
  let last: ExportPart = { file: 0 }
  for (let part: ExportPart | undefined = last; part !== undefined; ) {
    last = part
    // Whoever follows a worker that was killed writes the same again.
    await exports.write(JOB, alice, part)
    const written = await exports.write(JOB, alice, part)
    counts.push(written.messages)
    part = written.next
  }
  expect(counts).toEqual([0, EXPORT_PAGE, EXPORT_PAGE, 5])
  const job = ended(last, clock.now())
  const links = (await exports.links(JOB, job))!
  const get = async (url: string) => (await fetch(url)).text()
  const told = (await Promise.all(links.urls.map(get))).join('')
  let expected = ''
  for await (const line of exportUser(alice, sources)) expected += exportText(line)
  expect(told).toBe(expected)

  const all = [{ app: JOB.app, job }]
  await exports.sweep(all)
  expect((await fetch(links.urls[0]!)).status).toBe(200)
  time.ms = links.expiresAt - clock.now() + 1
  expect((await fetch(links.urls[0]!)).status).toBe(403)
  const later = (await exports.links(JOB, job))!
  time.ms = EXPORT_KEPT_MS
  expect(await exports.links(JOB, job)).toBeUndefined()
  await exports.sweep(all)
  time.ms = 0
  expect(await Promise.all(later.urls.map(async url => (await fetch(url)).status))).toEqual([404, 404, 404, 404])
})

test('[AP20] a user of whom nothing is known has a file that says so', async () => {
  const { exports, clock } = await exportsOf(new Script())
  expect(await exports.write(JOB, alice, { file: 0 })).toEqual({ messages: 0, next: { file: 1 } })
  expect(await exports.write(JOB, alice, { file: 1 })).toEqual({ messages: 0 })
  const { urls } = (await exports.links(JOB, ended({ file: 1 }, clock.now())))!
  const [first, second] = await Promise.all(urls.map(async url => (await fetch(url)).text()))
  expect(JSON.parse(first!)).toMatchObject({ kind: 'Profile', userId: 'alice' })
  expect(second).toBe('')
})
