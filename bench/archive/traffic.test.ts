import { expect, test } from 'vitest'
import type { PlacedEvent } from '../../processors/view.ts'
import { BadOptions } from '../options.ts'
import { ARCHIVE_HELP, parseArchiveOptions } from './options.ts'
import { Traffic } from './traffic.ts'
import { PAIRS, pairOf, WORDS, wordOf } from './vocabulary.ts'

const options = {
  seed: 3,
  events: 5_000,
  users: 200,
  sessions: 600,
  textBytes: 60,
  startAt: 1_000_000,
  spanMs: 500_000,
  partitionOf: (sessionId: string) => sessionId.length % 4,
}

function all(seed: number, chunk: number): PlacedEvent[] {
  const traffic = new Traffic({ ...options, seed })
  const byPartition = new Map<number, PlacedEvent[]>()
  for (let batch = traffic.next(chunk); batch.size > 0; batch = traffic.next(chunk)) {
    for (const [partition, events] of batch) {
      byPartition.set(partition, [...(byPartition.get(partition) ?? []), ...events])
    }
  }
  return [...byPartition.keys()].sort().flatMap(partition => byPartition.get(partition)!)
}

test('[BN16] the same seed gives the same traffic, in whatever pieces', () => {
  expect(all(3, 5_000)).toEqual(all(3, 700))
  expect(all(4, 5_000)).not.toEqual(all(3, 5_000))
})

test('[BN16] seqs are dense, times do not fall, and only messages that stand are changed', () => {
  const lastSeq = new Map<string, number>()
  const gone = new Set<string>()
  const kinds = new Set<string>()
  const events = all(3, 5_000)
  expect(events).toHaveLength(options.events)
  for (const { event } of events) {
    const { sessionId, seq, body } = event
    kinds.add(body.kind)
    if (seq > 0) {
      expect(seq).toBe((lastSeq.get(sessionId) ?? 0) + 1)
      lastSeq.set(sessionId, seq)
    }
    if (!('target' in body)) continue
    const place = `${sessionId} ${body.target.seq}`
    expect(gone.has(place)).toBe(false)
    expect(body.target.seq).toBeLessThan(seq)
    if (body.kind === 'MessageRevoked') gone.add(place)
  }
  expect([...kinds].sort()).toEqual([
    'DeliveredMarked',
    'GroupCreated',
    'MessageAccepted',
    'MessageOverridden',
    'MessageRevoked',
    'PackRefused',
    'ReactionAdded',
    'ReadMarked',
  ])
})

test('[BN16] every rank has a word of its own', () => {
  expect(new Set(Array.from({ length: WORDS }, (_, rank) => wordOf(rank))).size).toBe(WORDS)
  expect(new Set(Array.from({ length: PAIRS }, (_, rank) => pairOf(rank))).size).toBe(PAIRS)
})

test('[BN17] the command line is understood, or it is said why not', () => {
  expect(parseArchiveOptions(['archive', '--messages', '10', '--keep'])).toMatchObject({
    keep: true,
    json: false,
    parameters: { messages: 10, textBytes: 200, partitions: 12, searches: 200, seed: 1 },
  })
  expect(parseArchiveOptions(['archive', '--help'])).toBe(ARCHIVE_HELP)
  for (const args of [
    ['--messages', '0'],
    ['--sessions', '5'],
    ['--nonsense', '1'],
    ['--bytes', 'x'],
  ]) {
    expect(() => parseArchiveOptions(['archive', ...args])).toThrow(BadOptions)
  }
})
