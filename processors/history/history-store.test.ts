import { historyStoreContract } from '../../tests/contract/history-store.contract.ts'
import { HISTORY_DEFAULTS } from './history-store.ts'
import { MemoryHistory, MemoryHistoryStore } from './memory-history-store.ts'

historyStoreContract('memory', async () => {
  const server = new MemoryHistory()
  const reader = new MemoryHistoryStore(server, HISTORY_DEFAULTS)
  return {
    reader,
    inspector: reader,
    openStore: (options, onGap) => new MemoryHistoryStore(server, options, onGap),
    flush: async () => server.flush(),
    close: async () => {},
  }
})
