import { inflateSync } from 'node:zlib'
import { expect, test } from 'vitest'
import { SeededRandom } from '../../infra/seeded-random.ts'
import { PROFILE_AVATAR_BYTES_MAX } from '../../processors/sequencer/decide-user.ts'
import { isGroupId, isSessionId, isUserId } from '../../schemas/ids.ts'
import { PAINTING, paint } from './painting.ts'
import { LANGUAGES } from './phrases.ts'
import { emblem, portrait } from './portrait.ts'
import { storyClock, writeStory } from './story.ts'

const options = { people: 300, dayMs: 30_000, seed: 7, tag: 'x1' }

test('[DM2] the same seed tells the same story, another seed another one', () => {
  expect(writeStory(options)).toEqual(writeStory(options))
  expect(writeStory({ ...options, seed: 8 }).acts).not.toEqual(writeStory(options).acts)
})

test('[DM2] a story has a few hundred people, groups and languages, and ids that the product takes', () => {
  const { people, groups, acts, messages } = writeStory(options)
  expect(people).toHaveLength(300)
  expect(new Set(people.map(({ userId }) => userId)).size).toBe(300)
  expect(new Set(people.map(({ language }) => language.code)).size).toBe(LANGUAGES.length)
  expect(groups.length).toBeGreaterThan(10)
  expect(messages).toBeGreaterThan(1_500)
  expect(people.every(({ userId }) => isUserId(userId))).toBe(true)
  expect(groups.every(({ groupId }) => isGroupId(groupId))).toBe(true)
  expect(acts.every(({ sessionId }) => isSessionId(sessionId))).toBe(true)
  expect(acts.filter(({ kind }) => kind === 'Join').length).toBeGreaterThan(0)
  expect(acts.filter(({ kind }) => kind === 'Quit').length).toBeGreaterThan(0)
})

test('[DM2] only members speak, every line has its speaker and no slot is left open', () => {
  for (const people of [4, 5, 17, 300]) {
    const story = writeStory({ ...options, people })
    for (const act of story.acts) {
      if (act.kind !== 'Scene') continue
      const group = story.groups.find(({ sessionId }) => sessionId === act.sessionId)
      const members: string[] =
        group === undefined ? act.sessionId.split(':').slice(1) : [group.owner, ...group.members]
      for (const { from, text, pauseMs } of act.turns) {
        expect(members).toContain(from)
        expect(text).not.toMatch(/[{}]/)
        expect(text.length).toBeGreaterThan(0)
        expect(pauseMs).toBeGreaterThan(0)
      }
    }
  }
})

test('[DM2] acts come in order of time, within the day, more of them in the evening than in the early morning', () => {
  const { acts } = writeStory(options)
  const times = acts.map(({ at }) => at)
  expect(times.toSorted((one, other) => one - other)).toEqual(times)
  expect(times.at(-1)).toBeLessThan(30_000)
  const scenes = acts.filter(({ kind }) => kind === 'Scene').map(({ at }) => at / (0.85 * 30_000))
  const within = (from: number, to: number) => scenes.filter(at => at >= from / 17 && at < to / 17).length
  expect(within(12, 15)).toBeGreaterThan(2 * within(0, 1))
})

test('[DM4] the evening belongs to whoever says most in English, among people who speak it', () => {
  const { evening, people } = writeStory(options)
  const together = [evening!.host, ...evening!.friends, evening!.stranger]
  expect(new Set(together.map(({ name }) => name)).size).toBe(6)
  expect(together.every(({ language }) => language.code === 'en')).toBe(true)
  expect(people.every(({ name }) => name.length > 1)).toBe(true)
  expect(writeStory({ ...options, people: 5 }).evening).toBeUndefined()
})

test('[DM4] everybody who can be named has a name of letters, and pictures are small enough for a profile', () => {
  for (const { names, given, family } of LANGUAGES) {
    expect(given).toHaveLength(names.length)
    expect(family.length).toBeGreaterThan(3)
  }
  const random = new SeededRandom(1)
  const pictures = Array.from({ length: 50 }, () => [portrait(random), emblem('🥾', random)]).flat()
  expect(Math.max(...pictures.map(picture => Buffer.byteLength(picture)))).toBeLessThanOrEqual(PROFILE_AVATAR_BYTES_MAX)
})

test('[DM4] a painting is a whole PNG', () => {
  const bytes = paint(new SeededRandom(2))
  expect(bytes.subarray(1, 4).toString()).toBe('PNG')
  expect([bytes.readUInt32BE(16), bytes.readUInt32BE(20)]).toEqual([PAINTING.width, PAINTING.height])
  const rows = inflateSync(bytes.subarray(41, -16))
  expect(rows).toHaveLength(PAINTING.height * (1 + 3 * PAINTING.width))
})

test('[DM2] every scene of every language can be cast', () => {
  for (const { scenes, code } of LANGUAGES) {
    expect(
      scenes.some(lines => new Set(lines.map(line => line[0])).size === 2),
      code,
    ).toBe(true)
    for (const line of scenes.flat()) expect(line).toMatch(/^[ABC]: \S/)
  }
})

test('[DM2] the clock of the story runs from seven to midnight', () => {
  expect([0, 15_000, 30_000, 99_000].map(elapsed => storyClock(elapsed, 30_000))).toEqual([
    '07:00',
    '15:30',
    '00:00',
    '00:00',
  ])
})
