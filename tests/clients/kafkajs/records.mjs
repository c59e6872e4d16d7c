// Records through KafkaJS: what was written comes back byte for byte, and what must be refused is.
import { assert, failure, unique } from '../common/checks.mjs'
import {
  CompressionTypes, admin, configEntries, errorType, lagging, newProducer, newTopic, producer, readAll, sendNumbered, values,
} from './client.mjs'

const binary = Buffer.from(Array.from({ length: 256 }, (_, i) => i))
const textHeaders = headers =>
  Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, Array.isArray(value) ? value.map(String) : String(value)]))

async function keepsKeysHeadersAndTimestamps() {
  const topic = await newTopic()
  const headers = { trace: 'abc', twice: ['one', 'two'], empty: '', bytes: binary }
  await lagging(() => producer.send({ topic, messages: [{ key: 'k', value: binary, headers, timestamp: '1700000000123' }] }))
  const [record] = await readAll(topic, 1)
  assert.equal(record.key.toString(), 'k')
  assert.deepEqual(record.value, binary)
  assert.equal(record.timestamp, '1700000000123')
  assert.equal(record.offset, '0')
  assert.deepEqual(textHeaders(record.headers), textHeaders(headers))
  assert.deepEqual(record.headers.bytes, binary)
}

async function keepsNullAndEmptyKeysAndValues() {
  const topic = await newTopic()
  const sent = [{ key: null, value: 'v' }, { key: 'k', value: null }, { key: '', value: '' }, { key: null, value: null }]
  await lagging(() => producer.send({ topic, messages: sent.map(message => ({ partition: 0, ...message })) }))
  const read = await readAll(topic, sent.length)
  const text = bytes => bytes?.toString() ?? null
  assert.deepEqual(read.map(({ key, value }) => ({ key: text(key), value: text(value) })), sent)
}

async function roundTrips(codec) {
  const topic = await newTopic()
  const messages = Array.from({ length: 50 }, (_, i) => ({
    partition: 0, key: `k${i}`, value: Buffer.concat([binary, Buffer.from(`compressible `.repeat(i))]), headers: { n: String(i) }, timestamp: String(1000 + i),
  }))
  const [sent] = await lagging(() => producer.send({ topic, messages, compression: CompressionTypes[codec] }))
  assert.equal(sent.baseOffset, '0')
  const read = await readAll(topic, messages.length)
  assert.deepEqual(read.map(({ offset }) => offset), messages.map((_, i) => String(i)))
  read.forEach((record, i) => {
    assert.equal(record.key.toString(), messages[i].key)
    assert.ok(record.value.equals(messages[i].value), `value ${i}`)
    assert.equal(record.timestamp, messages[i].timestamp)
    assert.equal(record.headers.n.toString(), String(i))
  })
}

const roundTripsGzip = () => roundTrips('GZIP')
const roundTripsSnappy = () => roundTrips('Snappy')
const roundTripsLZ4 = () => roundTrips('LZ4')
const roundTripsZstd = () => roundTrips('ZSTD')

async function keepsMixedCodecsInOrder() {
  const topic = await newTopic()
  for (const [i, codec] of ['None', 'GZIP', 'Snappy', 'LZ4', 'ZSTD', 'None'].entries()) {
    await sendNumbered(topic, 5, { first: i * 5, compression: CompressionTypes[codec] })
  }
  assert.deepEqual(values(await readAll(topic, 30)), Array.from({ length: 30 }, (_, i) => String(i)))
}

async function keepsBatchesOf1000InOrder() {
  const topic = await newTopic({ numPartitions: 3 })
  for (let batch = 0; batch < 5; batch++) {
    for (const partition of [0, 1, 2]) {
      const [sent] = await sendNumbered(topic, 1000, { partition, first: batch * 1000 })
      assert.equal(sent.baseOffset, String(batch * 1000))
    }
  }
  const read = await readAll(topic, 15_000)
  assert.equal(read.length, 15_000)
  for (const partition of [0, 1, 2]) {
    const own = read.filter(record => record.partition === partition)
    assert.deepEqual(own.map(({ offset }) => Number(offset)), Array.from({ length: 5000 }, (_, i) => i))
    assert.deepEqual(values(own).map(Number), Array.from({ length: 5000 }, (_, i) => i))
  }
}

