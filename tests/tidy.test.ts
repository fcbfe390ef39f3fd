import { readdirSync, readFileSync } from 'node:fs'
import { dirname, join, normalize } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'

/** What no compiler checks: who may import whom, what stays outside the pure core, and that SPEC.md and tests agree. */

const root = fileURLToPath(new URL('..', import.meta.url))
const SOURCE_FOLDERS = [
  'schemas',
  'topics',
  'processors',
  'gateway',
  'infra',
  'client',
  'web',
  'commands',
  'verify',
  'bench',
  'faults',
  'tests',
]

function sourceFiles(folder: string): string[] {
  return readdirSync(join(root, folder), { withFileTypes: true, recursive: true })
    .filter(entry => entry.isFile() && /\.tsx?$/.test(entry.name))
    .map(entry => join(entry.parentPath, entry.name).slice(root.length))
    .filter(file => !file.includes('node_modules'))
}

const files = ['main.ts', ...SOURCE_FOLDERS.flatMap(sourceFiles)].map(path => ({
  path,
  text: readFileSync(join(root, path), 'utf8'),
}))
const isTest = (path: string) => path.endsWith('.test.ts') || path.startsWith('tests/') || path.includes('/testing/')
const product = files.filter(({ path }) => !isTest(path))

/** Lines without comments: what a ban looks at. */
function code(text: string): string {
  return text.replace(/\/\*[\s\S]*?\*\//g, '').replace(/^\s*\/\/.*$/gm, '')
}

function offenders(pattern: RegExp, allowed: (path: string) => boolean, among = product): string[] {
  return among.filter(({ path, text }) => !allowed(path) && pattern.test(code(text))).map(({ path }) => path)
}

function imports(text: string): string[] {
  return [...text.matchAll(/^(?:import|export)\s[^'"]*?from\s+['"]([^'"]+)['"]/gm)].map(match => match[1]!)
}

test('[TD1] time, timers and randomness come in through infra/clock.ts', () => {
  const banned =
    /\bDate\.now\(|\bMath\.random\(|\brandomUUID\(|\brandomBytes\(|\bsetTimeout\(|\bsetInterval\(|\bsetImmediate\(|\bperformance\.now\(|node:timers/
  // The local stack makes keys and cluster ids, and nothing of it is simulated.
  const clocks = new Set(['infra/clock.ts', 'infra/portable-clock.ts'])
  const allowed = (path: string) => clocks.has(path) || path.startsWith('infra/local/')
  expect(offenders(banned, allowed)).toEqual([])
})

test('[TD2] process.env is read at the edges only', () => {
  const edges = /^(main\.ts|infra\/local\/|bench\/|faults\/|client\/terminal\/|commands\/)/
  expect(offenders(/\bprocess\.env\b/, path => edges.test(path))).toEqual([])
})

test('[TD3] client libraries appear in adapters only', () => {
  const libraries: Record<string, RegExp> = {
    // The checker of `npm run faults` has clients of its own, so that it shares no mistake with the product.
    kafkajs: /^infra\/kafka\/|^infra\/local\/|^faults\/check\//,
    '@kafkajs/confluent-schema-registry': /^infra\/registry\//,
    ioredis: /^infra\/redis\/|-store\.ts$|redis[a-z-]*\.ts$|\/inspect\.ts$|^faults\//,
    '@clickhouse/client': /^infra\/clickhouse\//,
    lmdb: /^processors\/sequencer\/lmdb-[a-z-]+\.ts$|state-store/,
    ws: /^gateway\/ws\/|^client\/|^bench\//,
    fastify: /^gateway\/http\//,
    aws4fetch: /^gateway\/media\/s3-/,
    '@fastify/static': /^gateway\/http\//,
    react: /^web\//,
    '@mantine/core': /^web\//,
    pino: /^infra\/logger\.ts$/,
    'prom-client': /^infra\/metrics\.ts$/,
    avsc: /^schemas\/|^topics\/memory-registry\.ts$|^faults\/check\//,
  }
  const found: string[] = []
  for (const { path, text } of product) {
    for (const specifier of imports(text)) {
      const library = Object.keys(libraries).find(name => specifier === name || specifier.startsWith(`${name}/`))
      if (library !== undefined && !libraries[library]!.test(path)) found.push(`${path} imports ${library}`)
    }
  }
  expect(found).toEqual([])
})

/** Folder -> folders that it may not import from. */
const LAYERS: Record<string, RegExp> = {
  schemas: /^(topics|processors|gateway|client|bench|faults|verify|commands)\//,
  topics: /^(processors|gateway|client|bench|faults|verify|commands)\//,
  infra: /^(processors|gateway|client|bench|faults|verify|commands)\//,
  processors: /^(gateway|client|bench|faults|verify|commands)\//,
  gateway: /^(client|bench|faults|verify|commands)\//,
  web: /^(topics|processors|gateway|verify|commands|bench|faults)\//,
  client: /^(web|topics|processors|gateway|verify|commands|bench|faults)\//,
  verify: /^(gateway|client|bench|faults|commands)\/|^processors\/[a-z]+\/(project|evolve|decide)\.ts$/,
}

/** Folders of processors/ that are no processor. */
const SHARED: ReadonlySet<string> = new Set(['rebuild'])

test('[TD4] imports follow the flow: schemas, topics, processors, gateway', () => {
  const found: string[] = []
  for (const { path, text } of product) {
    const banned = LAYERS[path.split('/')[0]!]
    const processor = /^processors\/([a-z]+)\//.exec(path)?.[1]
    for (const specifier of imports(text).filter(name => name.startsWith('.'))) {
      const target = normalize(join(dirname(path), specifier))
      if (banned?.test(target)) found.push(`${path} imports ${target}`)
      const other = /^processors\/([a-z]+)\//.exec(target)?.[1]
      if (processor !== undefined && other !== undefined && other !== processor && !SHARED.has(other)) {
        found.push(`${path} imports ${target}: processors meet only through a topic`)
      }
    }
  }
  expect(found).toEqual([])
})

test('[PU60] the fakes of push vendors share nothing with the product: what one has wrong the other would not tell', () => {
  const fakes = files.filter(({ path }) => path.startsWith(FAKES) && path !== `${FAKES}local.ts`)
  expect(fakes.length).toBeGreaterThan(5)
  const foreign = fakes.flatMap(({ path, text }) =>
    imports(text).flatMap(name => (/^node:|^\.\/[\w-]+\.ts$/.test(name) ? [] : [`${path} imports ${name}`])),
  )
  expect(foreign).toEqual([])
})

const FAKES = 'infra/local/push-fakes/'

const PURE = /\/(decide|evolve|project|plan|connection|merge|membership-index|session-cursor)\.ts$/

test('[TD5] pure files do not wait and import no client library', () => {
  const pure = product.filter(({ path }) => PURE.test(path))
  expect(pure.length).toBeGreaterThan(5)
  expect(offenders(/\bawait\b|\basync\b/, () => false, pure)).toEqual([])
  const impure = pure.flatMap(({ path, text }) =>
    imports(text)
      .filter(name => !name.startsWith('.') && !name.startsWith('node:crypto'))
      .map(name => `${path} imports ${name}`),
  )
  expect(impure).toEqual([])
})

test('[TD6] tests wait on progress, run all, and are not retried', () => {
  const tests = files.filter(({ path }) => isTest(path) && path !== 'tests/tidy.test.ts')
  expect(offenders(/\b(test|it|describe)\.(skip|only|todo)\b|\bretry:\s*\d/, () => false, tests)).toEqual([])
})

/** What a test file replaces, and what puts it back. */
const PUT_BACK: readonly [RegExp, string][] = [
  [/\bvi\.(mock|doMock)\(/, 'vi.resetModules('],
  [/\bvi\.(mock|doMock)\(/, 'vi.doUnmock('],
  [/\bvi\.useFakeTimers\(/, 'vi.useRealTimers('],
  [/\bvi\.stubGlobal\(/, 'vi.unstubAllGlobals('],
  [/\bvi\.stubEnv\(/, 'vi.unstubAllEnvs('],
  [/\b(globalThis|process\.env)\.\w+ = /, 'vi.stubGlobal( or vi.stubEnv( instead'],
]

test('[TD20] what a test replaces it puts back: the next file of its worker has the same modules and globals', () => {
  const tests = files.filter(({ path }) => path.endsWith('.test.ts') && path !== 'tests/tidy.test.ts')
  const found = tests.flatMap(({ path, text }) =>
    PUT_BACK.flatMap(([replaced, back]) => (replaced.test(text) && !text.includes(back) ? [`${path}: ${back}`] : [])),
  )
  expect(found).toEqual([])
})

test('[TD21] the files that vitest.config.ts begins with are there', () => {
  const named = [...readFileSync(join(root, 'vitest.config.ts'), 'utf8').matchAll(/'([^'*]+\.test\.ts)'/g)]
  expect(named.length).toBeGreaterThan(0)
  expect(named.map(([, file]) => file!).filter(file => !files.some(({ path }) => path === file))).toEqual([])
})

test('[TD7] no any, no suppressed types', () => {
  expect(
    offenders(
      /\bas any\b|: any\b|@ts-ignore|@ts-nocheck|@ts-expect-error/,
      path => path === 'tests/tidy.test.ts',
      files,
    ),
  ).toEqual([])
})

test('[TD8] every rule of SPEC.md has an id of its own and is cited by a test, and every cited rule exists', () => {
  const spec = readFileSync(join(root, 'SPEC.md'), 'utf8')
  const ids = [...spec.matchAll(/^- \*\*([A-Z][A-Z0-9]{1,2}\d+)\*\*/gm)].map(match => match[1]!)
  const rules = new Set(ids)
  expect(ids.filter((id, index) => ids.indexOf(id) !== index)).toEqual([])
  const cited = new Set<string>()
  for (const { path, text } of files.filter(file => isTest(file.path))) {
    for (const match of text.matchAll(/\[((?:[A-Z][A-Z0-9]{1,2}\d+)(?:,\s*[A-Z][A-Z0-9]{1,2}\d+)*)\]/g)) {
      for (const id of match[1]!.split(/,\s*/)) {
        cited.add(id)
        if (!rules.has(id)) expect.soft(id, `${path} cites a rule that SPEC.md does not have`).toBeUndefined()
      }
    }
  }
  expect([...rules].filter(id => !cited.has(id))).toEqual([])
})

test('[TD9] docs/features.md has a row for every id, and the tests that it names exist', () => {
  const features = readFileSync(join(root, 'docs/features.md'), 'utf8')
  const rows = [...features.matchAll(/^\| ([A-I]\d+[a-d]?) \|([^|]*)\|([^|]*)\|([^|]*)\|$/gm)]
  const ids = rows.map(row => row[1])
  const expected = {
    A: 8,
    B: 10,
    C: 7,
    D: 8,
    E: 10,
    F: 7,
    G: 4,
    H: 9,
    I: 4,
  } as const
  for (const [letter, count] of Object.entries(expected)) {
    for (let number = 1; number <= count; number++) {
      expect
        .soft(
          ids.some(id => id!.startsWith(`${letter}${number}`)),
          `${letter}${number}`,
        )
        .toBe(true)
    }
  }
  const paths = new Set(files.map(({ path }) => path))
  for (const row of rows) {
    for (const named of row[4]!.matchAll(/`([^`]+\.test\.ts)`/g)) {
      expect.soft(paths.has(named[1]!), `${row[1]} names ${named[1]}`).toBe(true)
    }
  }
})

test('[TD12] each decision has a number of its own, and its title says it', () => {
  const names = readdirSync(join(root, 'docs/adr'))
    .filter(name => name.endsWith('.md'))
    .sort()
  const numbers = names.map(name => Number(name.slice(0, 4)))
  expect(new Set(numbers).size).toBe(numbers.length)
  for (const name of names) {
    const title = readFileSync(join(root, 'docs/adr', name), 'utf8').split('\n', 1)[0]!
    expect.soft(title, name).toMatch(new RegExp(`^# ${Number(name.slice(0, 4))}\\. `))
  }
})
