import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { systemRandom } from '../../infra/clock.ts'
import { BOOT_FILE, LmdbStateStore } from './lmdb-state-store.ts'
import { CHECKPOINT_START, makeRowMaps } from './session.ts'
import { MemoryStateDir, MemoryStateStore } from './state-store.ts'
import { stateStoreContract } from './testing/state-store.contract.ts'

stateStoreContract('memory', () => {
  const dir = new MemoryStateDir()
  return { open: () => new MemoryStateStore(dir), remove: () => {} }
})

stateStoreContract('lmdb', () => {
  const stateDir = mkdtempSync(join(tmpdir(), 'packlog-state-'))
  return {
    open: () => new LmdbStateStore({ stateDir, partition: 3, random: systemRandom }),
    remove: () => rmSync(stateDir, { recursive: true, force: true }),
  }
})

test('[ST16] a store of another run of the machine counts as empty, one of this run does not', async () => {
  const stateDir = mkdtempSync(join(tmpdir(), 'packlog-state-'))
  const open = () => new LmdbStateStore({ stateDir, partition: 3, random: systemRandom })
  const bootFile = join(stateDir, 'sequencer-3', BOOT_FILE)
  try {
    const first = open()
    await first.write({ rows: makeRowMaps(), checkpoint: { ...CHECKPOINT_START, logged: null }, forgetBefore: 0 })
    await first.close()
    const second = open()
    expect(second.checkpoint()).toBeDefined()
    await second.close()
    // Only where the system tells one run from another; elsewhere the store syncs and needs no such mark.
    if (existsSync(bootFile)) writeFileSync(bootFile, 'another run')
    const third = open()
    expect(third.checkpoint() === undefined).toBe(existsSync(bootFile))
    await third.close()
  } finally {
    rmSync(stateDir, { recursive: true, force: true })
  }
})
