import type { PackRequest } from '../../client/network/client.ts'
import type { SeededRandom } from '../../infra/seeded-random.ts'
import type { Content, MediaFile, SendExtra, Target } from '../../schemas/content.ts'
import { type GroupId, groupSessionId, type SessionId, singleSessionId } from '../../schemas/ids.ts'
import { Flag } from '../../schemas/pack.ts'
import type { NewFile } from './files.ts'
import { PAINTING, paint } from './painting.ts'
import type { Person } from './person.ts'
import { emblem } from './portrait.ts'

/**
 * The evening after the day: the chats of one person, with everything that a chat can hold. It is what somebody sees
 * who logs in as this person after the demo, and it is not part of the proof.
 */

export interface EveningParts {
  host: Person
  /** Four of them. */
  friends: readonly Person[]
  /** Somebody who would like to be a friend. */
  stranger: Person
  /** How the host is called. */
  hostName: string
  tag: string
  random: SeededRandom
  upload(person: Person, file: NewFile): Promise<MediaFile | undefined>
  refused(problem: string): void
}

type DistributiveOmit<T, K extends PropertyKey> = T extends unknown ? Omit<T, K> : never
type InSession = DistributiveOmit<Extract<PackRequest, { sessionId: SessionId }>, 'sessionId'>

const LEFT_UNREAD = 2

export async function spendEvening(parts: EveningParts): Promise<void> {
  await new Evening(parts).run()
}

class Evening {
  private readonly parts: EveningParts

  constructor(parts: EveningParts) {
    this.parts = parts
  }

  async run(): Promise<void> {
    await this.readTheDay()
    await this.makeFriends()
    await this.family()
    await this.release()
    await this.talk()
    await this.hikers()
  }

  /** A few chats of the day are left for later. */
  private async readTheDay(): Promise<void> {
    const { host } = this.parts
    const read = [...host.heads].filter(([sessionId]) => !sessionId.startsWith('u:')).slice(0, -LEFT_UNREAD)
    await Promise.all(read.map(([sessionId, seq]) => this.about(host, sessionId, { type: 'markRead', seq })))
  }

  private async makeFriends(): Promise<void> {
    const { host, friends, stranger } = this.parts
    for (const friend of friends.slice(0, 3)) {
      await this.act(friend, { type: 'requestFriend', userId: host.userId, message: 'It is me, from the hike' })
      await this.act(host, { type: 'acceptFriend', userId: friend.userId })
    }
    await this.act(stranger, { type: 'requestFriend', userId: host.userId, message: 'We met at the station' })
  }

  private async hikers(): Promise<void> {
    const { host, hostName } = this.parts
    const [ann, ben, cat, dan] = this.four()
    const hikers = await this.group('hikers', { name: 'Sunday hikers', emoji: '🥾', notice: 'Bring water and a map.' })
    await this.say(ann, hikers, 'Morning all! The forecast for Sunday looks perfect ☀️')
    const photo = await this.show(ann, hikers, 'Last time we were up there')
    for (const [person, emoji] of [
      [ben, '😍'],
      [cat, '😍'],
      [host, '❤️'],
    ] as const) {
      await this.about(person, hikers, { type: 'addReaction', target: photo, emoji })
    }
    await this.say(ben, hikers, 'That light! Same route again?', { quote: photo })
    await this.say(host, hikers, 'Yes please. Up along the lake, down through the woods?')
    const lift = await this.say(cat, hikers, 'I can drive, there are three seats left')
    for (const person of [ann, host])
      await this.about(person, hikers, { type: 'addReaction', target: lift, emoji: '👍' })
    const slip = await this.say(dan, hikers, 'Do not forget the cake for grandma')
    await this.about(dan, hikers, { type: 'revoke', target: slip })
    const meeting = await this.say(dan, hikers, 'Sorry, wrong chat 🙈 Seven at the station, then?')
    await this.about(host, hikers, { type: 'markRead', seq: meeting.seq })
    await this.about(dan, hikers, {
      type: 'override',
      target: meeting,
      content: text('Sorry, wrong chat 🙈 Half past seven at the station, then?'),
    })
    await this.say(ben, hikers, `@${host.userId} will you bring the big thermos, ${hostName}?`, {
      mentions: [host.userId],
    })
    await this.send(cat, hikers, {
      kind: 'Location',
      latitude: 47.5562,
      longitude: 10.7498,
      title: 'Car park at the lake',
      address: 'Where the trail begins',
    })
    await this.about(host, hikers, { type: 'setSessionAttributes', attributes: { pinned: true } })
  }

