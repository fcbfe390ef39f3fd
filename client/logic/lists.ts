import type { Clock, Millis } from '../../infra/clock.ts'
import type { EventFrame, FriendSummary, GroupSummary, MemberSummary, ServerFrame } from '../../schemas/frames.ts'
import type { SessionId, UserId } from '../../schemas/ids.ts'
import { type Attribute, USER_SETTINGS_DEFAULT, type UserSettings } from '../../schemas/settings.ts'
import type { Store, Table, Write } from '../storage/store.ts'
import { changesMembers, foldFriend, foldGroup } from './fold-people.ts'
import { askPages } from './pages.ts'
import type { MembersRow } from './rows.ts'
import type { Wire } from './wire.ts'

/** After an event that changed who is in a group, the view has this long, ms, before it is asked. */
export const VIEW_PATIENCE_MS = 400
/** A fact that was learnt from an event less than this ago, ms, is not taken back by a list that lacks it. */
const VIEW_BEHIND_MS_MAX: Millis = 10_000

export interface ListsParts {
  store: Store
  wire: Wire
  clock: Clock
  me: UserId
  changed(what: 'friends' | 'groups' | 'members' | 'settings'): void
}

/** Friends, groups, members and settings: kept here, carried on by events, and read anew after every connect. */
export class Lists {
  /** Friends, requests and blocks, by user. */
  readonly friends = new Map<UserId, FriendSummary>()
  /** Groups that the user is in. */
  readonly groups = new Map<SessionId, GroupSummary>()
  private readonly members = new Map<SessionId, MembersRow>()
  private readonly asked = new Set<SessionId>()
  private readonly planned = new Map<SessionId, () => void>()
  /** What the user chose. */
  settings: UserSettings = USER_SETTINGS_DEFAULT
  /** What the app keeps with the user. */
  attributes: readonly Attribute[] = []
  private readonly parts: ListsParts

  constructor(parts: ListsParts) {
    this.parts = parts
    parts.wire.on('frame', frame => this.nudged(frame))
  }

  /** Takes up what is kept: the messenger does so when it starts. */
  async load(): Promise<void> {
    const { store } = this.parts
    for (const { value } of await store.range('friends', {})) this.keepFriend(value as FriendSummary)
    for (const { key, value } of await store.range('groups', {}))
      this.groups.set(key as SessionId, value as GroupSummary)
    const kept = (await store.get('meta', 'settings')) as Pick<Lists, 'settings' | 'attributes'> | undefined
    if (kept !== undefined) Object.assign(this, kept)
    for (const what of ['friends', 'groups', 'settings'] as const) this.parts.changed(what)
  }

  /** The members that are known; the first call reads them from the store and the server. */
  membersOf(sessionId: SessionId): readonly MemberSummary[] {
    if (!this.asked.has(sessionId)) {
      this.asked.add(sessionId)
      void this.loadMembers(sessionId)
    }
    return this.members.get(sessionId)?.members ?? []
  }

  /** One of the members that are known, without asking for them. */
  knownMember(sessionId: SessionId, userId: UserId): MemberSummary | undefined {
    return this.members.get(sessionId)?.members.find(member => member.userId === userId)
  }

  /** Everything anew; what cannot be had now stays as it is. */
  async refresh(): Promise<void> {
    await Promise.allSettled([this.refreshFriends(), this.refreshGroups(), this.refreshSettings()])
    for (const sessionId of this.asked) await this.refreshMembers(sessionId).catch(() => {})
  }

  /** Carries on what an event changes: the messenger hands over every one. */
  fold(event: EventFrame): void {
    const { me } = this.parts
    const { sessionId, body } = event
    if (sessionId.startsWith('s:')) this.foldFriend(event)
    if (sessionId === `u:${me}`) this.foldSettings(event)
    if (!sessionId.startsWith('g:')) return
    if (body.kind === 'GroupDismissed') this.removeGroup(sessionId)
    const group = foldGroup(this.groups.get(sessionId), event)
    if (group !== undefined) this.putGroup(group)
    if (changesMembers(event)) this.plan(sessionId)
  }

  private foldFriend(event: EventFrame): void {
    const userIds = event.sessionId.split(':').slice(1) as UserId[]
    const userId = userIds.find(id => id !== this.parts.me)!
    const friend = foldFriend(this.friends.get(userId), event, this.parts.me)
    if (friend === undefined) return
    this.keepFriend(friend)
    this.write([{ table: 'friends', key: userId, value: friend }])
    this.parts.changed('friends')
  }

  private foldSettings({ body }: EventFrame): void {
    if (body.kind === 'SettingsUpdated') this.settings = body.settings
    else if (body.kind === 'UserAttributesSet') this.attributes = mergeAttributes(this.attributes, body.attributes)
    else return
    this.settingsChanged()
  }

  private keepFriend(friend: FriendSummary): void {
    if (friend.relation === 'none' && !friend.blocked) this.friends.delete(friend.userId)
    else this.friends.set(friend.userId, friend)
  }

