// Topics and configs through @platformatic/kafka.
import { assert, eventually, failure, unique } from '../common/checks.mjs'
import {
  ConfigResourceTypes, IncrementalAlterConfigOperationTypes, admin, configList, errorIds, newProducer, newTopic,
  partitionCount, readAll, send, sendNumbered, values,
} from './client.mjs'

async function refusal(action) {
  return errorIds(await failure(action))
}

async function configsOf(resourceType, resourceName, options = {}) {
  const [found] = await admin.describeConfigs({ resources: [{ resourceType, resourceName }], ...options })
  return new Map(found.configs.map(config => [config.name, config]))
}

const topicConfigs = topic => configsOf(ConfigResourceTypes.TOPIC, topic)
const create = options => admin.createTopics({ topics: [unique('refused')], partitions: 1, replicas: 1, ...options })

async function createsTopicWithPartitionsAndConfigs() {
  const topic = unique('created')
  const [created] = await admin.createTopics({ topics: [topic], partitions: 7, replicas: 1, configs: configList({ 'cleanup.policy': 'compact' }) })
  assert.deepEqual([created.name, created.partitions, created.replicas], [topic, 7, 1])
  assert.equal(created.configuration['cleanup.policy'], 'compact')
  assert.equal(await partitionCount(topic), 7)
  assert.ok((await admin.listTopics()).includes(topic))
}

async function createsTopicWithDefaultCounts() {
  const topic = unique('defaults')
  const [created] = await admin.createTopics({ topics: [topic] })
  assert.deepEqual([created.partitions, created.replicas], [1, 1])
}

async function refusesExistingTopic() {
  const topic = await newTopic()
  assert.deepEqual(await refusal(() => create({ topics: [topic] })), ['TOPIC_ALREADY_EXISTS'])
}

async function refusesIllegalNames() {
  for (const name of ['no spaces', 'x'.repeat(250)]) {
    assert.deepEqual(await refusal(() => create({ topics: [name] })), ['INVALID_TOPIC_EXCEPTION'])
  }
}

async function refusesTooHighReplicationFactor() {
  assert.deepEqual(await refusal(() => create({ replicas: 99 })), ['INVALID_REPLICATION_FACTOR'])
}

async function refusesUnknownAndInvalidConfigs() {
  for (const configs of [{ 'no.such.config': 1 }, { 'retention.ms': 'soon' }, { 'segment.bytes': 1024 }, { 'cleanup.policy': 'burn' }]) {
    assert.deepEqual(await refusal(() => create({ configs: configList(configs) })), ['INVALID_CONFIG'], JSON.stringify(configs))
  }
}

async function autoCreatesTopicOnProduce() {
  const topic = unique('auto')
  const { offsets } = await send([{ topic, value: Buffer.from('first') }])
  assert.deepEqual(offsets, [{ topic, partition: 0, offset: 0n }])
  assert.deepEqual(values(await readAll(topic, 1)), ['first'])
}

async function autoCreatesTopicOfIdempotentProducer() {
  const topic = unique('auto')
  const sender = newProducer({ idempotent: true })
  const { offsets } = await send([{ topic, value: Buffer.from('x') }], {}, sender)
  assert.equal(offsets[0].offset, 0n)
  await sender.close()
}

async function addsPartitions() {
  const topic = await newTopic({ partitions: 2 })
  await admin.createPartitions({ topics: [{ name: topic, count: 5 }] })
  await eventually('five partitions', async () => (await partitionCount(topic)) === 5)
}

async function refusesPartitionCounts() {
  const topic = await newTopic({ partitions: 3 })
  const grow = (name, count) => () => admin.createPartitions({ topics: [{ name, count }] })
  assert.deepEqual(await refusal(grow(topic, 3)), ['INVALID_PARTITIONS'])
  assert.deepEqual(await refusal(grow(topic, 2)), ['INVALID_PARTITIONS'])
  assert.deepEqual(await refusal(grow(unique('missing'), 2)), ['UNKNOWN_TOPIC_OR_PARTITION'])
}

