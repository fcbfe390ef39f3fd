import type { Millis } from '../../infra/clock.ts'
import { SeededRandom } from '../../infra/seeded-random.ts'
import { type GroupId, groupSessionId, type SessionId, singleSessionId, type UserId } from '../../schemas/ids.ts'
import { LANGUAGES, type Language } from './phrases.ts'

/**
 * Writes the day that the demo plays: who there is, which groups, and who says what to whom when. Pure: the same
 * seed, people and tag give the same story.
 */

export interface StoryPerson {
  userId: UserId
  /** How they are called in the language that they speak. */
  name: string
  language: Language
}

export interface StoryGroup {
  sessionId: SessionId
  groupId: GroupId
  name: string
  owner: UserId
  /** Members from the start, besides the owner. */
  members: UserId[]
}

/** What is done at `at` (ms after the start of the day). */
export type Act =
  /** Lines said one after the other, each once its speaker has seen the one before. */
  | { kind: 'Scene'; at: Millis; sessionId: SessionId; turns: Turn[] }
  | { kind: 'Join'; at: Millis; sessionId: SessionId; userId: UserId }
  | { kind: 'Quit'; at: Millis; sessionId: SessionId; userId: UserId }

type Scene = Extract<Act, { kind: 'Scene' }>

export interface Turn {
  from: UserId
  text: string
  /** Pause before it, for reading and typing, in ms. */
  pauseMs: Millis
}

/** Whose chats are looked at after the day, and who they spend the evening with. */
export interface StoryEvening {
  host: StoryPerson
  friends: StoryPerson[]
  stranger: StoryPerson
}

export interface Story {
  seed: number
  tag: string
  people: StoryPerson[]
  groups: StoryGroup[]
  /** In order of time. */
  acts: Act[]
  messages: number
  /** Absent where there are too few people. */
  evening?: StoryEvening
}

export interface StoryOptions {
  people: number
  dayMs: Millis
  seed: number
  /** Put behind every name, so that each run has people of its own. */
  tag: string
}

export const PEOPLE_MIN = 4
const SCENES_PER_PERSON = 2.2
/** Share of the scenes that play in groups. */
const GROUP_SHARE = 0.4
const PEOPLE_PER_GROUP = 12
const GROUP_SIZE = { min: 3, max: 30 }
/** Share of the groups that somebody joins, and leaves, during the day. */
const COME_AND_GO_SHARE = 0.5
/** Part of the day in which scenes begin: the rest lets them end. */
const BEGINS_UNTIL = 0.85
/** Begin of the day on the clock, and its length, in hours. */
export const DAY_BEGINS_HOUR = 7
export const DAY_HOURS = 17
/** How much is going on, hour by hour: breakfast, lunch, and the long evening. */
const ACTIVITY = [3, 6, 5, 3, 3, 6, 7, 4, 3, 3, 4, 6, 8, 9, 8, 5, 2]

export function writeStory(options: StoryOptions): Story {
  const random = new SeededRandom(options.seed)
  const people = makePeople(options, random)
  const groups = makeGroups(people, options.tag, random)
  const scenes = Array.from({ length: Math.round(people.length * SCENES_PER_PERSON) }, () =>
    makeScene({ people, groups, dayMs: options.dayMs }, random),
  )
  const acts: Act[] = [...scenes, ...comeAndGo(people, groups, options.dayMs, random)]
  acts.sort((one, other) => one.at - other.at)
  const messages = scenes.reduce((sum, { turns }) => sum + turns.length, 0)
  const evening = makeEvening(people, scenes)
  return { seed: options.seed, tag: options.tag, people, groups, acts, messages, ...(evening && { evening }) }
}

const EVENING_FRIENDS = 4

/** The evening is spoken in English: its host is whoever of those who speak it says most, as their chats are the fullest. */
function makeEvening(people: readonly StoryPerson[], scenes: readonly Scene[]): StoryEvening | undefined {
  const lines = new Map<string, number>()
  for (const { from } of scenes.flatMap(({ turns }) => turns)) lines.set(from, (lines.get(from) ?? 0) + 1)
  const rank = ({ userId, language }: StoryPerson) => (language === LANGUAGES[0] ? 1e6 : 0) + (lines.get(userId) ?? 0)
  const ranked = people.toSorted((one, other) => rank(other) - rank(one))
  // Namesakes would look like one person.
  const [host, ...others] = ranked.filter(({ name }, at) => ranked.findIndex(person => person.name === name) === at)
  const stranger = others[EVENING_FRIENDS]
  if (host === undefined || stranger === undefined) return undefined
  return { host, friends: others.slice(0, EVENING_FRIENDS), stranger }
}

function makePeople({ people, tag }: StoryOptions, random: SeededRandom): StoryPerson[] {
  const count = Math.max(PEOPLE_MIN, people)
  return Array.from({ length: count }, (_, index) => {
    const language = LANGUAGES[index % LANGUAGES.length]!
    const named = random.pick([...language.names.keys()])
    const userId = `${language.names[named]!}${index}.${tag}` as UserId
    return { userId, name: fullName(language, language.given[named]!, random.pick(language.family)), language }
  })
}

