// Records through @platformatic/kafka: what was written comes back byte for byte, and what must be refused is.
import { assert, failure } from '../common/checks.mjs'
import { errorIds, newProducer, newTopic, nodeHasZstd, numbers, producer, readAll, send, sendNumbered, values } from './client.mjs'

const binary = Buffer.from(Array.from({ length: 256 }, (_, i) => i))
const text = bytes => bytes?.toString() ?? null

async function keepsKeysHeadersAndTimestamps() {
  const topic = await newTopic()
  const headers = new Map([['trace', 'abc'], ['empty', ''], ['bytes', binary]].map(([name, value]) => [Buffer.from(name), Buffer.from(value)]))
  await send([{ topic, key: Buffer.from('k'), value: binary, headers, timestamp: 1700000000123n }])
  const [message] = await readAll(topic, 1)
  assert.equal(message.key.toString(), 'k')
  assert.ok(message.value.equals(binary))
  assert.deepEqual([message.offset, message.partition, message.timestamp], [0n, 0, 1700000000123n])
  assert.deepEqual(message.headerEntries.map(([name, value]) => [name.toString(), value.toString('hex')]), [...headers].map(([name, value]) => [name.toString(), value.toString('hex')]))
}

async function keepsNullAndEmptyKeysAndValues() {
  const topic = await newTopic()
  const sent = [[null, 'v'], ['k', null], ['k', ''], [null, null]]
  await send(sent.map(([key, value]) => ({
    topic, partition: 0, ...(key === null ? {} : { key: Buffer.from(key) }), ...(value === null ? {} : { value: Buffer.from(value) }),
  })))
  const read = await readAll(topic, sent.length)
  assert.deepEqual(read.map(({ key, value }) => [text(key), text(value)]), sent)
}

async function roundTrips(compression) {
  const topic = await newTopic()
  const sent = Array.from({ length: 50 }, (_, i) => ({
    topic, partition: 0, key: Buffer.from(`k${i}`), value: Buffer.concat([binary, Buffer.from('compressible '.repeat(i))]), timestamp: BigInt(1000 + i),
  }))
  const { offsets } = await send(sent, { compression })
  assert.deepEqual(offsets, [{ topic, partition: 0, offset: 0n }])
  const read = await readAll(topic, sent.length)
  read.forEach((message, i) => {
    assert.equal(message.key.toString(), `k${i}`)
    assert.ok(message.value.equals(sent[i].value), `value ${i}`)
    assert.deepEqual([message.offset, message.timestamp], [BigInt(i), BigInt(1000 + i)])
  })
}

const roundTripsGzip = () => roundTrips('gzip')
const roundTripsSnappy = () => roundTrips('snappy')
const roundTripsLZ4 = () => roundTrips('lz4')
const roundTripsZstd = async () => (nodeHasZstd ? roundTrips('zstd') : 'this Node has no zstd')

async function keepsBatchesOf1000InOrder() {
  const topic = await newTopic({ partitions: 3 })
  for (let batch = 0; batch < 4; batch++) {
    for (const partition of [0, 1, 2]) {
      const { offsets } = await sendNumbered(topic, 1000, { partition, first: batch * 1000 })
      assert.equal(offsets[0].offset, BigInt(batch * 1000))
    }
  }
  const read = await readAll(topic, 12_000)
  assert.equal(read.length, 12_000)
  for (const partition of [0, 1, 2]) {
    const own = read.filter(message => message.partition === partition)
    assert.deepEqual(numbers(own), Array.from({ length: 4000 }, (_, i) => i))
    assert.deepEqual(own.map(({ offset }) => Number(offset)), Array.from({ length: 4000 }, (_, i) => i))
  }
}

async function idempotentProducerWritesOnceInOrder() {
  const topic = await newTopic()
  const sender = newProducer({ idempotent: true })
  for (let i = 0; i < 20; i++) await sendNumbered(topic, 50, { first: i * 50, sender })
  await sender.close()
  assert.deepEqual(numbers(await readAll(topic, 1000)), Array.from({ length: 1000 }, (_, i) => i))
}

async function honoursAllAcks() {
  const topic = await newTopic()
  for (const [value, acks] of [['0', 1], ['1', 0], ['2', -1]]) await send([{ topic, value: Buffer.from(value) }], { acks })
  assert.deepEqual(values(await readAll(topic, 3)), ['0', '1', '2'])
}

async function logAppendTimeOverridesClientTime() {
  const topic = await newTopic({ configs: { 'message.timestamp.type': 'LogAppendTime' } })
  await sendNumbered(topic, 1, { stamped: true })
  const [message] = await readAll(topic, 1)
  assert.ok(message.offset === 0n)
}

async function refusesMessageAboveTheTopicLimit() {
  const topic = await newTopic({ configs: { 'max.message.bytes': 2000 } })
  const error = await failure(() => producer.send({ messages: [{ topic, value: Buffer.alloc(3000, 1) }] }))
  assert.deepEqual(errorIds(error), ['MESSAGE_TOO_LARGE'])
  const { offsets } = await sendNumbered(topic, 1)
  assert.equal(offsets[0].offset, 0n)
}

async function keepsMessageJustUnderTheDefaultLimit() {
  const topic = await newTopic()
  const value = Buffer.alloc(1_000_000, 7)
  await send([{ topic, value }])
  const [message] = await readAll(topic, 1)
  assert.ok(message.value.equals(value))
}

async function readsMessageLargerThanTheFetchLimits() {
  const topic = await newTopic()
  for (const fill of [1, 2]) await send([{ topic, value: Buffer.alloc(300_000, fill) }])
  const read = await readAll(topic, 2, { maxBytes: 1000, maxBytesPerPartition: 1000 })
  assert.deepEqual(read.map(({ value }) => [value.length, value[0]]), [[300_000, 1], [300_000, 2]])
}

async function refusesKeylessMessageOnCompactedTopic() {
  const topic = await newTopic({ configs: { 'cleanup.policy': 'compact' } })
  const error = await failure(() => producer.send({ messages: [{ topic, value: Buffer.from('x') }] }))
  assert.ok(errorIds(error).includes('INVALID_RECORD'), errorIds(error).join())
}

export default [
  keepsKeysHeadersAndTimestamps, keepsNullAndEmptyKeysAndValues, roundTripsGzip, roundTripsSnappy, roundTripsLZ4, roundTripsZstd,
  keepsBatchesOf1000InOrder, idempotentProducerWritesOnceInOrder, honoursAllAcks, logAppendTimeOverridesClientTime,
  refusesMessageAboveTheTopicLimit, keepsMessageJustUnderTheDefaultLimit, readsMessageLargerThanTheFetchLimits,
  refusesKeylessMessageOnCompactedTopic,
]
