import { appsStoreContract } from '../../tests/contract/apps-store.contract.ts'
import { MemoryApps } from './memory-apps.ts'

appsStoreContract('in memory', async () => {
  const reader = new MemoryApps()
  return { reader, write: async writes => reader.write(writes), close: async () => {} }
})
