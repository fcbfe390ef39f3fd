import { expect, test } from 'vitest'
import type { Offset, Partition } from '../../schemas/ids.ts'
import {
  APPEND_BYTES_MAX,
  APPEND_RECORDS_MAX,
  AppendFailed,
  type Log,
  type LogReader,
  type LogRecord,
  PositionOutOfRange,
  type StoredRecord,
} from '../../topics/log.ts'
import { Seen } from './seen.ts'

export interface LogHarness {
  log: Log
  /** A new topic of three partitions. */
  makeTopic(settings?: Record<string, string>): Promise<string>
  /** Expires everything below the offset. */
  deleteBefore(topic: string, partition: Partition, offset: Offset): Promise<void>
}

const text = (value: string, key = 'k'): LogRecord => ({
  key: Buffer.from(key),
  value: Buffer.from(value),
  headers: {},
})
const texts = (count: number, first = 0) => Array.from({ length: count }, (_, index) => text(`${first + index}`))
const values = (records: readonly StoredRecord[]) => records.map(record => String(record.value))
const upTo = (count: number) => Array.from({ length: count }, (_, index) => `${index}`)

function gate(): { opened: Promise<void>; open: () => void } {
  let open = () => {}
  const opened = new Promise<void>(resolve => {
    open = resolve
  })
  return { opened, open }
}