async function deletesAndRecreatesTopicWithoutOldData() {
  const topic = await newTopic({ partitions: 3 })
  const before = (await admin.metadata({ topics: [topic] })).topics.get(topic).id
  await sendNumbered(topic, 10)
  await admin.deleteTopics({ topics: [topic] })
  await eventually('the topic to go', async () => !(await admin.listTopics()).includes(topic))
  await create({ topics: [topic] })
  assert.equal(await partitionCount(topic), 1)
  const sender = newProducer()
  const { offsets } = await sendNumbered(topic, 1, { first: 100, sender })
  await sender.close()
  assert.equal(offsets[0].offset, 0n)
  assert.deepEqual(values(await readAll(topic, 1)), ['100'])
  assert.notEqual((await admin.metadata({ topics: [topic], forceUpdate: true })).topics.get(topic).id, before)
}

async function missingTopicsAreUnknown() {
  assert.deepEqual(await refusal(() => admin.deleteTopics({ topics: [unique('missing')] })), ['UNKNOWN_TOPIC_OR_PARTITION'])
  const error = await failure(() => admin.metadata({ topics: [unique('missing')], retries: 0 }))
  assert.match(error.message, /^Unknown topic/)
}

async function describesTopicConfigs() {
  const configs = await configsOf(ConfigResourceTypes.TOPIC, await newTopic(), { includeSynonyms: true, includeDocumentation: true })
  for (const [name, value] of [['cleanup.policy', 'delete'], ['max.message.bytes', '1048588'], ['retention.bytes', '-1'], ['retention.ms', '604800000']]) {
    assert.equal(configs.get(name)?.value, value, name)
    assert.ok(configs.get(name).documentation.length > 20, `documentation of ${name}`)
  }
  assert.ok(configs.size >= 25, `${configs.size} configs`)
  assert.deepEqual(await refusal(() => topicConfigs(unique('missing'))), ['UNKNOWN_TOPIC_OR_PARTITION'])
}

async function describesBrokerConfigs() {
  const { brokers } = await admin.metadata({ topics: [] })
  const configs = await configsOf(ConfigResourceTypes.BROKER, String([...brokers.keys()][0]))
  for (const name of ['num.partitions', 'default.replication.factor', 'message.max.bytes', 'log.retention.hours']) assert.ok(configs.has(name), name)
}

async function altersConfigsIncrementally() {
  const { APPEND, SUBTRACT, SET, DELETE } = IncrementalAlterConfigOperationTypes
  const topic = await newTopic({ configs: { 'retention.ms': 1000 } })
  const alter = (...changes) => admin.incrementalAlterConfigs({
    resources: [{ resourceType: ConfigResourceTypes.TOPIC, resourceName: topic, configs: changes.map(([name, configOperation, value]) => ({ name, configOperation, value })) }],
  })
  const become = (policy, retention) => eventually(`${policy} and ${retention}`, async () => {
    const configs = await topicConfigs(topic)
    return configs.get('cleanup.policy').value === policy && configs.get('retention.ms').value === retention
  })
  await alter(['cleanup.policy', APPEND, 'compact'])
  await become('delete,compact', '1000')
  await alter(['cleanup.policy', SUBTRACT, 'delete'], ['retention.ms', SET, '2000'])
  await become('compact', '2000')
  await alter(['retention.ms', DELETE])
  await become('compact', '604800000')
  assert.deepEqual(await refusal(() => alter(['no.such.config', SET, '1'])), ['INVALID_CONFIG'])
  assert.deepEqual(await refusal(() => alter(['retention.ms', SET, 'soon'])), ['INVALID_CONFIG'])
}

async function oldFormOfAlterResetsWhatItDoesNotName() {
  const topic = await newTopic({ configs: { 'retention.ms': 1000, 'cleanup.policy': 'compact' } })
  await admin.alterConfigs({ resources: [{ resourceType: ConfigResourceTypes.TOPIC, resourceName: topic, configs: [{ name: 'retention.ms', value: '3000' }] }] })
  const configs = await eventually('the new value', async () => {
    const found = await topicConfigs(topic)
    return found.get('retention.ms').value === '3000' && found
  })
  assert.equal(configs.get('cleanup.policy').value, 'delete')
}

export default [
  createsTopicWithPartitionsAndConfigs, createsTopicWithDefaultCounts, refusesExistingTopic, refusesIllegalNames,
  refusesTooHighReplicationFactor, refusesUnknownAndInvalidConfigs, autoCreatesTopicOnProduce, autoCreatesTopicOfIdempotentProducer,
  addsPartitions, refusesPartitionCounts, deletesAndRecreatesTopicWithoutOldData, missingTopicsAreUnknown, describesTopicConfigs,
  describesBrokerConfigs, altersConfigsIncrementally, oldFormOfAlterResetsWhatItDoesNotName,
]
