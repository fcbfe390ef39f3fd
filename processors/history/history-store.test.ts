import { historyReadingContract } from '../../tests/contract/history-reading.contract.ts'
import { type HistoryUnderTest, historyStoreContract } from '../../tests/contract/history-store.contract.ts'
import { HISTORY_DEFAULTS } from './history-store.ts'
import { MemoryHistory } from './memory-history.ts'
import { MemoryHistoryStore } from './memory-history-store.ts'

const make = async (): Promise<HistoryUnderTest> => {
  const server = new MemoryHistory()
  const reader = new MemoryHistoryStore(server, HISTORY_DEFAULTS)
  return {
    reader,
    inspector: reader,
    openStore: (options, onGap) => new MemoryHistoryStore(server, options, onGap),
    flush: async () => server.flush(),
    close: async () => {},
  }
}

historyStoreContract('memory', make)
historyReadingContract('memory', make)
