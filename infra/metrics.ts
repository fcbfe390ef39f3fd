import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client'

/** One value of a metric as it is now. */
export interface Figure {
  name: string
  labels: Record<string, string | number>
  value: number
}

/** All metrics of a process, with names that begin with `packlog_`. Made once in main.ts and handed down. */
export class Metrics {
  readonly registry = new Registry()

  constructor(labels: Record<string, string> = {}) {
    this.registry.setDefaultLabels(labels)
  }

  /** Adds CPU, memory and event-loop metrics of the process. */
  withProcess(): this {
    collectDefaultMetrics({ register: this.registry })
    return this
  }

  /** The present values of all gauges and counters. */
  async figures(): Promise<Figure[]> {
    const all = await this.registry.getMetricsAsJSON()
    return all.flatMap(({ name, values }) =>
      values.map(({ labels, value }) => ({ name, labels: labels as Figure['labels'], value })),
    )
  }

  counter<L extends string = never>(name: string, help: string, labelNames: readonly L[] = []): Counter<L> {
    return new Counter({ name: `packlog_${name}`, help, labelNames, registers: [this.registry] })
  }

  gauge<L extends string = never>(name: string, help: string, labelNames: readonly L[] = []): Gauge<L> {
    return new Gauge({ name: `packlog_${name}`, help, labelNames, registers: [this.registry] })
  }

  /** `buckets` in the unit that the name ends with. */
  histogram<L extends string = never>(
    name: string,
    help: string,
    buckets: number[],
    labelNames: readonly L[] = [],
  ): Histogram<L> {
    return new Histogram({ name: `packlog_${name}`, help, buckets, labelNames, registers: [this.registry] })
  }
}
