import { type AcceptedEvent, isAccepted } from '../../../schemas/event.ts'
import type { Offset, Partition, SessionId, UserId } from '../../../schemas/ids.ts'
import type { Moment } from '../air.ts'
import { operationOfEvent } from '../operations/index.ts'
import type { World } from '../world.ts'

/** What holds from the event at `from` on until the one at `to`. */
interface Span {
  partition: Partition
  from: Offset
  to: Offset
}

export function member(userId: UserId, sessionId: SessionId): string {
  return `${userId} is in ${sessionId}`
}

export function blocked(by: UserId, userId: UserId): string {
  return `${by} blocks ${userId}`
}

export function hidden(userId: UserId): string {
  return `${userId} hides`
}

/** Between which offsets of im.events users were members, blocked somebody, or hid their presence. */
export class Spans {
  private readonly spans = new Map<string, Span[]>()

  constructor({ truth }: World) {
    for (const { partition, outcomes } of truth.partitions) {
      for (const { offset, event } of outcomes) if (isAccepted(event)) this.take(event, { partition, offset })
    }
  }

  /** True where it holds from what was known for certain to what was there at all in the end. */
  throughout(what: string, known: ReadonlyMap<Partition, Offset>, { ends }: Pick<Moment, 'ends'>): boolean {
    return this.of(what).some(
      ({ partition, from, to }) => from <= (known.get(partition) ?? -1) && to >= (ends.get(partition) ?? 0),
    )
  }

  /** True where it holds at some place between the two. */
  sometime(what: string, known: ReadonlyMap<Partition, Offset>, { ends }: Pick<Moment, 'ends'>): boolean {
    return this.of(what).some(
      ({ partition, from, to }) => from < (ends.get(partition) ?? 0) && to > (known.get(partition) ?? -1),
    )
  }

  private of(what: string): readonly Span[] {
    return this.spans.get(what) ?? []
  }

  private take(event: AcceptedEvent, place: { partition: Partition; offset: Offset }): void {
    const { body, from, sessionId } = event
    const peer = sessionId
      .split(':')
      .slice(1)
      .find(user => user !== from) as UserId
    switch (body.kind) {
      case 'UserBlocked':
        this.begin(blocked(from, peer), place)
        return
      case 'UserUnblocked':
        this.end(blocked(from, peer), place)
        return
      case 'SettingsUpdated':
        body.settings.presenceShown ? this.end(hidden(from), place) : this.begin(hidden(from), place)
        return
    }
    if (!sessionId.startsWith('g:')) return
    const { joins = [], leaves = [] } = operationOfEvent(body.kind)?.members?.(event as never) ?? {}
    for (const userId of joins) this.begin(member(userId, sessionId), place)
    if (leaves === 'everybody') this.endAll(` is in ${sessionId}`, place)
    else for (const userId of leaves) this.end(member(userId, sessionId), place)
  }

  private begin(what: string, { partition, offset }: { partition: Partition; offset: Offset }): void {
    const spans = this.spans.get(what) ?? []
    this.spans.set(what, spans)
    if (spans.at(-1)?.to !== Number.POSITIVE_INFINITY)
      spans.push({ partition, from: offset, to: Number.POSITIVE_INFINITY })
  }

  private end(what: string, { offset }: { offset: Offset }): void {
    const last = this.spans.get(what)?.at(-1)
    if (last?.to === Number.POSITIVE_INFINITY) last.to = offset
  }

  private endAll(suffix: string, place: { offset: Offset }): void {
    for (const what of this.spans.keys()) if (what.endsWith(suffix)) this.end(what, place)
  }
}
