import { SUM_MODULUS, type TagSum } from '../infra/redis/key-sums.ts'
import type { Partition } from '../schemas/ids.ts'

/**
 * For every session and user what each view should hold and what it holds, each as one number (infra/redis/key-sums.ts).
 * Both sides are added up as they come, in any order. Where they are equal at the end the view says what the log says;
 * where they are not, it does not, or it has moved on: whoever looks closer is told the tags. About 250 bytes a tag.
 */
export type SummedView = 'history' | 'membership'

/** Where the sums of a tag are. */
export type Place = number

export class ViewSums {
  private readonly places = new Map<string, Place>()
  private readonly sides: Record<SummedView, Record<'expected' | 'found', Float64Array>>
  /** Bits of Known. */
  private known = new Uint8Array(FIRST_ROOM)
  private partitions = new Uint16Array(FIRST_ROOM)
  users = 0

  constructor() {
    const sides = () => ({ expected: new Float64Array(FIRST_ROOM), found: new Float64Array(FIRST_ROOM) })
    this.sides = { history: sides(), membership: sides() }
  }

  /** Adds to what should be there. */
  expect(view: SummedView, place: Place, sum: number): void {
    add(this.sides[view].expected, place, sum)
  }

  /** Adds to what is there. */
  find(view: SummedView, { tag, sum }: TagSum): void {
    const place = this.placeOf(tag)
    add(this.sides[view].found, place, sum)
  }

  /** Begins anew with what is there. */
  forgetFound(view: SummedView): void {
    this.sides[view].found.fill(0)
  }

  /** The log has this session. */
  noteSession(place: Place, partition: Partition): void {
    this.known[place]! |= Known.SESSION
    this.partitions[place] = partition
  }

  /** The log says something of this user. */
  noteUser(place: Place): void {
    if ((this.known[place]! & Known.USER) === 0) this.users++
    this.known[place]! |= Known.USER
  }

  /** Where the log has the session; undefined where it has none. */
  partitionOf(tag: string): Partition | undefined {
    const place = this.places.get(tag)
    return place === undefined || (this.known[place]! & Known.SESSION) === 0 ? undefined : this.partitions[place]
  }

  /** Tags of which some view does not hold what it should, or not yet. */
  *differing(): IterableIterator<string> {
    const { history, membership } = this.sides
    for (const [tag, place] of this.places) {
      const isSame = ({ expected, found }: typeof history) => expected[place] === found[place]
      if (!isSame(history) || !isSame(membership)) yield tag
    }
  }

  /** Looked up once for all that is said of the tag: among millions a look costs as much as a hash. */
  placeOf(tag: string): Place {
    const known = this.places.get(tag)
    if (known !== undefined) return known
    const place = this.places.size
    this.places.set(tag, place)
    if (place === this.known.length) this.grow()
    return place
  }

  private grow(): void {
    const room = 2 * this.known.length
    this.known = copied(this.known, new Uint8Array(room))
    this.partitions = copied(this.partitions, new Uint16Array(room))
    for (const sides of Object.values(this.sides)) {
      sides.expected = copied(sides.expected, new Float64Array(room))
      sides.found = copied(sides.found, new Float64Array(room))
    }
  }
}

const FIRST_ROOM = 1_024
const Known = { SESSION: 1, USER: 2 } as const

function add(sums: Float64Array, place: Place, sum: number): void {
  const total = sums[place]! + sum
  sums[place] = total < SUM_MODULUS ? total : total - SUM_MODULUS
}

function copied<T extends Uint8Array | Uint16Array | Float64Array>(from: T, to: T): T {
  to.set(from)
  return to
}