async function sendsToSeveralTopicsInOneRequest() {
  const topics = [await newTopic(), await newTopic({ numPartitions: 2 })]
  const sent = await lagging(() => producer.sendBatch({ topicMessages: topics.map(topic => ({ topic, messages: [{ key: 'a', value: topic }] })) }))
  assert.deepEqual(sent.map(({ topicName, errorCode }) => [topicName, errorCode]).sort(), topics.map(topic => [topic, 0]).sort())
  for (const topic of topics) assert.deepEqual(values(await readAll(topic, 1)), [topic])
}

async function partitionsByKeyAsJavaDoes() {
  const topic = await newTopic({ numPartitions: 16 })
  await lagging(() => producer.send({ topic, messages: [{ key: 'customer-1', value: 'a' }, { key: 'customer-1', value: 'b' }] }))
  const read = await readAll(topic, 2)
  assert.equal(new Set(read.map(({ partition }) => partition)).size, 1)
  assert.deepEqual(values(read), ['a', 'b'])
}

async function honoursAllAcks() {
  const topic = await newTopic()
  for (const acks of [0, 1, -1]) await sendNumbered(topic, 1, { acks, first: acks })
  assert.deepEqual(values(await readAll(topic, 3)).sort(), ['-1', '0', '1'])
}

async function logAppendTimeOverridesClientTime() {
  const topic = await newTopic({ configEntries: configEntries({ 'message.timestamp.type': 'LogAppendTime' }) })
  const before = Date.now() - 1000
  const [sent] = await sendNumbered(topic, 1, { stamped: true })
  const [record] = await readAll(topic, 1)
  assert.ok(Number(record.timestamp) > before, record.timestamp)
  assert.equal(sent.logAppendTime, record.timestamp)
}

async function idempotentProducerWritesOnceInOrder() {
  const topic = await newTopic()
  const idempotent = newProducer({ idempotent: true, maxInFlightRequests: 1 })
  await idempotent.connect()
  for (let i = 0; i < 20; i++) {
    await lagging(() => idempotent.send({ topic, messages: Array.from({ length: 50 }, (_, j) => ({ partition: 0, value: String(i * 50 + j) })) }))
  }
  await idempotent.disconnect()
  assert.deepEqual(values(await readAll(topic, 1000)).map(Number), Array.from({ length: 1000 }, (_, i) => i))
}

async function idempotentProducerStartsOnTopicToBeCreated() {
  const topic = unique('auto')
  const idempotent = newProducer({ idempotent: true, maxInFlightRequests: 1 })
  await idempotent.connect()
  const [sent] = await lagging(() => idempotent.send({ topic, messages: [{ value: 'x' }] }))
  await idempotent.disconnect()
  assert.equal(sent.errorCode, 0)
}

async function refusesMessageAboveTheTopicLimit() {
  const topic = await newTopic({ configEntries: configEntries({ 'max.message.bytes': 2000 }) })
  const error = await failure(() => lagging(() => producer.send({ topic, messages: [{ value: Buffer.alloc(3000, 1) }] })))
  assert.equal(errorType(error), 'MESSAGE_TOO_LARGE')
  await sendNumbered(topic, 1)
  assert.deepEqual(values(await readAll(topic, 1)), ['0'])
}

async function keepsMessageJustUnderTheDefaultLimit() {
  const topic = await newTopic()
  const value = Buffer.alloc(1_000_000, 7)
  await lagging(() => producer.send({ topic, messages: [{ value }] }))
  const [record] = await readAll(topic, 1)
  assert.ok(record.value.equals(value))
}

async function refusesKeylessMessageOnCompactedTopic() {
  const topic = await newTopic({ configEntries: configEntries({ 'cleanup.policy': 'compact' }) })
  const error = await failure(() => sendNumbered(topic, 1))
  assert.equal(errorType(error), 'INVALID_RECORD')
  const offsets = await admin.fetchTopicOffsets(topic)
  assert.equal(offsets[0].high, '0')
}

export default [
  keepsKeysHeadersAndTimestamps, keepsNullAndEmptyKeysAndValues, roundTripsGzip, roundTripsSnappy, roundTripsLZ4, roundTripsZstd,
  keepsMixedCodecsInOrder, keepsBatchesOf1000InOrder, sendsToSeveralTopicsInOneRequest, partitionsByKeyAsJavaDoes,
  honoursAllAcks, logAppendTimeOverridesClientTime, idempotentProducerWritesOnceInOrder, idempotentProducerStartsOnTopicToBeCreated,
  refusesMessageAboveTheTopicLimit, keepsMessageJustUnderTheDefaultLimit, refusesKeylessMessageOnCompactedTopic,
]
