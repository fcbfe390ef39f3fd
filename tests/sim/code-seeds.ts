import { createHash } from 'node:crypto'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { SeededRandom } from '../../infra/seeded-random.ts'
import { SEED_MAX } from './campaign.ts'

/**
 * Seeds that nobody has chosen and that the code has not seen: they follow from the code itself. Each state of it has
 * others, so that every change is tried with fresh ones, and the same state always the same, so that a run of the tests
 * says the same as the one before.
 */

const ROOT = fileURLToPath(new URL('../..', import.meta.url))
/** What a simulated run is made of. */
const FOLDERS = ['schemas', 'topics', 'processors', 'gateway', 'infra', 'client', 'verify', 'tests/sim']

export function codeSeeds(count: number): number[] {
  const random = new SeededRandom(codeHash())
  return Array.from({ length: count }, () => random.between(1, SEED_MAX))
}

/** A number that another state of the code does not have. */
function codeHash(): number {
  const hash = createHash('sha256')
  for (const file of FOLDERS.flatMap(sourcesIn).sort()) hash.update(file).update(readFileSync(join(ROOT, file)))
  return hash.digest().readUInt32BE()
}

function sourcesIn(folder: string): string[] {
  return readdirSync(join(ROOT, folder), { withFileTypes: true, recursive: true })
    .filter(entry => entry.isFile() && /\.(ts|avsc)$/.test(entry.name) && !entry.name.endsWith('.test.ts'))
    .map(entry => join(entry.parentPath, entry.name).slice(ROOT.length))
}
