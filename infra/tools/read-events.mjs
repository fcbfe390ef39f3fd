/**
 * Reads a topic with nothing of this project: kafkajs and the Confluent registry client, as a stranger would.
 *
 *   node infra/tools/read-events.mjs --brokers HOST:PORT --registry URL --topic im.events [--max N]
 *
 * Prints one JSON line a record: partition, offset, key and the decoded value. Ends after --max records (10).
 */
import { parseArgs } from 'node:util'
import { SchemaRegistry } from '@kafkajs/confluent-schema-registry'
import kafkajs from 'kafkajs'

const { values } = parseArgs({
  options: {
    brokers: { type: 'string', default: process.env.KAFKA_BROKERS },
    registry: { type: 'string', default: process.env.SCHEMA_REGISTRY_URL },
    topic: { type: 'string', default: 'im.events' },
    max: { type: 'string', default: '10' },
  },
})
if (!values.brokers || !values.registry) {
  console.error('read-events: --brokers and --registry are needed')
  process.exit(2)
}

const kafka = new kafkajs.Kafka({ brokers: values.brokers.split(','), clientId: 'read-events', logLevel: 1 })
const registry = new SchemaRegistry({ host: values.registry })
const consumer = kafka.consumer({ groupId: `read-events-${process.pid}-${Date.now()}`, maxWaitTimeInMs: 200 })

let left = Number(values.max)
await consumer.connect()
await consumer.subscribe({ topic: values.topic, fromBeginning: true })
await new Promise((resolve, reject) => {
  consumer
    .run({
      eachMessage: async ({ partition, message }) => {
        if (left <= 0) return
        left--
        const value = await registry.decode(message.value)
        console.log(JSON.stringify({ partition, offset: message.offset, key: String(message.key), value }))
        if (left === 0) resolve()
      },
    })
    .catch(reject)
})
await consumer.disconnect()
