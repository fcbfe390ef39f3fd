import { peopleContract } from '../../tests/contract/people.contract.ts'
import { MemoryMembership, MemoryMembershipStore } from './memory-membership-store.ts'

peopleContract('memory', async () => {
  const server = new MemoryMembership()
  return {
    reader: server.people,
    inspector: new MemoryMembershipStore(server),
    openStore: () => new MemoryMembershipStore(server),
    flush: async () => server.flush(),
    close: async () => {},
  }
})
