import { join } from 'node:path'
import type { StackFile } from './stack-file.ts'

/** What is printed when everything works; the first line begins with `ready`. */
export function readyText(how: {
  seconds: number
  urls: StackFile['urls']
  dataDir: string
  inboxUrl?: string | undefined
}): string {
  const { seconds, urls, dataDir, inboxUrl } = how
  const metrics = Object.entries(urls.metrics).map(([name, url]) => `  metrics       ${url}  (${name})`)
  return [
    `ready after ${seconds.toFixed(1)} s`,
    `  web chat      ${urls.http}/`,
    `  console       ${urls.http}/console/`,
    `  WebSocket     ${urls.ws}`,
    `  HTTP          ${urls.http}`,
    ...metrics,
    `  ClickHouse    ${urls.clickhouse}`,
    `  Kafka         ${urls.kafka}`,
    `  registry      ${urls.registry}`,
    `  Redis         ${urls.redis}`,
    ...(inboxUrl === undefined ? [] : [`  push inbox    ${inboxUrl}  (what phones would show)`]),
    `  data, logs    ${dataDir}, ${join(dataDir, 'logs')}`,
    '',
    `Chat in the browser:      ${urls.http}/  (any name; another one in a private window)`,
    `The HTTP API:             ${urls.http}/reference/, with the key in ${join(dataDir, 'admin.key')}`,
    `The console:              ${urls.http}/console/, with the same key, or one of a role: npm run key -- create admin --role viewer`,
    'A token for a user:       npm run token -- alice',
    'Your first conversation:  npm run chat -- alice bob',
    '  and in a second terminal: npm run chat -- bob alice',
    'Ctrl-C stops everything in order; the data stays.',
  ].join('\n')
}
