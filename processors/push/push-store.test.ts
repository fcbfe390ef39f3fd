import { pushStoreContract } from '../../tests/contract/push-store.contract.ts'
import { MemoryPushStore } from './memory-push-store.ts'

pushStoreContract('memory', async () => new MemoryPushStore())
