import { spawn } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { systemClock } from '../clock.ts'
import { Ledger } from './ledger.ts'
import { identityOf, stillRuns, thisProcess } from './process-identity.ts'

let dataDir = ''
const children: { pid: number; kill(): void }[] = []
beforeEach(() => {
  dataDir = mkdtempSync(join(tmpdir(), 'packlog-ledger-'))
})
afterEach(() => {
  for (const child of children.splice(0)) child.kill()
  rmSync(dataDir, { recursive: true, force: true })
})

const tools = { clock: systemClock, log: () => {} }

async function bystander(): Promise<{ pid: number; identity: string }> {
  const child = spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000)'], { stdio: 'ignore' })
  await new Promise(resolve => child.once('spawn', resolve))
  const pid = child.pid ?? -1
  children.push({ pid, kill: () => child.kill('SIGKILL') })
  return { pid, identity: identityOf(pid) ?? '' }
}

function leaveBehind(child: { pid: number; identity: string }): void {
  const dead = { pid: 99_999, identity: 'of a process that is gone' }
  writeFileSync(join(dataDir, 'starter.lock'), JSON.stringify(dead))
  const entry = { ...child, name: 'redis', stopSignal: 'SIGTERM' }
  writeFileSync(join(dataDir, 'pids.json'), JSON.stringify({ stopping: false, children: [entry] }))
}

test('what a killed run left over is ended by the next start', async () => {
  const child = await bystander()
  leaveBehind(child)
  const ledger = await Ledger.open(dataDir, tools)
  expect(stillRuns(child)).toBe(false)
  ledger.close()
})

test('a process that got the recycled pid of a child is left alone', async () => {
  const child = await bystander()
  leaveBehind({ pid: child.pid, identity: 'of an earlier process with this pid' })
  const ledger = await Ledger.open(dataDir, tools)
  expect(stillRuns(child)).toBe(true)
  ledger.close()
})

test('a second start on the same directory says who runs there', async () => {
  const ledger = await Ledger.open(dataDir, tools)
  await expect(Ledger.open(dataDir, tools)).rejects.toThrow(`already runs on ${dataDir} (process ${process.pid})`)
  ledger.close()
  const next = await Ledger.open(dataDir, tools)
  next.close()
})

test('a start waits for a run that is stopping', async () => {
  const ledger = await Ledger.open(dataDir, tools)
  ledger.markStopping()
  const next = Ledger.open(dataDir, tools)
  ledger.close()
  await expect(next).resolves.toBeInstanceOf(Ledger)
  const opened = await next
  opened.close()
})

test('children are in the file while they run', async () => {
  const ledger = await Ledger.open(dataDir, tools)
  const { pid } = await bystander()
  const recorded = () => JSON.parse(readFileSync(join(dataDir, 'pids.json'), 'utf8')).children
  ledger.add({ name: 'kafka', pid, stopSignal: 'SIGTERM' })
  expect(recorded()).toMatchObject([{ name: 'kafka', pid }])
  ledger.remove(pid)
  expect(recorded()).toEqual([])
  ledger.close()
})

test('an identity tells this process from a dead one', () => {
  expect(stillRuns(thisProcess())).toBe(true)
  expect(identityOf(2 ** 22 + 1)).toBeUndefined()
})
