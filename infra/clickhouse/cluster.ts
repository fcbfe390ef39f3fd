/**
 * The same statements on one server and on a cluster: what makes or changes tables is done ON CLUSTER, and tables are
 * kept by every replica. Statements that read or write rows stay as they are. Pure.
 *
 * The path of a replicated table is the server's default, which names the table by its UUID, so that a table can be
 * exchanged or dropped and made again; its macros {shard} and {replica} are those of the servers' configuration.
 */
export function onCluster(statement: string, cluster: string): string {
  const where = `ON CLUSTER '${cluster.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'`
  const named = NAMED.exec(statement)
  if (named !== null) return replicated(`${named[0]} ${where}${statement.slice(named[0].length)}`)
  // The names of all pairs come before.
  if (EXCHANGE.test(statement)) return `${statement.trimEnd()} ${where}`
  return statement
}

const NAME = String.raw`(?:\`(?:[^\`\\]|\\.)+\`|[\w.]+)`
const NAMED = new RegExp(
  String.raw`^\s*(?:CREATE (?:OR REPLACE )?(?:DATABASE|TABLE|VIEW|MATERIALIZED VIEW)(?: IF NOT EXISTS)?|DROP (?:DATABASE|TABLE|VIEW)(?: IF EXISTS)?|ALTER TABLE) ${NAME}`,
)
const EXCHANGE = /^\s*EXCHANGE TABLES /

function replicated(statement: string): string {
  return statement
    .replace(/^(ENGINE = )(\w*MergeTree)\b/m, '$1Replicated$2')
    .replaceAll(/(?<!\w)non_replicated_deduplication_window/g, 'replicated_deduplication_window')
}
