import { systemClock, systemRandom } from '../../infra/clock.ts'
import type { ClientFrame, EventFrame, PackFrame, QuestionFrame, ServerFrame } from '../../schemas/frames.ts'
import { makePackId, type PackId, type SessionId } from '../../schemas/ids.ts'
import { RawClient } from '../flow/gateway-raw-client.ts'
import { pause } from '../pause.ts'
import type { TestProduct } from '../product.ts'

type DistributiveOmit<T, K extends PropertyKey> = T extends unknown ? Omit<T, K> : never
export type Subprotocol = 'json' | 'avro'
export type Answer = Extract<ServerFrame, { type: 'ack' } | { type: 'refused' }>
type PackRequest = DistributiveOmit<PackFrame, 'packId'> & { packId?: PackId }
type Question = DistributiveOmit<QuestionFrame, 'requestId'>

/** How often a pack that is refused for the moment is sent again; each time the server has waited for its views. */
const RESENDS_MAX = 100

/** One device of somebody in a story: speaks the public protocol by hand, in either subprotocol. */
export class Device extends RawClient {
  private requests = 0

  static async connect(
    product: TestProduct,
    user: string,
    { subprotocol = 'json' as Subprotocol, deviceId = `${user}-1`, wsUrl = product.wsUrl } = {},
  ): Promise<Device> {
    const device = new Device({ wsUrl, token: await product.token(user), deviceId, subprotocol })
    await device.until(() => device.of('welcome').length > 0)
    return device
  }

  newPackId(): PackId {
    return makePackId(systemClock.now(), systemRandom.bytes(10))
  }

  /** Sends a pack, and sends it again while it is refused for the moment; gives the final answer. */
  async pack(request: PackRequest): Promise<Answer> {
    const packId = request.packId ?? this.newPackId()
    const answers = () =>
      this.frames.filter(
        (frame): frame is Answer => (frame.type === 'ack' || frame.type === 'refused') && frame.packId === packId,
      )
    let seen = answers().length
    for (let sent = 0; ; sent++) {
      this.send({ ...request, packId } as ClientFrame)
      await this.until(() => answers().length > seen)
      const answer = answers().at(-1)!
      if (answer.type === 'ack' || answer.retry !== 'same' || sent === RESENDS_MAX) return answer
      seen = answers().length
    }
  }

  /** `ack` or the name of the refusal. */
  async outcome(request: PackRequest): Promise<string> {
    const answer = await this.pack(request)
    return answer.type === 'ack' ? 'ack' : answer.name
  }

  async ask(question: Question): Promise<ServerFrame> {
    const requestId = ++this.requests
    const answer = () => this.frames.find(frame => 'requestId' in frame && frame.requestId === requestId)
    this.send({ ...question, requestId } as ClientFrame)
    await this.until(() => answer() !== undefined)
    return answer()!
  }

  /** The events of a session from its beginning, once history has one that fits. */
  async history(
    sessionId: SessionId,
    fits: (events: readonly EventFrame[]) => boolean,
  ): Promise<readonly EventFrame[]> {
    for (;;) {
      const page = await this.ask({ type: 'history', sessionId, afterSeq: 0, limit: 200 })
      if (page.type === 'page' && fits(page.events)) return page.events
      await pause()
    }
  }

  /** The event at a seq, once it has come live or by a resume. */
  async event(sessionId: SessionId, seq: number): Promise<EventFrame> {
    const find = () => this.of('event').find(event => event.sessionId === sessionId && event.seq === seq)
    await this.until(() => find() !== undefined)
    return find()!
  }
}
