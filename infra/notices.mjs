/**
 * Writes THIRD-PARTY-NOTICES.md from package-lock.json: every package of a production install with its licence, and
 * the parts that the local stack runs beside the product. `node infra/notices.mjs --check` only compares.
 */
import { readFileSync, writeFileSync } from 'node:fs'

const root = new URL('../', import.meta.url)
const lock = JSON.parse(readFileSync(new URL('package-lock.json', root), 'utf8'))

const packages = Object.entries(lock.packages)
  .filter(([path, entry]) => path !== '' && !entry.dev && !entry.devOptional)
  .map(([path, entry]) => ({
    name: path.split('node_modules/').pop(),
    version: entry.version,
    licence: entry.license ?? 'see the package',
  }))
  .sort((a, b) => (a.name < b.name ? -1 : 1))

const PARTS = [
  ['Apache Kafka', 'Apache-2.0', 'local stack, from Maven Central'],
  ['Apache Log4j', 'Apache-2.0', 'local stack, from Maven Central'],
  ['Apicurio Registry', 'Apache-2.0', 'local stack, from Maven Central'],
  ['Redis 7.0', 'BSD-3-Clause', 'local stack, from the system'],
  ['ClickHouse (chdb)', 'Apache-2.0', 'local stack, from npm'],
  ['ffi-rs', 'MIT', 'local stack, from npm'],
]

const text = `# Third-party notices

packlog is licensed under Apache-2.0 (see LICENSE). It sends nothing anywhere: no telemetry. This file is made by
\`node infra/notices.mjs\`; the licence texts are in the packages themselves.

## Packages of a production install

| package | version | licence |
|---|---|---|
${packages.map(entry => `| ${entry.name} | ${entry.version} | ${entry.licence} |`).join('\n')}

## Programs that \`npm start\` runs beside the product

| program | licence | where from |
|---|---|---|
${PARTS.map(part => `| ${part.join(' | ')} |`).join('\n')}
`

const target = new URL('THIRD-PARTY-NOTICES.md', root)
if (process.argv.includes('--check')) {
  if (readFileSync(target, 'utf8') !== text) {
    console.error('THIRD-PARTY-NOTICES.md is out of date: run node infra/notices.mjs')
    process.exitCode = 1
  }
} else {
  writeFileSync(target, text)
}
