import { expect, test } from 'vitest'
import { clientOperations, type Document } from './testing/client-operations.ts'
import { HttpWorld } from './testing/http-world.ts'

test('[HT33] the types of the partner client are those of the description', async () => {
  const http = await HttpWorld.start()
  const { body } = await http.call('GET', '/openapi.json', { user: '' })
  await http.stop()
  await expect(clientOperations(body as unknown as Document)).toMatchFileSnapshot('../../client/api/operations.ts')
})
