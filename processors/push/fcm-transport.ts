import type { Messaging } from 'firebase-admin/messaging'
import type { HttpAnswer } from './vendor-http.ts'

/** An answer of FCM that is no success, as it came. */
export class FcmRefusal extends Error {
  override readonly name = 'FcmRefusal'
  readonly answer: HttpAnswer
  constructor(answer: HttpAnswer) {
    super(`FCM answered ${answer.status}`)
    this.answer = answer
  }
}

/**
 * Lets firebase-admin send every request once, and tell of a refusal what came back: left to itself, it sends what broke
 * off again, which may have arrived (PU8), waits for a busy FCM within the call, and keeps status and headers to itself.
 *
 * @NOTE It has no options for that. This is its inside, of the version that package.json names; vendors.test.ts sees
 * whether it still is.
 */
export function sendOnce(messaging: Messaging): void {
  const { httpClient } = (messaging as unknown as Inside).messagingRequestHandler
  const send = httpClient.send.bind(httpClient)
  httpClient.retry = undefined
  httpClient.send = request =>
    send(request).catch((error: { response?: HttpAnswer }) => {
      throw error.response === undefined ? error : new FcmRefusal(error.response)
    })
}

interface Inside {
  messagingRequestHandler: {
    httpClient: { retry: unknown; send(request: unknown): Promise<unknown> }
  }
}
