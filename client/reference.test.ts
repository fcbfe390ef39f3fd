import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'
import { type Entry, makeReference } from './testing/reference.ts'

const ROOT = fileURLToPath(new URL('..', import.meta.url))
const ENTRIES: readonly Entry[] = [
  { module: 'client/sdk.ts', about: 'The core, for every platform.' },
  { module: 'client/browser.ts', about: 'WebSockets of browsers, workers and React Native.' },
  { module: 'client/network/ws-transport.ts', about: 'WebSockets of Node, by npm `ws`.' },
  { module: 'client/storage/indexed-db-store.ts', about: 'A store in the IndexedDB of a browser.' },
  { module: 'client/storage/sqlite-store.ts', about: 'A store in SQLite, by whatever library.' },
  { module: 'client/tabs/tab-wire.ts', about: 'One connection for all tabs of a browser.' },
  { module: 'client/api/partner-api.ts', about: 'The HTTP API, for servers of partners and for clients with a token.' },
]
const HEAD = `# Reference of the SDK

What the modules of [the SDK](sdk.md) export, made from their sources: \`npx vitest run -u --project unit client/reference\`
writes this page anew, and a test fails when it is not current or when something has no words.

`

test('[SDK40] everything that the SDK exports is described where it is declared, and the reference says the same', async () => {
  const { markdown, undocumented } = makeReference(ENTRIES, ROOT)
  expect(undocumented).toEqual([])
  await expect(HEAD + markdown).toMatchFileSnapshot('../docs/sdk-reference.md')
})

test('[SDK40] exports are found through other modules, private members are left out and silence is named', () => {
  const dir = mkdtempSync(join(tmpdir(), 'packlog-reference-'))
  try {
    writeFileSync(join(dir, 'index.ts'), "export { Boat, length } from './boat.ts'\n")
    writeFileSync(
      join(dir, 'boat.ts'),
      [
        '/** Floats. */',
        'export class Boat {',
        '  private readonly crew = 2',
        '  constructor(crew: number) {}',
        '  /** Goes there. */',
        '  sail(to: string): void {',
        '    this.turn(to)',
        '  }',
        '  sink(): void {}',
        '  private turn(to: string): void {}',
        '}',
        'export const length: number = 12',
        '/** Not for everybody. */',
        'export function scuttle(boat: Boat): void {}',
      ].join('\n'),
    )
    const { markdown, undocumented } = makeReference([{ module: 'index.ts', about: 'Boats.' }], dir)
    expect(undocumented).toEqual(['boat.ts: Boat.sink', 'boat.ts: length'])
    expect(markdown).toContain(
      '### Boat\n\nFloats.\n\n```ts\nclass Boat {\n  constructor(crew: number)\n}\n```\n\n#### Boat.sail\n\nGoes there.',
    )
    expect(markdown).toContain('```ts\nsail(to: string): void\n```')
    expect(markdown).toContain('```ts\nconst length: number\n```')
    expect(markdown).not.toMatch(/turn|private|scuttle/)
  } finally {
    rmSync(dir, { recursive: true })
  }
})
