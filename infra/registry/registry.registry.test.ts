import { afterAll } from 'vitest'
import { randomSubject, registryContract } from '../../tests/contract/registry.contract.ts'
import { testStack } from '../../tests/stack.ts'
import { systemClock } from '../clock.ts'
import { HttpSchemaRegistry } from './registry.ts'

const subjects: string[] = []
const makeRegistry = () => new HttpSchemaRegistry({ url: testStack().registryUrl, clock: systemClock })

afterAll(async () => {
  for (const subject of subjects) await fetch(`${testStack().registryUrl}/subjects/${subject}`, { method: 'DELETE' })
})

registryContract(() => ({
  registry: makeRegistry(),
  another: makeRegistry,
  subject: () => {
    const subject = randomSubject()
    subjects.push(subject)
    return subject
  },
}))
