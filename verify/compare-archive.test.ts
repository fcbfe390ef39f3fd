import { describe, expect, test } from 'vitest'
import { eventOfRow } from '../processors/archive/event-of-row.ts'
import { projectEvent } from '../processors/archive/project.ts'
import { placed, sampleEvent } from '../processors/archive/testing/sample-events.ts'
import type { EventBody } from '../schemas/event.ts'
import { CONTENTS, EVENT_BODIES } from '../schemas/testing/samples.ts'
import { compareEventRow } from './compare-archive.ts'

const bodies = Object.values(EVENT_BODIES).flatMap<EventBody>(samples => [...samples])

describe('[AR1] a row of the archive is turned back into its event', () => {
  test.each(bodies)('$kind %#', body => {
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
