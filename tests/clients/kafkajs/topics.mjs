// Topics through KafkaJS: creation, refusal, automatic creation, growth, deletion.
import { assert, eventually, failure, unique } from '../common/checks.mjs'
import { admin, configEntries, errorType, lagging, newTopic, producer, readAll, sendNumbered, values } from './client.mjs'

const partitionCount = async topic => {
  const { topics } = await lagging(() => admin.fetchTopicMetadata({ topics: [topic] }))
  return topics[0].partitions.length
}

async function creationError(settings, options = {}) {
  const error = await failure(() => admin.createTopics({ topics: [{ topic: unique('refused'), ...settings }], ...options }))
  return error.errors?.map(each => each.type) ?? [error.type]
}

async function createsTopicWithPartitionsAndConfigs() {
  const topic = await newTopic({ numPartitions: 7, configEntries: configEntries({ 'retention.ms': 604800000, 'cleanup.policy': 'compact' }) })
  assert.equal(await partitionCount(topic), 7)
  assert.ok((await admin.listTopics()).includes(topic))
  const { resources } = await admin.describeConfigs({ resources: [{ type: 2, name: topic, configNames: ['retention.ms', 'cleanup.policy'] }] })
  const found = Object.fromEntries(resources[0].configEntries.map(entry => [entry.configName, entry.configValue]))
  assert.deepEqual(found, { 'retention.ms': '604800000', 'cleanup.policy': 'compact' })
}

async function createsTopicWithDefaultCounts() {
  const topic = await newTopic({ numPartitions: -1, replicationFactor: -1 })
  assert.equal(await partitionCount(topic), 1)
}

async function createsTopicWithAssignment() {
  const { controller } = await admin.describeCluster()
  const replicaAssignment = [{ partition: 0, replicas: [controller] }, { partition: 1, replicas: [controller] }]
  assert.equal(await partitionCount(await newTopic({ numPartitions: undefined, replicaAssignment })), 2)
}

async function createsManyTopicsAtOnce() {
  const topics = Array.from({ length: 20 }, () => ({ topic: unique('many'), numPartitions: 3 }))
  assert.equal(await admin.createTopics({ topics, waitForLeaders: false }), true)
  const names = topics.map(({ topic }) => topic)
  const { topics: described } = await lagging(() => admin.fetchTopicMetadata({ topics: names }))
  assert.deepEqual(described.map(({ partitions }) => partitions.length), names.map(() => 3))
}

async function answersFalseForExistingTopic() {
  const topic = await newTopic()
  assert.equal(await admin.createTopics({ topics: [{ topic }] }), false)
}

async function validateOnlyCreatesNothing() {
  const topic = unique('validated')
  assert.equal(await admin.createTopics({ topics: [{ topic }], validateOnly: true, waitForLeaders: false }), true)
  assert.ok(!(await admin.listTopics()).includes(topic))
}

async function refusesIllegalNames() {
  assert.deepEqual(await creationError({ topic: 'no spaces' }), ['INVALID_TOPIC_EXCEPTION'])
  assert.deepEqual(await creationError({ topic: 'x'.repeat(250) }), ['INVALID_TOPIC_EXCEPTION'])
}

async function refusesTooHighReplicationFactor() {
  assert.deepEqual(await creationError({ replicationFactor: 99 }), ['INVALID_REPLICATION_FACTOR'])
}

async function refusesZeroPartitions() {
  assert.deepEqual(await creationError({ numPartitions: 0 }), ['INVALID_PARTITIONS'])
}

async function refusesUnknownAndInvalidConfigs() {
  for (const configs of [{ 'no.such.config': 1 }, { 'retention.ms': 'soon' }, { 'segment.bytes': 1024 }, { 'cleanup.policy': 'burn' }]) {
    assert.deepEqual(await creationError({ configEntries: configEntries(configs) }), ['INVALID_CONFIG'], JSON.stringify(configs))
  }
}

async function autoCreatesTopicOnProduce() {
  const topic = unique('auto')
  const [sent] = await lagging(() => producer.send({ topic, messages: [{ value: 'first' }] }))
  assert.equal(sent.errorCode, 0)
  assert.equal(sent.baseOffset, '0')
  assert.deepEqual(values(await readAll(topic, 1)), ['first'])
}

async function autoCreatesSixTopicsConcurrently() {
  const topics = Array.from({ length: 6 }, () => unique('auto'))
  const sent = await Promise.all(topics.map(topic => lagging(() => producer.send({ topic, messages: [{ value: topic }] }))))
  assert.deepEqual(sent.map(([result]) => result.errorCode), topics.map(() => 0))
}

async function addsPartitions() {
  const topic = await newTopic({ numPartitions: 2 })
  await admin.createPartitions({ topicPartitions: [{ topic, count: 5 }] })
  await eventually('five partitions', async () => (await partitionCount(topic)) === 5)
}

async function refusesPartitionCounts() {
  const topic = await newTopic({ numPartitions: 3 })
  for (const [name, count, type] of [[topic, 3, 'INVALID_PARTITIONS'], [topic, 2, 'INVALID_PARTITIONS'], [unique('missing'), 2, 'UNKNOWN_TOPIC_OR_PARTITION']]) {
    const error = await failure(() => admin.createPartitions({ topicPartitions: [{ topic: name, count }] }))
    assert.equal(error.type, type)
  }
}

async function deletesAndRecreatesTopicWithoutOldData() {
  const topic = await newTopic({ numPartitions: 3 })
  await sendNumbered(topic, 10)
  await admin.deleteTopics({ topics: [topic] })
  await eventually('the topic to go', async () => !(await admin.listTopics()).includes(topic))
  await lagging(() => admin.createTopics({ topics: [{ topic, numPartitions: 1 }] }))
  const [sent] = await sendNumbered(topic, 1, { first: 100 })
  assert.equal(sent.baseOffset, '0')
  assert.deepEqual(values(await readAll(topic, 1)), ['100'])
}

async function refusesToDeleteMissingTopic() {
  const error = await failure(() => admin.deleteTopics({ topics: [unique('missing')] }))
  assert.equal(errorType(error), 'UNKNOWN_TOPIC_OR_PARTITION')
}

async function metadataOfMissingTopicIsAnError() {
  const error = await failure(() => admin.fetchTopicMetadata({ topics: [unique('missing')] }))
  assert.equal(error.type, 'UNKNOWN_TOPIC_OR_PARTITION')
}

export default [
  createsTopicWithPartitionsAndConfigs, createsTopicWithDefaultCounts, createsTopicWithAssignment, createsManyTopicsAtOnce,
  answersFalseForExistingTopic, validateOnlyCreatesNothing, refusesIllegalNames, refusesTooHighReplicationFactor,
  refusesZeroPartitions, refusesUnknownAndInvalidConfigs, autoCreatesTopicOnProduce, autoCreatesSixTopicsConcurrently,
  addsPartitions, refusesPartitionCounts, deletesAndRecreatesTopicWithoutOldData, refusesToDeleteMissingTopic,
  metadataOfMissingTopicIsAnError,
]