  private async refreshFriends(): Promise<void> {
    const begun = this.parts.clock.now()
    const listed = new Map<UserId, FriendSummary>()
    for await (const { friends } of askPages(this.parts.wire, { type: 'friends' })) {
      for (const friend of friends) listed.set(friend.userId, friend)
    }
    for (const known of this.friends.values()) {
      const isFresh = known.at > (listed.get(known.userId)?.at ?? begun - VIEW_BEHIND_MS_MAX)
      if (isFresh) listed.set(known.userId, known)
    }
    this.friends.clear()
    for (const friend of listed.values()) this.keepFriend(friend)
    await this.replace('friends', this.friends)
    this.parts.changed('friends')
  }

  private async refreshGroups(): Promise<void> {
    const listed = new Map<SessionId, GroupSummary>()
    for await (const { groups } of askPages(this.parts.wire, { type: 'groups' })) {
      for (const group of groups) listed.set(group.sessionId, group)
    }
    this.groups.clear()
    for (const [sessionId, group] of listed) this.groups.set(sessionId, group)
    await this.replace('groups', this.groups)
    this.parts.changed('groups')
  }

  private async refreshSettings(): Promise<void> {
    const { settings, attributes } = await this.parts.wire.ask({ type: 'settings' })
    this.settings = settings
    this.attributes = attributes
    this.settingsChanged()
  }

  private settingsChanged(): void {
    const { settings, attributes } = this
    this.write([{ table: 'meta', key: 'settings', value: { settings, attributes } }])
    this.parts.changed('settings')
  }

  private async refreshGroup(sessionId: SessionId): Promise<void> {
    const { group } = await this.parts.wire.ask({ type: 'group', sessionId })
    if (group.me === undefined) this.removeGroup(sessionId)
    else this.putGroup(group)
  }

  private async loadMembers(sessionId: SessionId): Promise<void> {
    const kept = (await this.parts.store.get('members', sessionId)) as MembersRow | undefined
    if (kept !== undefined && !this.members.has(sessionId)) {
      this.members.set(sessionId, kept)
      this.parts.changed('members')
    }
    await this.refreshMembers(sessionId).catch(() => {})
  }

  private async refreshMembers(sessionId: SessionId): Promise<void> {
    const members: MemberSummary[] = []
    for await (const page of askPages(this.parts.wire, { type: 'members', sessionId })) members.push(...page.members)
    this.members.set(sessionId, { members })
    this.write([{ table: 'members', key: sessionId, value: { members } }])
    this.parts.changed('members')
  }

  /** Asks for the group and its members, once for all events that come meanwhile. */
  private plan(sessionId: SessionId): void {
    this.planned.get(sessionId)?.()
    const cancel = this.parts.clock.schedule(VIEW_PATIENCE_MS, () => {
      this.planned.delete(sessionId)
      this.refreshGroup(sessionId).catch(() => {})
      if (this.asked.has(sessionId)) this.refreshMembers(sessionId).catch(() => {})
    })
    this.planned.set(sessionId, cancel)
  }

  private nudged(frame: ServerFrame): void {
    if (frame.type !== 'nudge') return
    if (frame.sessionId !== undefined && frame.what !== 'friends') this.plan(frame.sessionId)
    else if (frame.what === 'friends') this.refreshFriends().catch(() => {})
    else if (frame.what === 'settings') this.refreshSettings().catch(() => {})
    else this.refreshGroups().catch(() => {})
  }

  private putGroup(group: GroupSummary): void {
    this.groups.set(group.sessionId, group)
    this.write([{ table: 'groups', key: group.sessionId, value: group }])
    this.parts.changed('groups')
  }

  private removeGroup(sessionId: SessionId): void {
    if (!this.groups.delete(sessionId)) return
    this.write([{ table: 'groups', key: sessionId, value: undefined }])
    this.parts.changed('groups')
  }

  private async replace(table: Table, rows: ReadonlyMap<string, unknown>): Promise<void> {
    const kept = await this.parts.store.range(table, {})
    const gone: Write[] = kept.flatMap(({ key }) => (rows.has(key) ? [] : [{ table, key, value: undefined }]))
    this.write([...gone, ...Array.from(rows, ([key, value]) => ({ table, key, value }))])
  }

  /** Lists are only copies: what is not written is asked for again. */
  private write(writes: Write[]): void {
    if (this.parts.wire.isKeeper) this.parts.store.write(writes).catch(() => {})
  }
}

/** Attributes that are named are set, and an empty value removes the name. */
function mergeAttributes(known: readonly Attribute[], set: readonly Attribute[]): Attribute[] {
  const byName = new Map(known.map(attribute => [attribute.name, attribute]))
  for (const attribute of set) {
    if (attribute.value === '') byName.delete(attribute.name)
    else byName.set(attribute.name, attribute)
  }
  return [...byName.values()]
}
