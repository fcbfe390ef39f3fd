import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { Ajv } from 'ajv'
import { expect, test } from 'vitest'
import { CLIENT_RECORDS, SERVER_RECORDS } from '../../schemas/frames-avro.ts'
import { CLIENT_FRAMES, eachFrame, SERVER_FRAMES } from '../../schemas/testing/frame-samples.ts'
import { asyncapiDocument } from './asyncapi.ts'

interface Document {
  components: { messages: Record<string, { payload: object }>; schemas: object }
  operations: Record<string, { messages: { $ref: string }[]; reply?: { messages: { $ref: string }[] } }>
}

const document = asyncapiDocument('1.0.0') as Document

test('[HT32] the document is one of AsyncAPI 3, and what it refers to is there', () => {
  const file = createRequire(import.meta.url).resolve('@asyncapi/specs/schemas/3.0.0-without-$id.json')
  const isAsyncapi = new Ajv({ strict: false, logger: false }).compile(JSON.parse(readFileSync(file, 'utf8')))
  expect(isAsyncapi(document), JSON.stringify(isAsyncapi.errors)).toBe(true)
  const references = [...JSON.stringify(document).matchAll(/"\$ref":"#\/([^"]+)"/g)].map(([, path]) => path!)
  for (const path of new Set(references)) {
    const found = path.split('/').reduce<unknown>((at, part) => (at as Record<string, unknown>)?.[part], document)
    expect(found, path).toBeDefined()
  }
})

test('[HT32] every frame of the protocol is there, and its samples are as it says', () => {
  const { messages, schemas } = document.components
  const names = [
    ...Object.keys(CLIENT_RECORDS).map(type => `client.${type}`),
    ...Object.keys(SERVER_RECORDS).map(type => `server.${type}`),
  ]
  expect(Object.keys(messages).sort()).toEqual(names.sort())
  expect(Object.keys(document.operations).sort()).toEqual([...Object.keys(CLIENT_RECORDS), 'tell'].sort())
  const ajv = new Ajv({ strict: false, logger: false })
  ajv.addSchema({ $id: 'all', components: { schemas } })
  const checkOf = (name: string) =>
    ajv.compile(JSON.parse(JSON.stringify(messages[name]!.payload).replaceAll('"#/', '"all#/')))
  const checks = new Map(names.map(name => [name, checkOf(name)]))
  for (const [side, frames] of [
    ['client', eachFrame(CLIENT_FRAMES)],
    ['server', eachFrame(SERVER_FRAMES)],
  ] as const) {
    for (const frame of frames) {
      const check = checks.get(`${side}.${frame.type}`)!
      expect(check(JSON.parse(JSON.stringify(frame))), `${frame.type} ${JSON.stringify(check.errors)}`).toBe(true)
      expect(check({ ...frame, nobodyKnows: 1 })).toBe(false)
    }
  }
})

test('[HT32] a pack is answered by its outcome, a question by its answer or by why there is none', () => {
  const repliesTo = (type: string) =>
    document.operations[type]!.reply?.messages.map(({ $ref }) => $ref.split('.').at(-1)) ?? []
  expect(repliesTo('send')).toEqual(['ack', 'refused'])
  expect(repliesTo('members')).toEqual(['members', 'failed'])
  expect(repliesTo('history')).toEqual(['page', 'failed'])
  expect(repliesTo('typing')).toEqual([])
})
