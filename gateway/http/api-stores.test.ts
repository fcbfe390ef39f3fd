import { apiStoresContract } from '../../tests/contract/api-stores.contract.ts'
import { MemoryDayCounts } from './day-counts.ts'
import { MemoryPackIds } from './idempotency.ts'
import { MemoryKeyUses } from './keys.ts'

apiStoresContract('in memory', async () => {
  const stores = { dayCounts: new MemoryDayCounts(), keyUses: new MemoryKeyUses(), packIds: new MemoryPackIds() }
  return { open: () => stores, close: async () => {} }
})
