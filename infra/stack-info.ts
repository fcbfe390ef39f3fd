/** What tools learn of the local stack from the file that it keeps about itself (`stack.json`). */
export interface StackInfo {
  /** Environment of the roles, without what belongs to one process. */
  env: Record<string, string>
  urls: {
    ws: string
    http: string
    clickhouse: string
    kafka: string
    registry: string
    redis: string
    metrics: Record<string, string>
  }
  /** Everything that runs, with its present pid. */
  processes: { name: string; pid: number }[]
}
