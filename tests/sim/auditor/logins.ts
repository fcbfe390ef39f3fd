import { CloseCode } from '../../../schemas/close-codes.ts'
import { type AcceptedEvent, isAccepted } from '../../../schemas/event.ts'
import type { Offset, Partition, UserId } from '../../../schemas/ids.ts'
import { DeviceType, RULES_DEFAULT, type Rules } from '../../../schemas/pack.ts'
import type { Device } from '../device.ts'
import type { World } from '../world.ts'
import type { Say } from './audit.ts'

/**
 * SIM15: a login ends exactly those that the policy does not allow beside it; no connection is ended but by a login or
 * logout that says so; and what was ended is over. Written against docs/protocol.md and docs/adr/0011.
 */
export function checkLogins(world: World, say: Say): void {
  const books = new Map<UserId, LoginBook>()
  for (const { partition, outcomes } of world.truth.partitions) {
    let rules: Rules = RULES_DEFAULT
    for (const { offset, event } of outcomes) {
      if (!isAccepted(event)) continue
      if (event.body.kind === 'RulesSet') rules = event.body.rules
      const book = books.get(event.from) ?? new LoginBook()
      books.set(event.from, book)
      const wrong = book.take(event, rules, { partition, offset })
      if (wrong !== undefined) say('SIM15', `im.events/${partition}@${offset}: ${event.from}, ${wrong}`)
    }
  }
  for (const device of world.devices) checkDevice(world, device, books.get(device.user) ?? new LoginBook(), say)
}

interface Login {
  connectionId: string
  type: number
  deviceId: string
}

/** One user's logins and logouts, in the order of the log. */
class LoginBook {
  present: Login[] = []
  /** Connections that an event has named, with what they are told. */
  readonly ended = new Map<string, 'KICKED' | 'LOGGED_OUT'>()
  /** Where all connections were ended at once. */
  readonly sweeps: { partition: Partition; offset: Offset }[] = []

  take(event: AcceptedEvent, rules: Rules, place: { partition: Partition; offset: Offset }): string | undefined {
    const { body, device } = event
    if (body.kind === 'LoggedOut') {
      if (body.connectionIds.length === 0) this.sweeps.push(place)
      for (const id of body.connectionIds) if (!this.ended.has(id)) this.ended.set(id, 'LOGGED_OUT')
      const stays = ({ connectionId }: Login) =>
        body.connectionIds.length > 0 && !body.connectionIds.includes(connectionId)
      this.present = this.present.filter(stays)
      return undefined
    }
    if (body.kind !== 'LoggedIn') return undefined
    const login = { connectionId: body.connectionId, type: device.type, deviceId: device.id }
    const due = this.dueBy(login, rules)
    for (const id of body.kicked) this.ended.set(id, 'KICKED')
    this.present = [...this.present.filter(({ connectionId }) => !due.includes(connectionId)), login]
    const isDue = due.length === body.kicked.length && due.every(id => body.kicked.includes(id))
    return isDue ? undefined : `a login has ended ${body.kicked.join(' ')}, due were ${due.join(' ')}`
  }

  /** Who has to go: the same device, whoever the policy shuts out, and the oldest beyond the limit. */
  private dueBy(login: Login, { loginPolicy, loginsMax }: Rules): string[] {
    const goes = (other: Login) => other.deviceId === login.deviceId || SHUTS_OUT[loginPolicy](login.type, other.type)
    const left = this.present.filter(other => !goes(other))
    const surplus = left.slice(0, Math.max(0, left.length + 1 - loginsMax))
    return this.present.filter(other => goes(other) || surplus.includes(other)).map(({ connectionId }) => connectionId)
  }
}

const CLASSES: readonly (readonly number[])[] = [
  [DeviceType.ios, DeviceType.android, DeviceType.tablet, DeviceType.harmonyos],
  [DeviceType.macos, DeviceType.windows, DeviceType.linux],
  [DeviceType.web, DeviceType['mini-program'], DeviceType.none],
]

const SHUTS_OUT: Record<Rules['loginPolicy'], (one: number, other: number) => boolean> = {
  all: () => false,
  onePerType: (one, other) => one === other,
  one: () => true,
  classes: (one, other) => CLASSES.some(types => types.includes(one) && types.includes(other)),
}

function checkDevice(world: World, { name, user, client, witness }: Device, book: LoginBook, say: Say): void {
  for (const { connection, end } of witness.ends) {
    const id = witness.welcomes.get(connection)?.connectionId
    if (id === undefined || witness.isReplaced(connection)) continue
    const isNamed = book.ended.get(id) !== undefined || book.sweeps.length > 0
    // Without a policy gateways find out among themselves which connection of a device is the newest, within some seconds.
    const isClaimed = world.options.loginPolicy === 'all' && witness.connections.length > 1
    const isKicked = end.code === CloseCode.KICKED.code && !isClaimed
    const isEnded = isKicked || end.code === CloseCode.LOGGED_OUT.code
    if (isEnded && !isNamed) say('SIM15', `${name} was ended with ${end.code}, though nothing on the log says so`)
  }
  if (client.phase.kind !== 'Live') return
  const { connectionId } = client.phase
  const how = book.ended.get(connectionId)
  if (how !== undefined) say('SIM15', `${name} is still connected, though it was ${how}`)
  const welcome = [...witness.welcomes.values()].find(it => it.connectionId === connectionId)
  if (book.sweeps.some(({ partition, offset }) => offset >= (welcome?.ends.get(partition) ?? 0)))
    say('SIM15', `${name} is still connected, though all connections of ${user} were ended`)
  const isKnown = world.options.loginPolicy === 'all' || book.present.some(it => it.connectionId === connectionId)
  if (!isKnown) say('SIM15', `${name} is connected, and the log does not know of it`)
}
