import { randomUUID } from 'node:crypto'
import { expect, test } from 'vitest'
import type { Partition } from '../../schemas/ids.ts'
import { AppendFailed, type Log, type LogRecord, type StoredRecord } from '../../topics/log.ts'
import { Fenced, TRANSACTION_RECORDS_MAX, type TransactionalWriters } from '../../topics/transactional-log.ts'

/** A transaction of somebody else that has begun and not ended. */
export interface OpenTransaction {
  abort(): Promise<void>
}

export interface TransactionalHarness {
  log: Log
  writers: TransactionalWriters
  makeTopic(settings?: Record<string, string>): Promise<string>
  /** Stores records in a transaction that stays open. */
  leaveOpen(topic: string, partition: Partition, records: readonly LogRecord[]): Promise<OpenTransaction>
}

const text = (value: string): LogRecord => ({ key: Buffer.from('k'), value: Buffer.from(value), headers: {} })
const texts = (count: number, first = 0) => Array.from({ length: count }, (_, index) => text(`${first + index}`))
const upTo = (count: number) => Array.from({ length: count }, (_, index) => `${index}`)

/** What every fenced writer does; run over the one in memory and over Kafka. */
export function transactionalContract(harness: () => TransactionalHarness): void {
  /** Reads partition 0 until the record `last` comes, and gives all values until then. */
  async function readUntil(topic: string, last: string, isolation: 'committed' | 'uncommitted'): Promise<string[]> {
    const values: string[] = []
    let found = () => {}
    const done = new Promise<void>(resolve => {
      found = resolve
    })
    const reader = harness().log.read({
      topic,
      from: new Map([[0, 0]]),
      isolation,
      onBatch({ records }: { records: readonly StoredRecord[] }) {
        values.push(...records.map(record => String(record.value)))
        if (values.includes(last)) found()
      },
    })
    await done
    await reader.close()
    return values
  }
  const writer = async (id: string) => {
    const made = harness().writers(id)
    await made.init()
    return made
  }
  const id = () => `seq-${randomUUID()}`

  test('[LOG15] what is appended is there, in order, one transaction after the other', async () => {
    const topic = await harness().makeTopic()
    const one = await writer(id())
    // Asked for at once: each waits for the one before it. The second one is more than a record batch holds.
    const sizes = [3, 1_200, 1]
    let first = 0
    await Promise.all(
      sizes.map(size => {
        const records = texts(size, first)
        first += size
        return one.append({ topic, partition: 0, records })
      }),
    )
    expect(await readUntil(topic, `${first - 1}`, 'committed')).toEqual(upTo(first))
    await one.close()
  })

  test('[LOG15] nothing is appended before init', async () => {
    const topic = await harness().makeTopic()
    const one = harness().writers(id())
    await expect(one.append({ topic, partition: 0, records: texts(1) })).rejects.toMatchObject({
      name: 'AppendFailed',
      maybeStored: false,
    })
    await one.close()
  })

  test('[LOG16] of two instances the one initialised last writes, the other is fenced for ever', async () => {
    const topic = await harness().makeTopic()
    const shared = id()
    const [first, other] = [await writer(shared), await writer(id())]
    await first.append({ topic, partition: 0, records: texts(1, 0) })
    const second = await writer(shared)
    for (let round = 0; round < 2; round++) {
      await expect(first.append({ topic, partition: 0, records: [text('fenced')] })).rejects.toThrow(Fenced)
    }
    await second.append({ topic, partition: 0, records: texts(1, 1) })
    await other.append({ topic, partition: 0, records: texts(1, 2) })
    expect(await readUntil(topic, '2', 'committed')).toEqual(['0', '1', '2'])
    for (const each of [first, second, other]) await each.close()
  })

  test('[LOG16] an instance that failed does not take the id back from its successor', async () => {
    const topic = await harness().makeTopic({ 'max.message.bytes': '20000' })
    const shared = id()
    const first = await writer(shared)
    const tooLarge = [text('x'.repeat(30_000))]
    await expect(first.append({ topic, partition: 0, records: tooLarge })).rejects.toThrow(AppendFailed)
    const second = await writer(shared)
    await expect(first.append({ topic, partition: 0, records: texts(1) })).rejects.toThrow(Fenced)
    await second.append({ topic, partition: 0, records: [text('mine')] })
    expect(await readUntil(topic, 'mine', 'committed')).toEqual(['mine'])
    for (const each of [first, second]) await each.close()
  })

  test('[LOG17] a transaction that fails shows nothing, and the writer goes on', async () => {
    const topic = await harness().makeTopic({ 'max.message.bytes': '20000' })
    const one = await writer(id())
    const failed = one.append({ topic, partition: 0, records: [...texts(600, 1_000), text('x'.repeat(30_000))] })
    await expect(failed).rejects.toMatchObject({ name: 'AppendFailed', maybeStored: false })
    const huge = one.append({ topic, partition: 0, records: texts(TRANSACTION_RECORDS_MAX + 1) })
    await expect(huge).rejects.toMatchObject({ name: 'AppendFailed', maybeStored: false })
    await one.append({ topic, partition: 0, records: texts(2) })
    expect(await readUntil(topic, '1', 'committed')).toEqual(['0', '1'])
    await one.close()
  })

  test('[LOG17] a committed reader sees nothing of an aborted transaction, an uncommitted one does', async () => {
    const topic = await harness().makeTopic()
    const one = await writer(id())
    await one.append({ topic, partition: 0, records: texts(1, 0) })
    const open = await harness().leaveOpen(topic, 0, [text('aborted')])
    // Written in between, so that the aborted transaction is not a run of offsets of its own.
    await one.append({ topic, partition: 0, records: texts(1, 1) })
    await open.abort()
    await one.append({ topic, partition: 0, records: texts(1, 2) })
    expect(await readUntil(topic, '2', 'committed')).toEqual(['0', '1', '2'])
    expect(await readUntil(topic, '2', 'uncommitted')).toEqual(['0', 'aborted', '1', '2'])
    await one.close()
  })

  test('[LOG17] what lies behind an open transaction is held back until it ends', async () => {
    const topic = await harness().makeTopic()
    const open = await harness().leaveOpen(topic, 0, [text('open')])
    const one = await writer(id())
    await one.append({ topic, partition: 0, records: texts(1) })
    let ended = false
    const committed = readUntil(topic, '0', 'committed').then(values => ({ values, ended }))
    await readUntil(topic, '0', 'uncommitted')
    ended = true
    await open.abort()
    expect(await committed).toEqual({ values: ['0'], ended: true })
    await one.close()
  })
}
