import type { PushMessage, SendResult } from './vendor.ts'

/** What clients of vendors share that tell many devices the same in one call. */

/** Notifications with the same number take the place of each other. */
export function notifyIdOf(collapseKey: string): number {
  return Number.parseInt(collapseKey.slice(0, 7), 16)
}

/** Cuts a text to so many characters; the last one says that there was more. */
export function cutTo(text: string, charsMax: number): string {
  const chars = [...text]
  return chars.length <= charsMax ? text : `${chars.slice(0, charsMax - 1).join('')}…`
}

/** Sends what differs in nothing but the token in one call. Results in the order of the messages. */
export async function sendGrouped(
  messages: readonly PushMessage[],
  sendAlike: (messages: readonly PushMessage[]) => Promise<SendResult[]>,
): Promise<SendResult[]> {
  const groups = new Map<string, number[]>()
  for (const [index, { token: _, pushId: __, sentAt: ___, data, ...rest }] of messages.entries()) {
    const { pushId: ____, ...shared } = data
    const key = JSON.stringify([rest, shared])
    const group = groups.get(key) ?? []
    groups.set(key, group)
    group.push(index)
  }
  const results = new Array<SendResult>(messages.length)
  const calls = [...groups.values()].map(async indexes => {
    const alike = indexes.map(index => messages[index]!)
    // What differs from device to device cannot be told to many at once.
    const answers = await sendAlike(alike.length === 1 ? alike : alike.map(withoutDevice))
    for (const [i, index] of indexes.entries()) results[index] = answers[i]!
  })
  await Promise.all(calls)
  return results
}

function withoutDevice(message: PushMessage): PushMessage {
  return { ...message, data: { ...message.data, pushId: receiptTagOf(message) } }
}

/**
 * What vendors give back when they report on a push: the part of its id before the device, which is the same for all
 * devices of a call. They name the device by its token.
 */
export function receiptTagOf({ pushId }: Pick<PushMessage, 'pushId'>): string {
  return pushId.split('-').slice(0, 2).join('-')
}

/** Where a vendor is to report on this message, and under which tag; undefined where it is not to. */
export function receiptOf(
  message: PushMessage,
  receiptUrl: string | undefined,
): { url: string; tag: string } | undefined {
  // Nobody asks how far the notification came that takes the place of one that is gone.
  if (receiptUrl === undefined || message.isWithdrawal) return undefined
  return { url: receiptUrl, tag: receiptTagOf(message) }
}
