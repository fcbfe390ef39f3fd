import { LIMITS, webhookStoreContract } from '../../tests/contract/webhook-store.contract.ts'
import { MemoryWebhookStore } from './memory-webhook-store.ts'

webhookStoreContract('in memory', async () => {
  const store = new MemoryWebhookStore(LIMITS)
  return { open: () => store.another(), lose: async () => store.lose(), close: async () => {} }
})