  private async release(): Promise<void> {
    const { host } = this.parts
    const [ann, ben, , dan] = this.four()
    const crew = await this.group('release', {
      name: 'Release 2.4',
      emoji: '🚀',
      notice: 'Code freeze is on Thursday.',
    })
    await this.say(dan, crew, 'The load test went through: 8,000 messages a second, p99 35 ms')
    const rows = Array.from({ length: 60 }, (_, second) => `${second},8000,${30 + (second % 7)}`)
    const figures = {
      name: 'load-test.csv',
      mime: 'text/csv',
      bytes: Buffer.from(['second,rate,p99', ...rows].join('\n')),
    }
    const file = await this.parts.upload(dan, figures)
    if (file !== undefined) await this.send(dan, crew, { kind: 'File', file })
    const done = await this.say(ann, crew, 'Changelog is written, release notes are translated')
    for (const person of [ben, dan, host])
      await this.about(person, crew, { type: 'addReaction', target: done, emoji: '🎉' })
    await this.say(host, crew, 'Great work, everybody. Shipping tomorrow at ten', { quote: done })
    await this.say(ben, crew, 'I will watch the dashboards')
  }

  private async family(): Promise<void> {
    const { host } = this.parts
    const [ann, , cat] = this.four()
    const family = await this.group('family', { name: 'Family', emoji: '🏡', notice: '' })
    await this.show(cat, family, 'The view from our room')
    await this.say(ann, family, 'Lovely! When are you back?')
    await this.say(cat, family, 'On Friday, in time for dinner')
    const last = await this.say(host, family, 'I will cook 🍝')
    await this.about(cat, family, { type: 'markRead', seq: last.seq })
  }

  private async talk(): Promise<void> {
    const { host } = this.parts
    const [ann, ben, cat] = this.four()
    const withCat = singleSessionId(host.userId, cat.userId)
    const last = await this.say(host, withCat, 'Did the parcel arrive?')
    await this.about(cat, withCat, { type: 'markDelivered', seq: last.seq })
    await this.about(cat, withCat, { type: 'markRead', seq: last.seq })
    const withBen = singleSessionId(host.userId, ben.userId)
    const asked = await this.say(ben, withBen, 'Could you look over my talk when you have a minute?')
    await this.say(host, withBen, 'Of course, send it over', { quote: asked })
    await this.say(ben, withBen, 'It is in the shared folder now 🙏')
    const withAnn = singleSessionId(host.userId, ann.userId)
    await this.say(host, withAnn, 'How was the concert?')
    await this.say(ann, withAnn, 'So good. They played for three hours')
    await this.show(ann, withAnn)
    await this.say(ann, withAnn, 'And this was the way home')
  }

  private async group(
    id: string,
    { name, emoji, notice }: { name: string; emoji: string; notice: string },
  ): Promise<SessionId> {
    const { host, friends, tag, random } = this.parts
    const groupId = `${id}.${tag}` as GroupId
    const info = { name, notice, avatar: emblem(emoji, random) }
    await this.act(host, { type: 'createGroup', groupId, info, members: friends.map(({ userId }) => userId) })
    return groupSessionId(groupId)
  }

  private say(person: Person, sessionId: SessionId, words: string, extra?: SendExtra): Promise<Target> {
    return this.send(person, sessionId, text(words), extra)
  }

  /** A picture, or words where there is no store of files. */
  private async show(person: Person, sessionId: SessionId, caption = ''): Promise<Target> {
    const bytes = paint(this.parts.random)
    const file = await this.parts.upload(person, { name: 'mountains.png', mime: 'image/png', bytes })
    if (file === undefined) return this.say(person, sessionId, caption || '🏔')
    return this.send(person, sessionId, { kind: 'Image', file, ...PAINTING, ...(caption && { caption }) })
  }

  private send(person: Person, sessionId: SessionId, content: Content, extra?: SendExtra): Promise<Target> {
    return this.about(person, sessionId, { type: 'send', flags: Flag.COUNTER, content, ...(extra && { extra }) })
  }

  private about(person: Person, sessionId: SessionId, request: InSession): Promise<Target> {
    return this.act(person, { ...request, sessionId } as PackRequest)
  }

  private async act(person: Person, request: PackRequest): Promise<Target> {
    const { packId, answer } = person.client.submit(request)
    const outcome = await answer
    if (outcome.kind === 'Accepted') return { seq: outcome.seq, packId, from: person.userId }
    this.parts.refused(`${person.userId}: ${request.type} was refused: ${outcome.name}, ${outcome.reason}`)
    return { seq: 0, packId, from: person.userId }
  }

  private four(): readonly [Person, Person, Person, Person] {
    return this.parts.friends as [Person, Person, Person, Person]
  }
}

function text(words: string): Content {
  return { kind: 'Text', text: words }
}
