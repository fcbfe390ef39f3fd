import { connect } from 'node:net'
import { type ITopicMetadata, Kafka, logLevel } from 'kafkajs'
import type { Millis } from '../clock.ts'

/** Longest time that one question to a starting part may take. */
const PROBE_MS_MAX: Millis = 2_000
const PROBE_GROUP = 'packlog-readiness-probe'

/** True when the URL answers with 2xx and, where given, with this text. Never throws. */
export async function answersHttp(url: string, expected?: string): Promise<boolean> {
  try {
    const response = await fetch(url, { signal: AbortSignal.timeout(PROBE_MS_MAX) })
    const body = await response.text()
    return response.ok && (expected === undefined || body.trim() === expected)
  } catch {
    return false
  }
}

/** True when Redis answers PING with PONG: not while it is loading its data. Never throws. */
export function answersPing(host: string, port: number): Promise<boolean> {
  return new Promise(resolve => {
    const socket = connect({ host, port, timeout: PROBE_MS_MAX })
    const end = (answer: boolean) => {
      socket.destroy()
      resolve(answer)
    }
    socket.once('connect', () => socket.write('PING\r\n'))
    socket.once('data', data => end(data.toString().startsWith('+PONG')))
    socket.once('timeout', () => end(false))
    socket.once('error', () => end(false))
    socket.once('close', () => end(false))
  })
}

/**
 * Undefined when Kafka is ready: every partition of every topic has a leader, with `inSync` also all its replicas in
 * step, and the group coordinator answers. Otherwise what is missing. Never throws.
 */
export async function kafkaLacks(broker: string, { inSync }: { inSync: boolean }): Promise<string | undefined> {
  const [host = '', port = ''] = broker.split(':')
  // The port is tried first: a refused connection costs kafkajs a backoff, and us nothing.
  if (!(await accepts(host, Number(port)))) return 'does not accept connections'
  const kafka = new Kafka({
    brokers: [broker],
    logLevel: logLevel.NOTHING,
    connectionTimeout: PROBE_MS_MAX,
    requestTimeout: PROBE_MS_MAX,
    retry: { retries: 0 },
  })
  const admin = kafka.admin()
  try {
    await admin.connect()
    // The first look also tells kafkajs which brokers there are, without which it finds no coordinator.
    await admin.fetchTopicMetadata()
    await admin.describeGroups([PROBE_GROUP])
    const { topics } = await admin.fetchTopicMetadata()
    const leaderless = topics.flatMap(leaderlessPartitions)
    if (leaderless.length > 0) return `without a leader: ${leaderless.slice(0, 5).join(', ')}`
    const lagging = inSync ? topics.flatMap(laggingPartitions) : []
    return lagging.length === 0 ? undefined : `replicas not in step: ${lagging.slice(0, 5).join(', ')}`
  } catch (error) {
    return error instanceof Error ? error.message : String(error)
  } finally {
    await admin.disconnect().catch(() => {})
  }
}

function leaderlessPartitions({ name, partitions }: ITopicMetadata): string[] {
  return partitions.filter(({ leader }) => leader < 0).map(({ partitionId }) => `${name}-${partitionId}`)
}

function laggingPartitions({ name, partitions }: ITopicMetadata): string[] {
  return partitions
    .filter(({ isr, replicas }) => isr.length < replicas.length)
    .map(({ partitionId }) => `${name}-${partitionId}`)
}

function accepts(host: string, port: number): Promise<boolean> {
  return new Promise(resolve => {
    const socket = connect({ host, port, timeout: PROBE_MS_MAX })
    const end = (answer: boolean) => {
      socket.destroy()
      resolve(answer)
    }
    socket.once('connect', () => end(true))
    socket.once('timeout', () => end(false))
    socket.once('error', () => end(false))
  })
}
