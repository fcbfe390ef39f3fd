import { randomSubject, registryContract } from '../tests/contract/registry.contract.ts'
import { MemoryRegistry } from './memory-registry.ts'

registryContract(() => {
  const registry = new MemoryRegistry()
  return { registry, another: () => registry, subject: randomSubject }
})
