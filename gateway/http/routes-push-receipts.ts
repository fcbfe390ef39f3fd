import { z } from 'zod'
import { RECEIPT_PATH } from '../../processors/push/receipt-format.ts'
import type { PushReceipts } from '../../processors/push/receipts.ts'
import { unauthorized } from './callers.ts'
import { Problem } from './problem.ts'
import type { ForeignRoute } from './route.ts'

/** Where push vendors report what became of pushes. The answer is what Huawei wants to hear; the others look at the status. */

const params = z.strictObject({ vendor: z.string(), packageName: z.string(), key: z.string() })
const answer = z.strictObject({ code: z.literal('0'), message: z.literal('success') })

export function pushReceiptRoutes(receipts: PushReceipts): ForeignRoute[] {
  const route: ForeignRoute<z.infer<typeof params>, z.infer<typeof answer>> = {
    method: 'POST',
    url: `${RECEIPT_PATH}/:vendor/:packageName/:key`,
    id: 'takePushReceipts',
    actsFor: 'nobody',
    params,
    answer,
    handle: async ({ params: { vendor, packageName, key }, headers, body }) => {
      switch (await receipts.take({ vendor, packageName, key, headers, body })) {
        case 'denied':
          throw unauthorized('no vendor of push calls like this')
        case 'unreadable':
          throw new Problem('PARAM', 'this is not what the vendor sends')
        case 'taken':
          return { code: '0', message: 'success' }
      }
    },
  }
  return [route as unknown as ForeignRoute]
}
