import type { IncomingHttpHeaders } from 'node:http'

/**
 * What the fakes of push vendors share. They stand in for services of others: they are written from the vendors'
 * documents, import nothing of the product, check signatures on their own, and refuse what the documents do not name.
 */

export interface FakeRequest {
  method: string
  /** Below the vendor's own base. */
  path: string
  headers: IncomingHttpHeaders
  text: string
}

export interface FakeAnswer {
  status: number
  headers?: Record<string, string>
  body: unknown
}

export type Forced = FakeAnswer | 'drop' | 'hang'

/** A notification as it would stand on the device. */
export interface Shown {
  vendor: string
  app: string
  token: string
  title: string
  body: string
  badge?: number
  uri?: string
  /** One with the same key takes its place. */
  collapseKey?: string
  data?: Record<string, unknown>
  /** Where the sender wants to hear what becomes of it, and what it wants to be told with it. */
  receipt?: { url?: string; tag: string } | undefined
  at: number
  /** How often notifications have arrived in this place. */
  count: number
}

/** The inbox and the moods of the vendors. */
export class FakeWorld {
  readonly shown: Shown[] = []
  /** Every call that came in, whatever was answered; the newest INBOX_MAX. */
  readonly requests: (FakeRequest & { vendor: string })[] = []
  /** What each vendor answers next instead of what it would; `drop`: it takes the request and hangs up; `hang`: it never answers. */
  private readonly forced = new Map<string, Forced[]>()
  private readonly down = new Set<string>()
  private readonly dead = new Set<string>()
  private readonly places = new Map<string, Shown>()
  /** How many notifications were accepted, by vendor. */
  readonly accepted = new Map<string, number>()

  /** Called with every notification that comes to a device. */
  onShown: (shown: Shown) => void = () => {}
  /** How far the vendors' clocks are ahead of ours. */
  aheadMs = 0

  /** By the vendors' clocks. */
  now(): number {
    return Date.now() + this.aheadMs
  }

  force(vendor: string, ...answers: Forced[]): void {
    this.forced.set(vendor, [...(this.forced.get(vendor) ?? []), ...answers])
  }

  /** From now on it answers 503, or works again. */
  setDown(vendor: string, isDown: boolean): void {
    if (isDown) this.down.add(vendor)
    else this.down.delete(vendor)
  }

  kill(token: string): void {
    this.dead.add(token)
  }

  isDead(token: string): boolean {
    return this.dead.has(token)
  }

  isDown(vendor: string): boolean {
    return this.down.has(vendor)
  }

  /** What was forced upon the vendor; undefined: it may do as it likes. */
  next(vendor: string): Forced | undefined {
    return this.forced.get(vendor)?.shift()
  }

  note(vendor: string, request: FakeRequest): void {
    this.requests.push({ vendor, ...request })
    if (this.requests.length > INBOX_MAX) this.requests.shift()
  }

  show(shown: Omit<Shown, 'at' | 'count'>): void {
    this.accepted.set(shown.vendor, (this.accepted.get(shown.vendor) ?? 0) + 1)
    const place = placeOf(shown)
    const before = shown.collapseKey === undefined ? undefined : this.places.get(place)
    const count = (before?.count ?? 0) + 1
    const placed = Object.assign(before ?? {}, shown, { at: this.now(), count }) as Shown
    if (before === undefined) this.shown.push(placed)
    this.places.set(place, placed)
    // A later notification may take its place before anybody hears of this one.
    this.onShown({ ...placed })
    if (this.shown.length > INBOX_MAX) this.places.delete(placeOf(this.shown.shift()!))
  }

  /** Takes a notification off the device. */
  hide(vendor: string, token: string, collapseKey: string): void {
    const at = this.shown.findIndex(
      one => one.vendor === vendor && one.token === token && one.collapseKey === collapseKey,
    )
    if (at >= 0) this.places.delete(placeOf(this.shown.splice(at, 1)[0]!))
  }

  /** Forgets what came in. */
  clear(): void {
    this.requests.length = 0
    this.shown.length = 0
    this.places.clear()
  }

  of(token: string): Shown[] {
    return this.shown.filter(one => one.token === token)
  }
}

/** Where a notification stands: another one with the same place takes it. */
function placeOf({ vendor, token, collapseKey }: Pick<Shown, 'vendor' | 'token' | 'collapseKey'>): string {
  return `${vendor} ${token} ${collapseKey ?? ''}`
}

export const INBOX_MAX = 20_000

export interface Fake {
  readonly name: string
  handle(request: FakeRequest): FakeAnswer
}

/** The names of an object's fields that nobody has heard of. */
export function unknownFields(value: unknown, known: readonly string[]): string[] {
  if (typeof value !== 'object' || value === null) return ['(no object)']
  return Object.keys(value).filter(name => !known.includes(name))
}

export function parseJson(text: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(text)
    return typeof value === 'object' && value !== null && !Array.isArray(value)
      ? (value as Record<string, unknown>)
      : undefined
  } catch {
    return undefined
  }
}

/** The fields of a form, each once. Undefined where one is there twice. */
export function parseForm(text: string): Record<string, string> | undefined {
  const fields: Record<string, string> = {}
  for (const [name, value] of new URLSearchParams(text)) {
    if (Object.hasOwn(fields, name)) return undefined
    fields[name] = value
  }
  return fields
}
