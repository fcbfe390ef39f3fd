import type { Partition } from '../../schemas/ids.ts'
import type { FetchedBatch, StoredRecord } from '../../topics/log.ts'

/** What a reader brought, per partition, and a way to wait for it. */
export class Seen {
  readonly batches: FetchedBatch[] = []
  private waiting: { met: () => boolean; resolve: () => void }[] = []

  readonly onBatch = (batch: FetchedBatch): void => {
    this.batches.push(batch)
    this.check()
  }

  records(partition: Partition): StoredRecord[] {
    return this.batches.filter(batch => batch.partition === partition).flatMap(batch => batch.records)
  }

  check(): void {
    for (const { resolve } of this.waiting.filter(({ met }) => met())) resolve()
    this.waiting = this.waiting.filter(({ met }) => !met())
  }

  until(met: () => boolean): Promise<void> {
    if (met()) return Promise.resolve()
    return new Promise(resolve => this.waiting.push({ met, resolve }))
  }

  count(partition: Partition, count: number): Promise<void> {
    return this.until(() => this.records(partition).length >= count)
  }
}
