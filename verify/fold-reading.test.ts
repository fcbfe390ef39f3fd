import { expect, test } from 'vitest'
import { Script } from '../processors/testing/events.ts'
import type { AcceptedBody, AcceptedEvent } from '../schemas/event.ts'
import { singleSessionId, type UserId } from '../schemas/ids.ts'
import { ReadingFold } from './fold-reading.ts'

const [ann, bo] = ['ann', 'bo'] as UserId[]

test('[VF1] an emoji that was taken back by everybody comes last when it comes again', () => {
  const chat = singleSessionId(ann!, bo!)
  const script = new Script()
  const message = script.message(chat, ann!, 'hello')
  const { seq, packId, at } = message
  const target = { seq, packId, from: ann!, at, counted: true }
  const fold = new ReadingFold({ stoppedMax: 10, mentionsMax: 10, urgentMax: 10, urgentAgeMs: 1_000, hiddenMax: 10 })
  fold.add(message as AcceptedEvent, 0)
  const react = (kind: 'ReactionAdded' | 'ReactionRemoved', from: UserId, emoji: string, offset: number) => {
    const body: AcceptedBody = { kind, target, emoji }
    fold.add({ ...message, seq: seq + offset, from, body } as AcceptedEvent, offset)
  }
  react('ReactionAdded', bo!, '👍', 1)
  react('ReactionAdded', ann!, '😀', 2)
  react('ReactionRemoved', bo!, '👍', 3)
  react('ReactionAdded', bo!, '👍', 4)
  expect([...fold.reactions.get(seq)!]).toEqual([
    ['😀', [ann]],
    ['👍', [bo]],
  ])
})
