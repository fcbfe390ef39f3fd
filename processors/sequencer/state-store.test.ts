import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { systemRandom } from '../../infra/clock.ts'
import { LmdbStateStore } from './lmdb-state-store.ts'
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
