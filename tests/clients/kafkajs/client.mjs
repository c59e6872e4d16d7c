// The KafkaJS clients of this suite: one shared admin and producer, consumers that are closed at the end, codecs.
import kafkajs from 'kafkajs'
import snappy from 'kafkajs-snappy'
import lz4 from 'lz4-napi'
import { compress as zstdCompress, decompress as zstdDecompress, init as initZstd } from '@bokuweb/zstd-wasm'
import { allowingLag, bootstrap, eventually, unique } from '../common/checks.mjs'

const { Kafka, Partitioners, CompressionTypes, CompressionCodecs, logLevel } = kafkajs

await initZstd()
CompressionCodecs[CompressionTypes.Snappy] = snappy
CompressionCodecs[CompressionTypes.LZ4] = () => ({
  compress: encoder => lz4.compressFrame(encoder.buffer),
  decompress: buffer => lz4.decompressFrame(buffer),
})
CompressionCodecs[CompressionTypes.ZSTD] = () => ({
  compress: async encoder => Buffer.from(zstdCompress(encoder.buffer, 3)),
  decompress: async buffer => Buffer.from(zstdDecompress(buffer)),
})

export const kafka = new Kafka({
  clientId: 'acceptance-kafkajs',
  brokers: [bootstrap],
  logLevel: process.env.TRACE ? logLevel.WARN : logLevel.NOTHING,
  retry: { initialRetryTime: 50, retries: 5 },
})
export const admin = kafka.admin()
const opened = [admin]
export const producer = newProducer()

export function newProducer(options = {}) {
  const created = kafka.producer({ createPartitioner: Partitioners.DefaultPartitioner, ...options })
  opened.push(created)
  return created
}

export async function connect() {
  await admin.connect()
  await producer.connect()
}

export async function disconnect() {
  await Promise.allSettled(opened.map(client => client.disconnect()))
}

const unknownTopic = error =>
  [error, error?.cause, ...(error?.errors ?? [])].some(e => e?.type === 'UNKNOWN_TOPIC_OR_PARTITION')
export const lagging = action => allowingLag(unknownTopic, action)

/** Creates a topic and returns its name once it can be used. */
export async function newTopic(settings = {}) {
  const topic = unique('kafkajs')
  let created = false
  await lagging(async () => {
    if (!created) {
      created = true
      await admin.createTopics({ topics: [{ topic, numPartitions: 1, ...settings }] })
    } else {
      await admin.fetchTopicMetadata({ topics: [topic] })
    }
  })
  return topic
}

export const configEntries = configs => Object.entries(configs).map(([name, value]) => ({ name, value: String(value) }))

/** Sends messages `0`, `1`, ... to one partition, each with the timestamp 1000 * (index + 1) if `stamped`. */
export async function sendNumbered(topic, count, { partition = 0, stamped = false, first = 0, ...options } = {}) {
  const messages = Array.from({ length: count }, (_, i) => ({
    partition,
    value: String(first + i),
    ...(stamped ? { timestamp: String(1000 * (i + 1)) } : {}),
  }))
  return lagging(() => producer.send({ topic, messages, ...options }))
}

/**
 * A running group member. `records` grows as messages arrive; `join` and `stop` wait.
 */
export async function newMember(groupId, topics, { fromBeginning = true, run = {}, onRecord, ...options } = {}) {
  const consumer = kafka.consumer({
    groupId, maxWaitTimeInMs: 100, sessionTimeout: 10_000, heartbeatInterval: 200, rebalanceTimeout: 10_000, ...options,
  })
  const member = { consumer, records: [], joins: [], fetches: 0, stop: () => consumer.disconnect() }
  opened.push(consumer)
  consumer.on(consumer.events.GROUP_JOIN, ({ payload }) => member.joins.push(payload))
  consumer.on(consumer.events.FETCH_START, () => { member.fetches += 1 })
  await consumer.connect()
  await consumer.subscribe({ topics: [topics].flat(), fromBeginning })
  await consumer.run({
    eachMessage: async ({ topic, partition, message }) => {
      member.records.push({ topic, partition, ...message })
      await onRecord?.({ topic, partition, message, consumer })
    },
    ...run,
  })
  member.assigned = topic => member.joins.at(-1)?.memberAssignment[topic] ?? []
  member.fetching = () => eventually('a fetch', () => member.fetches > 0)
  member.joined = () => eventually('the group join', () => member.joins.length > 0)
  return member
}

/** Reads `count` messages of a topic from the beginning in a group of its own. */
export async function readAll(topic, count, options = {}) {
  const member = await newMember(unique('reader'), topic, options)
  await eventually(`${count} messages of ${topic}`, () => member.records.length >= count)
  await member.stop()
  return member.records
}

/** The broker's own error behind what KafkaJS throws after its retries. */
export const errorType = error => (error.cause ?? error).type

export const values = records => records.map(record => record.value?.toString())
export { CompressionTypes }