function fullName({ familyFirst }: Language, given: string, family: string): string {
  return familyFirst ? `${family}${given}` : `${given} ${family}`
}

function makeGroups(people: readonly StoryPerson[], tag: string, random: SeededRandom): StoryGroup[] {
  const count = Math.max(1, Math.round(people.length / PEOPLE_PER_GROUP))
  return Array.from({ length: count }, (_, index) => {
    const owner = random.pick(people)
    // Most groups speak one language; a few bring everybody together.
    const mixed = index % 8 === 7
    const alike = people.filter(person => person !== owner && (mixed || person.language === owner.language))
    const others = alike.length > 0 ? alike : people.filter(person => person !== owner)
    const groupId = `${owner.language.code}-${index}.${tag}` as GroupId
    return {
      sessionId: groupSessionId(groupId),
      groupId,
      name: random.pick(owner.language.groups),
      owner: owner.userId,
      members: random
        .sample(others, random.between(GROUP_SIZE.min - 1, GROUP_SIZE.max - 1))
        .map(({ userId }) => userId),
    }
  })
}

interface Stage {
  people: readonly StoryPerson[]
  groups: readonly StoryGroup[]
  dayMs: Millis
}

function makeScene({ people, groups, dayMs }: Stage, random: SeededRandom): Scene {
  const { sessionId, cast, language } =
    random.next() < GROUP_SHARE ? castGroup(people, random.pick(groups), random) : castPair(people, random)
  const place = random.pick(language.place)
  const time = random.pick(language.time)
  const food = random.pick(language.food)
  const scenes = language.scenes.filter(lines => speakersOf(lines) <= cast.length)
  const turns = random.pick(scenes).map(line => {
    const text = line.slice(3).replaceAll('{place}', place).replaceAll('{time}', time).replaceAll('{food}', food)
    const pauseMs = (dayMs / 30_000) * (100 + 8 * text.length) * (0.5 + random.next())
    return { from: cast[line.charCodeAt(0) - 65]!, text, pauseMs }
  })
  return { kind: 'Scene', at: momentOfDay(dayMs, random), sessionId, turns }
}

function castPair(people: readonly StoryPerson[], random: SeededRandom) {
  const one = random.pick(people)
  const others = people.filter(person => person !== one)
  const alike = others.filter(person => person.language === one.language)
  const other = random.pick(alike.length > 0 ? alike : others)
  const cast = random.sample([one.userId, other.userId], 2)
  return { sessionId: singleSessionId(one.userId, other.userId), cast, language: one.language }
}

function castGroup(people: readonly StoryPerson[], group: StoryGroup, random: SeededRandom) {
  const language = people.find(({ userId }) => userId === group.owner)!.language
  return { sessionId: group.sessionId, cast: random.sample([group.owner, ...group.members], 3), language }
}

/** How many people a scene needs. */
function speakersOf(lines: readonly string[]): number {
  return new Set(lines.map(line => line[0])).size
}

/** A moment of the day, likelier where more is going on. */
function momentOfDay(dayMs: Millis, random: SeededRandom): Millis {
  const busiest = Math.max(...ACTIVITY)
  for (;;) {
    const moment = random.next()
    if (random.next() * busiest <= ACTIVITY[Math.floor(moment * ACTIVITY.length)]!) return moment * BEGINS_UNTIL * dayMs
  }
}

/** Some groups get a guest: somebody who is not in it joins during the day, and leaves again. */
function comeAndGo(
  people: readonly StoryPerson[],
  groups: readonly StoryGroup[],
  dayMs: Millis,
  random: SeededRandom,
): Act[] {
  return groups.flatMap(({ sessionId, owner, members }): Act[] => {
    const inside = new Set([owner, ...members])
    const outside = people.filter(({ userId }) => !inside.has(userId))
    if (outside.length === 0 || random.next() >= COME_AND_GO_SHARE) return []
    const { userId } = random.pick(outside)
    const joinAt = (0.2 + 0.3 * random.next()) * dayMs
    const join: Act = { kind: 'Join', at: joinAt, sessionId, userId }
    const staysOn = random.next() < 0.5
    return staysOn ? [join] : [join, { kind: 'Quit', at: joinAt + 0.3 * dayMs, sessionId, userId }]
  })
}

/** What the clock on the wall of the story says. */
export function storyClock(elapsedMs: Millis, dayMs: Millis): string {
  const minutes = Math.floor(Math.min(1, elapsedMs / dayMs) * DAY_HOURS * 60)
  const hour = (DAY_BEGINS_HOUR + Math.floor(minutes / 60)) % 24
  return `${String(hour).padStart(2, '0')}:${String(minutes % 60).padStart(2, '0')}`
}
