import { membershipStoreContract } from '../../tests/contract/membership-store.contract.ts'
import { MemoryMembership, MemoryMembershipStore } from './memory-membership-store.ts'

membershipStoreContract('memory', async () => {
  const server = new MemoryMembership()
  const reader = new MemoryMembershipStore(server)
  return {
    reader,
    inspector: reader,
    openStore: () => new MemoryMembershipStore(server),
    flush: async () => server.flush(),
    close: async () => {},
  }
})
