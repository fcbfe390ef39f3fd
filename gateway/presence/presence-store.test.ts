import { presenceContract } from '../../tests/contract/presence.contract.ts'
import { MemoryPresence } from './memory-presence.ts'

presenceContract('memory', async () => {
  const store = new MemoryPresence()
  return { store, signals: async () => store.signals(), close: async () => {} }
})
