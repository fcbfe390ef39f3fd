import type { IncomingHttpHeaders } from 'node:http'
import type { Clock } from '../../infra/clock.ts'
import type { Logger } from '../../infra/logger.ts'
import type { Metrics } from '../../infra/metrics.ts'
import type { Offset, Partition } from '../../schemas/ids.ts'
import { ServiceType, type VendorName } from '../../schemas/push-devices.ts'
import { type PushBody, type PushRecord, parsePushId } from '../../schemas/push-record.ts'
import { deviceKeyOf } from './plan.ts'
import { CLAIM_MS, type PushStore } from './push-store.ts'
import { isSameSecret, type Receipt } from './receipt-format.ts'
import { type PushRecords, reportOf } from './records.ts'
import type { TokenPacks } from './token-packs.ts'
import type { ReceiptDesk, ReceiptDesks } from './vendors.ts'

/**
 * What vendors report of pushes that they have taken, as it goes to im.pushes.
 *
 * A call has to have the key of its URL and what the vendor's contract says; a receipt has to be of a push that was sent
 * (the claims of push say so, for a day): anything else is counted and ignored. The same receipt again is written again:
 * who counts pushes counts by their id (push_funnel).
 */
export interface PushReceipts {
  /** `denied`: it is not the vendor who calls. Rejects when a store or the log cannot be reached: the vendor calls again. */
  take(call: {
    vendor: string
    packageName: string
    key: string
    headers: IncomingHttpHeaders
    body: unknown
  }): Promise<'taken' | 'denied' | 'unreadable'>
}

export interface PushReceiptsParts {
  desks: ReceiptDesks
  store: Pick<PushStore, 'sent'>
  records: PushRecords
  tokens: TokenPacks
  clock: Clock
  logger: Logger
  metrics: Metrics
}

export function makePushReceipts({
  desks,
  store,
  records,
  tokens,
  clock,
  logger,
  metrics,
}: PushReceiptsParts): PushReceipts {
  const counted = metrics.counter('push_receipts_total', 'what vendors have reported, by what it was', [
    'vendor',
    'result',
  ])
  return {
    take: async ({ vendor, packageName, key, headers, body }) => {
      const desk = desks.of(vendor, packageName)
      if (desk === undefined || !isSameSecret(key, desk.key) || !desk.isAuthentic({ headers, body }, clock.now())) {
        counted.inc({ vendor: desk === undefined ? 'none' : vendor, result: 'denied' })
        return 'denied'
      }
      const receipts = desk.read(body)
      if (receipts === undefined) {
        counted.inc({ vendor, result: 'unreadable' })
        logger.warn({ vendor, packageName }, 'a receipt of a push vendor cannot be read')
        return 'unreadable'
      }
      const found = await findSent(store, desk.vendor, receipts)
      const told = found.filter(({ receipt }) => receipt.outcome !== 'pending')
      await records.write(told.map(one => recordOf(one, desk, clock.now())))
      for (const { receipt, userId } of told) {
        if (receipt.outcome !== 'invalidToken') continue
        const { token, detail, at = clock.now() } = receipt
        await tokens.invalidate({ userId, serviceType: ServiceType[desk.vendor], token, before: at, reason: detail })
      }
      for (const { receipt } of found) counted.inc({ vendor, result: receipt.outcome })
      counted.inc({ vendor, result: 'unknown' }, receipts.length - found.length)
      return 'taken'
    },
  }
}

type Found = Awaited<ReturnType<typeof findSent>>[number]

/** The receipts of pushes that were sent, with whom they were sent to. */
async function findSent(store: PushReceiptsParts['store'], vendor: VendorName, receipts: readonly Receipt[]) {
  const byTag = new Map<string, { receipt: Receipt; device: string }[]>()
  for (const receipt of receipts) {
    const device = deviceKeyOf({ serviceType: ServiceType[vendor], token: receipt.token })
    byTag.set(receipt.tag, [...(byTag.get(receipt.tag) ?? []), { receipt, device }])
  }
  const groups = [...byTag].map(async ([tag, all]) => {
    const place = parsePushId(tag)
    if (place === undefined) return []
    const { partition, offset } = place
    const sent = await store.sent({ partition, offset, devices: all.map(({ device }) => device) })
    return all.flatMap(one => {
      const to = sent.get(one.device)
      return to === undefined ? [] : [{ ...one, ...to, pushId: pushIdOf(partition, offset, one.device) }]
    })
  })
  return (await Promise.all(groups)).flat()
}

const pushIdOf = (partition: Partition, offset: Offset, device: string) => `${partition}-${offset}-${device}`

function recordOf({ receipt, pushId, userId, sessionId, seq }: Found, desk: ReceiptDesk, now: number): PushRecord {
  const { vendor, packageName } = desk
  const at = receipt.at !== undefined && Math.abs(receipt.at - now) < CLAIM_MS ? receipt.at : now
  const report = reportOf(pushId, userId, at, bodyOf(receipt))
  return { ...report, sessionId, seq, serviceType: ServiceType[vendor], packageName }
}

function bodyOf({ outcome, detail }: Receipt): PushBody {
  switch (outcome) {
    case 'opened':
      return { kind: 'Opened' }
    case 'invalidToken':
      return { kind: 'Failed', cause: 'invalidToken', reason: detail }
    case 'failed':
      return { kind: 'Failed', cause: 'rejected', reason: detail }
    default:
      return { kind: 'Delivered', detail }
  }
}
