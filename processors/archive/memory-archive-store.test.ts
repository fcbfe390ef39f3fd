import { archiveStoreContract } from '../../tests/contract/archive-store.contract.ts'
import { MemoryArchive } from './memory-archive-store.ts'

archiveStoreContract(async () => {
  const archive = new MemoryArchive()
  return {
    open: () => archive.store(),
    inspector: archive,
    reader: archive,
    rawRows: async () => ({ events: archive.eventRows.length, messages: archive.messageRows.length }),
    insertHalf: async (load, rows) => archive.insertEvents(load.token, rows),
    remove: async () => {},
  }
})
