import { describe, expect, test } from 'vitest'
import { EVENT_COLUMNS, type EventRow } from '../processors/archive/event-row.ts'
import { projectEvent } from '../processors/archive/project.ts'
import { encodeRows, RowBinaryReader } from '../processors/archive/row-binary.ts'
import { placed, sampleEvent } from '../processors/archive/testing/sample-events.ts'
import type { Event, EventBody } from '../schemas/event.ts'
import { parseSessionId } from '../schemas/ids.ts'
import { CONTENTS, EVENT_BODIES, MESSAGE_EXTRAS } from '../schemas/testing/samples.ts'
import { ArchivedBytes } from './archived-bytes.ts'
import { ArchivedRows } from './archived-rows.ts'
import { compareEventRow } from './compare-archive.ts'

const bodies: EventBody[] = [
  ...Object.values(EVENT_BODIES).flatMap<EventBody>(samples => [...samples]),
  ...Object.values(CONTENTS).map((content): EventBody => ({ kind: 'MessageAccepted', content })),
  ...MESSAGE_EXTRAS.map((extra): EventBody => {
    return { kind: 'MessageAccepted', content: { kind: 'Text', text: 'ä'.repeat(50) }, extra }
  }),
]
const kindOf = (sessionId: string) => parseSessionId(sessionId)?.kind ?? ''
const pushInfo = { title: 't', summary: 's', url: 'u' }

describe('[VF9] bytes that a row must have', () => {
  test.each(bodies)('$kind %#: where they are known, they are those of a row that gives the event back', body => {
    for (const event of [sampleEvent(5, { body }), sampleEvent(6, { body, pushInfo })]) {
      const { offset } = placed(event).position
      const bytes = new ArchivedBytes(7, kindOf).of(event, offset)
      if (bytes === undefined) continue
      const [row, ...more] = new RowBinaryReader<EventRow>(EVENT_COLUMNS).read(Buffer.from(bytes))
      expect(more).toEqual([])
      expect(compareEventRow(7, offset, event, row)).toEqual([])
      expect(bytes.equals(encodeRows(EVENT_COLUMNS, [projectEvent(7, placed(event))], 0))).toBe(true)
    }
  })

  test('they are known for messages of text and for marks, not for what a row cannot hold', () => {
    const known = bodies.filter(body => new ArchivedBytes(7, kindOf).of(sampleEvent(5, { body }), 5) !== undefined)
    expect(new Set(known.map(({ kind }) => kind))).toContain('ReadMarked')
    expect(new Set(known.map(({ kind }) => kind))).toContain('MessageAccepted')
    expect(new ArchivedBytes(7, kindOf).of(sampleEvent(5, { packId: 'no uuid' as Event['packId'] }), 5)).toBeUndefined()
    expect(new ArchivedBytes(7, kindOf).of(sampleEvent(5, { at: -1 }), 5)).toBeUndefined()
    expect(new ArchivedBytes(7, kindOf).of(sampleEvent(5, { digest: Buffer.alloc(3) }), 5)).toBeUndefined()
  })

  test('rows are passed by their bytes or read, wherever the pieces end', async () => {
    const events = Array.from({ length: 9 }, (_, number) => sampleEvent(number))
    const all = encodeRows(
      EVENT_COLUMNS,
      events.map(event => projectEvent(7, placed(event))),
      0,
    )
    for (const size of [1, 100, 1_000, all.length]) {
      const pieces = Array.from({ length: Math.ceil(all.length / size) }, (_, n) =>
        all.subarray(n * size, (n + 1) * size),
      )
      const rows = new ArchivedRows(streamOf(pieces))
      const bytes = new ArchivedBytes(7, kindOf)
      const read: number[] = []
      for (const [number, event] of events.entries()) {
        const { offset } = placed(event).position
        // Every third row is expected to be another one.
        const expected = bytes.of(number % 3 === 0 ? { ...event, count: 99 } : event, offset)!
        let isPassed = rows.passIf(expected)
        for (; isPassed === undefined; isPassed = rows.passIf(expected)) await rows.more()
        expect(isPassed).toBe(number % 3 !== 0)
        if (isPassed) continue
        let row = rows.peek()
        for (; row === undefined; row = rows.peek()) await rows.more()
        read.push((row as EventRow).offset)
        rows.pass()
      }
      while (rows.peek() === undefined) await rows.more()
      expect(rows.peek()).toBe('none')
      expect(read).toEqual([0, 3, 6].map(number => placed(events[number]!).position.offset))
    }
  })

  test('rows that end in the middle of one are no rows', async () => {
    const event = sampleEvent(1)
    const all = encodeRows(EVENT_COLUMNS, [projectEvent(7, placed(event))], 0)
    const rows = new ArchivedRows(streamOf([all.subarray(0, -1)]))
    await rows.more()
    await rows.more()
    expect(() => rows.peek()).toThrow('ended inside of a row')
    expect(rows.passIf(all)).toBe(false)
  })
})

async function* streamOf(pieces: readonly Buffer[]): AsyncIterable<Buffer> {
  yield* pieces
}