/** What every log does; run over the one in memory and over Kafka. */
export function logContract(harness: () => LogHarness): void {
  const append = (topic: string, partition: Partition, records: readonly LogRecord[]) =>
    harness().log.append({ topic, partition, records })
  const readFrom = (
    topic: string,
    from: [Partition, Offset][],
    seen = new Seen(),
  ): { seen: Seen; reader: LogReader } => ({
    seen,
    reader: harness().log.read({ topic, from: new Map(from), onBatch: seen.onBatch }),
  })

  appending()
  reading()
  moving()
  ending()

  function appending(): void {
    test('[LOG5] records get the offsets that follow the base offset, in order', async () => {
      const topic = await harness().makeTopic()
      expect(await append(topic, 0, texts(3))).toEqual({ baseOffset: 0 })
      expect(await append(topic, 0, texts(2, 3))).toEqual({ baseOffset: 3 })
      const { seen, reader } = readFrom(topic, [[0, 0]])
      await seen.count(0, 5)
      expect(seen.records(0).map(record => record.offset)).toEqual([0, 1, 2, 3, 4])
      expect(values(seen.records(0))).toEqual(upTo(5))
      await reader.close()
    })

    test('[LOG5] keys, values and headers survive, null and empty ones too', async () => {
      const topic = await harness().makeTopic()
      const records: LogRecord[] = [
        { key: null, value: Buffer.from('no key'), headers: {} },
        { key: Buffer.from('no value'), value: null, headers: {} },
        { key: Buffer.alloc(0), value: Buffer.alloc(0), headers: { empty: Buffer.alloc(0) } },
        {
          key: Buffer.from('你好'),
          value: Buffer.alloc(100_000, 7),
          headers: { pos: Buffer.alloc(8, 1), ü: Buffer.from('x') },
        },
      ]
      await append(topic, 1, records)
      const { seen, reader } = readFrom(topic, [[1, 0]])
      await seen.count(1, records.length)
      expect(seen.records(1).map(({ key, value, headers }) => ({ key, value, headers }))).toEqual(records)
      await reader.close()
    })

    test("[LOG5] the append time is the log's and does not fall", async () => {
      const topic = await harness().makeTopic({ 'message.timestamp.type': 'LogAppendTime' })
      const before = Date.now()
      for (let round = 0; round < 3; round++) await append(topic, 0, texts(2))
      const { seen, reader } = readFrom(topic, [[0, 0]])
      await seen.count(0, 6)
      const times = seen.records(0).map(record => record.appendedAt)
      expect(times).toEqual([...times].sort((a, b) => a - b))
      expect(times[0]).toBeGreaterThanOrEqual(before)
      expect(times[5]).toBeLessThanOrEqual(Date.now())
      await reader.close()
    })

    test('[LOG6] many appends at once keep their order, each with its own base offset', async () => {
      const topic = await harness().makeTopic()
      const appends = Array.from({ length: 1_500 }, (_, index) => ({ partition: index % 3, size: 1 + (index % 4) }))
      const next = [0, 0, 0]
      const expected = appends.map(({ partition, size }) => {
        const baseOffset = next[partition]!
        next[partition] = baseOffset + size
        return { baseOffset }
      })
      const given = [0, 0, 0]
      const answers = await Promise.all(
        appends.map(({ partition, size }) => {
          const records = texts(size, given[partition]!)
          given[partition]! += size
          return append(topic, partition, records)
        }),
      )
      expect(answers).toEqual(expected)
      const { seen, reader } = readFrom(topic, [
        [0, 0],
        [1, 0],
        [2, 0],
      ])
      for (const partition of [0, 1, 2]) {
        await seen.count(partition, next[partition]!)
        expect(values(seen.records(partition))).toEqual(upTo(next[partition]!))
      }
      await reader.close()
    })

    test('[LOG7] too large a batch fails alone, and it says that nothing was stored', async () => {
      const topic = await harness().makeTopic({ 'max.message.bytes': '20000' })
      // Small ones before and after it, asked for in the same moment: they travel together where a log merges.
      const answers = await Promise.allSettled([
        append(topic, 0, texts(3)),
        append(topic, 0, [text('x'.repeat(30_000))]),
        append(topic, 0, texts(2, 3)),
        append(topic, 1, texts(1)),
      ])
      expect(answers.map(answer => answer.status)).toEqual(['fulfilled', 'rejected', 'fulfilled', 'fulfilled'])
      const { reason } = answers[1] as PromiseRejectedResult
      expect(reason).toBeInstanceOf(AppendFailed)
      expect(reason).toMatchObject({ maybeStored: false })
      const { seen, reader } = readFrom(topic, [[0, 0]])
      await seen.count(0, 5)
      expect(values(seen.records(0))).toEqual(upTo(5))
      await reader.close()
    })

    test('[LOG7] more records or bytes than one append may have are refused at once', async () => {
      const topic = await harness().makeTopic()
      for (const records of [texts(APPEND_RECORDS_MAX + 1), [text('x'.repeat(APPEND_BYTES_MAX))]]) {
        const refused = append(topic, 0, records)
        await expect(refused).rejects.toThrow(AppendFailed)
        await expect(refused).rejects.toMatchObject({ maybeStored: false })
      }
      expect(await append(topic, 0, texts(APPEND_RECORDS_MAX))).toEqual({ baseOffset: 0 })
      const largest = { key: null, value: Buffer.alloc(APPEND_BYTES_MAX), headers: {} }
      expect(await append(topic, 0, [largest])).toEqual({ baseOffset: APPEND_RECORDS_MAX })
    })

    test('[LOG7] an append to a partition that does not exist fails, and it says that nothing was stored', async () => {
      const topic = await harness().makeTopic()
      await expect(append(topic, 99, texts(1))).rejects.toMatchObject({ name: 'AppendFailed', maybeStored: false })
    })

    test('[LOG8] bounds are the first readable offset and the next one to be written', async () => {
      const topic = await harness().makeTopic()
      await append(topic, 1, texts(5))
      await harness().deleteBefore(topic, 1, 2)
      expect([...(await harness().log.bounds(topic))].sort(([a], [b]) => a - b)).toEqual([
        [0, { start: 0, end: 0 }],
        [1, { start: 2, end: 5 }],
        [2, { start: 0, end: 0 }],
      ])
    })
  }

  function reading(): void {
    test('[LOG9] reading begins at the wanted offset and says where the log ends', async () => {
      const topic = await harness().makeTopic()
      await append(topic, 0, texts(10))
      const { seen, reader } = readFrom(topic, [[0, 7]])
      await seen.count(0, 3)
      expect(seen.records(0).map(record => record.offset)).toEqual([7, 8, 9])
      expect(seen.batches.at(-1)!.end).toBe(10)
      await reader.close()
    })

    test('[LOG9] a reader at the end gets what is appended later', async () => {
      const topic = await harness().makeTopic()
      await append(topic, 0, texts(2))
      const { seen, reader } = readFrom(topic, [[0, 2]])
      await append(topic, 0, texts(3, 2))
      await seen.count(0, 3)
      expect(values(seen.records(0))).toEqual(['2', '3', '4'])
      await reader.close()
    })

    test('[LOG10] the handler of a partition is never called while it runs, and misses nothing', async () => {
      const topic = await harness().makeTopic()
      const seen = new Seen()
      let running = 0
      let overlaps = 0
      const reader = harness().log.read({
        topic,
        from: new Map([[0, 0]]),
        async onBatch(batch) {
          if (running++ > 0) overlaps++
          // The next append is stored while this call runs, so that there is something to overlap with.
          if (seen.records(0).length < 200) await append(topic, 0, texts(20, 20 + 20 * seen.batches.length))
          running--
          seen.onBatch(batch)
        },
      })
      await append(topic, 0, texts(20))
      await seen.count(0, 200)
      expect(overlaps).toBe(0)
      expect(values(seen.records(0)).slice(0, 200)).toEqual(upTo(200))
      await reader.close()
    })

    test('[LOG11] a handler that stands still holds up no other partition', async () => {
      const topic = await harness().makeTopic()
      const seen = new Seen()
      const { opened, open } = gate()
      const reader = harness().log.read({
        topic,
        from: new Map([
          [0, 0],
          [1, 0],
        ]),
        async onBatch(batch) {
          if (batch.partition === 0) await opened
          seen.onBatch(batch)
        },
      })
      // More than is ever fetched ahead, so that the partition that stands still is full.
      const large = () => Array.from({ length: 8 }, () => ({ ...text('x'.repeat(100_000)) }))
      for (let round = 0; round < 6; round++) await append(topic, 0, large())
      for (let round = 0; round < 5; round++) {
        await append(topic, 1, texts(10, 10 * round))
        await seen.count(1, 10 * (round + 1))
      }
      expect(seen.records(0)).toEqual([])
      open()
      await seen.count(0, 48)
      expect(seen.records(0).map(record => record.offset)).toEqual(Array.from({ length: 48 }, (_, index) => index))
      await reader.close()
    })
  }

  function moving(): void {
    test('[LOG12] seek moves a partition, forwards and back, also from inside its handler', async () => {
      const topic = await harness().makeTopic()
      await append(topic, 0, texts(10))
      const seen = new Seen()
      const reader = harness().log.read({
        topic,
        from: new Map([[0, 8]]),
        onBatch(batch) {
          if (seen.batches.length === 0) reader.seek(0, 3)
          seen.onBatch(batch)
        },
      })
      await seen.count(0, 9)
      expect(seen.records(0).map(record => record.offset)).toEqual([8, 9, 3, 4, 5, 6, 7, 8, 9])
      reader.seek(0, 9)
      await seen.count(0, 10)
      expect(seen.records(0).at(-1)!.offset).toBe(9)
      await reader.close()
    })

    test('[LOG12] seek adds a partition, remove takes one away and it can come back', async () => {
      const topic = await harness().makeTopic()
      for (const partition of [0, 1]) await append(topic, partition, texts(4))
      const { seen, reader } = readFrom(topic, [[0, 0]])
      await seen.count(0, 4)
      reader.remove(0)
      reader.seek(1, 2)
      await seen.count(1, 2)
      await append(topic, 0, texts(2, 4))
      await append(topic, 1, texts(2, 4))
      await seen.count(1, 4)
      expect(values(seen.records(0))).toEqual(upTo(4))
      expect(values(seen.records(1))).toEqual(['2', '3', '4', '5'])
      reader.seek(0, 4)
      await seen.count(0, 6)
      expect(values(seen.records(0))).toEqual(upTo(6))
      await reader.close()
    })

    test('[LOG12] a partition moved while its handler runs is not called twice at once', async () => {
      const topic = await harness().makeTopic()
      await append(topic, 0, texts(4))
      const seen = new Seen()
      const { opened, open } = gate()
      let running = 0
      let runningMax = 0
      let began = () => {}
      const begun = new Promise<void>(resolve => {
        began = resolve
      })
      const reader = harness().log.read({
        topic,
        from: new Map([[0, 0]]),
        async onBatch(batch) {
          runningMax = Math.max(runningMax, ++running)
          began()
          await opened
          running--
          seen.onBatch(batch)
        },
      })
      await begun
      reader.remove(0)
      reader.seek(0, 1)
      // Another partition goes through the whole way meanwhile: the moved one had its time to be called.
      await append(topic, 1, texts(1))
      const other = readFrom(topic, [[1, 0]])
      await other.seen.count(1, 1)
      open()
      await seen.count(0, 7)
      expect(seen.records(0).map(record => record.offset)).toEqual([0, 1, 2, 3, 1, 2, 3])
      expect(runningMax).toBe(1)
      await other.reader.close()
      await reader.close()
    })
  }

  function ending(): void {
    test('[LOG13] close waits for the handler that runs, then done resolves and no more is handed over', async () => {
      const topic = await harness().makeTopic()
      await append(topic, 0, texts(1))
      const { opened, open } = gate()
      const order: string[] = []
      let began = () => {}
      const begun = new Promise<void>(resolve => {
        began = resolve
      })
      const reader = harness().log.read({
        topic,
        from: new Map([[0, 0]]),
        async onBatch() {
          order.push('begun')
          began()
          await opened
          order.push('finished')
        },
      })
      await begun
      const closed = reader.close().then(() => order.push('closed'))
      await append(topic, 0, texts(1))
      open()
      await closed
      await reader.done
      expect(order).toEqual(['begun', 'finished', 'closed'])
    })

    test('[LOG13] a handler that throws ends the reader with what it threw', async () => {
      const topic = await harness().makeTopic()
      await append(topic, 0, texts(1))
      const thrown = new Error('the handler is broken')
      const thrower = (broken: () => void | Promise<void>) =>
        harness().log.read({ topic, from: new Map([[0, 0]]), onBatch: broken })
      await expect(
        thrower(() => {
          throw thrown
        }).done,
      ).rejects.toBe(thrown)
      await expect(thrower(() => Promise.reject(thrown)).done).rejects.toBe(thrown)
    })

    test('[LOG14] a position that the log does not hold any more, or not yet, ends the reader and names the bounds', async () => {
      const topic = await harness().makeTopic()
      await append(topic, 0, texts(5))
      await harness().deleteBefore(topic, 0, 3)
      for (const wanted of [2, 6]) {
        const { reader } = readFrom(topic, [[0, wanted]])
        await expect(reader.done).rejects.toThrow(PositionOutOfRange)
        await expect(reader.done).rejects.toMatchObject({ topic, partition: 0, wanted, bounds: { start: 3, end: 5 } })
      }
      for (const wanted of [3, 5]) {
        const { seen, reader } = readFrom(topic, [[0, wanted]])
        await append(topic, 1, texts(1))
        reader.seek(1, 0)
        await seen.count(1, 1)
        await reader.close()
        await reader.done
      }
    })
  }
}
