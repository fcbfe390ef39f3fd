import { describe, expect, test } from 'vitest'
import { projectEvent } from '../processors/archive/project.ts'
import { placed, sampleEvent } from '../processors/archive/testing/sample-events.ts'
import { CONTENTS, EVENT_BODIES } from '../schemas/testing/samples.ts'
import { compareEventRow, eventOfRow } from './compare-archive.ts'

/** One of each kind, without what may be absent: no column holds that yet, and no build records it. */
const bodies = Object.values(EVENT_BODIES)
  .map(samples => samples[0]!)
  .filter(({ kind }) => kind !== 'MessageAccepted')

describe('[AR1] a row of the archive is turned back into its event', () => {
  test.each(bodies)('$kind', body => {
    const event = sampleEvent(5, { body })
    const row = projectEvent(7, placed(event))
    expect(eventOfRow(row).body).toEqual(body)
    expect(compareEventRow(7, row.offset, event, row)).toEqual([])
  })

  test.each(Object.values(CONTENTS))('a message with $kind', content => {
    const event = sampleEvent(5, { body: { kind: 'MessageAccepted', content } })
    const row = projectEvent(7, placed(event))
    expect(eventOfRow(row).body).toEqual(event.body)
    expect(compareEventRow(7, row.offset, event, row)).toEqual([])
  })
})
