import { RowBinaryWriter } from '../processors/archive/row-binary.ts'
import type { Event, EventBody } from '../schemas/event.ts'
import type { Partition } from '../schemas/ids.ts'

/**
 * The bytes of the row that an event must have in `events`, for the kinds of events that are many: what has these bytes
 * need not be read to be known to be right. Written in its own way, as all that is compared with; that a row with these
 * bytes gives the event back (compareEventRow) is proved by a test for every kind. Pure.
 */
export class ArchivedBytes {
  private readonly out = new RowBinaryWriter(16 * 1024)
  private readonly partition: Partition
  private readonly kindOf: (sessionId: string) => string

  /** `kindOf` gives the kind of a session; empty where it is none. */
  constructor(partition: Partition, kindOf: (sessionId: string) => string) {
    this.partition = partition
    this.kindOf = kindOf
  }

  /** Valid until the next call; undefined for an event of which a row has to be read. */
  of(event: Event, offset: number): Buffer | undefined {
    const columns = bodyColumns(event.body)
    if (columns === undefined || !isPlain(event, offset)) return undefined
    this.write(event, offset, columns)
    return this.out.bytes()
  }

  /** In the order of EVENT_COLUMNS. */
  private write(event: Event, offset: number, body: BodyColumns): void {
    const { out } = this
    const { cause, sessionId, actor, device, pushInfo } = event
    out.clear()
    out.littleEndian(this.partition, 2)
    out.long(offset)
    out.littleEndian(cause.era, 4)
    out.long(cause.offset)
    out.long(event.at)
    out.string(sessionId)
    out.string(this.kindOf(sessionId))
    out.long(event.seq)
    out.long(event.count)
    out.string(event.body.kind)
    // code, reason, firstSeq, firstCount, firstAt
    out.zeros(4 + 1 + 8 + 8 + 8)
    out.uuid(event.packId)
    out.zeros(1)
    out.string(event.from)
    out.string(actor.kind)
    out.string(actor.id)
    out.littleEndian(device.type, 4)
    out.string(device.id)
    out.string(event.gateway)
    out.littleEndian(event.flags, 4)
    out.fixed16(event.digest)
    // userIds, groupName, groupAvatar, groupNotice, rules
    out.zeros(5)
    out.string(body.contentKind)
    out.string(body.contentType)
    out.littleEndian(body.contentBytes, 4)
    out.string(body.text)
    out.string(body.data)
    out.string(body.extra)
    // targetSeq
    out.zeros(8)
    out.littleEndian(pushInfo === null ? 0 : 1, 1)
    if (pushInfo === null) out.zeros(3)
    else for (const text of [pushInfo.title, pushInfo.summary, pushInfo.url]) out.string(text)
  }
}

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/

/** What can be written as bytes without a look at special cases. */
function isPlain({ packId, digest, cause, at, seq, count }: Event, offset: number): boolean {
  const isWhole = isLong(offset) && isLong(cause.offset) && isLong(at) && isLong(seq) && isLong(count)
  return isWhole && digest.length === 16 && UUID.test(packId) && packId !== '00000000-0000-0000-0000-000000000000'
}

function isLong(value: number): boolean {
  return Number.isSafeInteger(value) && value >= 0
}

interface BodyColumns {
  contentKind: string
  contentType: string
  contentBytes: number
  text: string
  data: string
  extra: string
}

function bodyColumns(body: EventBody): BodyColumns | undefined {
  switch (body.kind) {
    case 'MessageAccepted': {
      const extra = body.extra === undefined ? '' : JSON.stringify(body.extra)
      if (body.content.kind === 'Text') {
        const { text } = body.content
        return { contentKind: 'Text', contentType: '', contentBytes: Buffer.byteLength(text), text, data: '', extra }
      }
      if (body.content.kind !== 'Custom') return undefined
      const { type: contentType, data } = body.content
      return { contentKind: 'Custom', contentType, contentBytes: Buffer.byteLength(data), text: '', data, extra }
    }
    case 'ReadMarked':
    case 'DeliveredMarked':
    case 'SessionReadMarked':
    case 'LoggedIn':
    case 'LoggedOut':
    case 'PushRequested':
    case 'PushOpened': {
      const { kind: _, ...facts } = body
      return { contentKind: '', contentType: '', contentBytes: 0, text: '', data: JSON.stringify(facts), extra: '' }
    }
    default:
      return undefined
  }
}
