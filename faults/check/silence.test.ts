import { expect, test } from 'vitest'
import { AckSilence } from './silence.ts'

test('[FT3] a silence is charged to the fault that began last, by the lane that waited longest', () => {
  const silence = new AckSilence(2)
  silence.acked(0, 0)
  silence.acked(1, 10)
  silence.acked(0, 100)
  silence.began(1, 'kill broker')
  silence.acked(1, 210)
  silence.back(1, 900)
  silence.acked(0, 1_000)
  silence.acked(1, 1_500)
  expect(silence.undisturbedMs).toBe(100)
  expect(silence.figures()).toEqual([{ number: 1, kind: 'kill broker', silenceMs: 1_290, resumeMs: 600 }])
})

test('[FT3] acks are back when every lane had one; a lane that never does makes it infinite', () => {
  const silence = new AckSilence(2)
  for (const lane of [0, 1]) silence.acked(lane, 0)
  silence.began(1, 'a')
  silence.back(1, 10)
  silence.acked(0, 20)
  silence.began(2, 'b')
  silence.back(2, 100)
  silence.acked(0, 110)
  const [first, second] = silence.figures()
  expect(first!.resumeMs).toBe(Number.POSITIVE_INFINITY)
  expect(second!.resumeMs).toBe(Number.POSITIVE_INFINITY)
  silence.acked(1, 120)
  expect(silence.figures().map(({ resumeMs }) => resumeMs)).toEqual([110, 20])
})

test('[FT3] an empty redis is back at once: acks from then on count', () => {
  const silence = new AckSilence(1)
  silence.began(1, 'empty redis')
  silence.back(1, 5)
  silence.acked(0, 7)
  expect(silence.figures()[0]).toMatchObject({ resumeMs: 2, silenceMs: 0 })
})
