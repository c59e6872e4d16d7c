// The rest of KafkaJS's admin client: configs, offsets, record deletion, cluster, reassignment, ACLs.
import { assert, eventually, failure, unique } from '../common/checks.mjs'
import { admin, newTopic, readAll, sendNumbered, values } from './client.mjs'

const topicResource = 2
const brokerResource = 4
const acl = {
  resourceType: topicResource, resourceName: 'any', resourcePatternType: 3, principal: 'User:someone', host: '*', operation: 3, permissionType: 3,
}

async function configsOf(type, name) {
  const { resources } = await admin.describeConfigs({ resources: [{ type, name }], includeSynonyms: true })
  return new Map(resources[0].configEntries.map(entry => [entry.configName, entry]))
}

async function describesTopicConfigs() {
  const configs = await configsOf(topicResource, await newTopic())
  for (const [name, value] of [['cleanup.policy', 'delete'], ['max.message.bytes', '1048588'], ['retention.bytes', '-1'], ['retention.ms', '604800000'], ['compression.type', 'producer']]) {
    assert.equal(configs.get(name)?.configValue, value, name)
    assert.equal(configs.get(name).isDefault, true, name)
  }
  assert.ok(configs.size >= 25, `${configs.size} configs`)
}

async function altersTopicConfigs() {
  const topic = await newTopic()
  const configEntries = [{ name: 'retention.ms', value: '12345' }, { name: 'cleanup.policy', value: 'compact,delete' }]
  await admin.alterConfigs({ validateOnly: false, resources: [{ type: topicResource, name: topic, configEntries }] })
  const changed = async () => {
    const configs = await configsOf(topicResource, topic)
    return configs.get('retention.ms').configValue === '12345' && configs
  }
  const configs = await eventually('the new value', changed)
  assert.equal(configs.get('cleanup.policy').configValue, 'compact,delete')
  assert.equal(configs.get('retention.ms').isDefault, false)
}

async function refusesInvalidTopicConfigs() {
  const alter = (name, configEntries) => failure(() => admin.alterConfigs({ validateOnly: false, resources: [{ type: topicResource, name, configEntries }] }))
  const topic = await newTopic()
  assert.equal((await alter(topic, [{ name: 'no.such.config', value: '1' }])).type, 'INVALID_CONFIG')
  assert.equal((await alter(topic, [{ name: 'retention.ms', value: 'soon' }])).type, 'INVALID_CONFIG')
  assert.equal((await alter(unique('missing'), [{ name: 'retention.ms', value: '1' }])).type, 'UNKNOWN_TOPIC_OR_PARTITION')
}

async function configsOfMissingTopicAreAnError() {
  const error = await failure(() => configsOf(topicResource, unique('missing')))
  assert.equal(error.type, 'UNKNOWN_TOPIC_OR_PARTITION')
}

async function describesBrokerConfigs() {
  const { controller } = await admin.describeCluster()
  const configs = await configsOf(brokerResource, String(controller))
  for (const name of ['num.partitions', 'default.replication.factor', 'message.max.bytes', 'log.retention.hours', 'auto.create.topics.enable', 'advertised.listeners']) {
    assert.ok(configs.has(name), name)
  }
  assert.equal(configs.get('advertised.listeners').readOnly, true)
}

async function describesCluster() {
  const { brokers, controller, clusterId } = await admin.describeCluster()
  assert.ok(brokers.some(({ nodeId }) => nodeId === controller))
  assert.match(clusterId, /^[\w-]{22}$/)
  assert.ok(brokers.every(({ host, port }) => host && port > 0))
}

async function listsOffsetsOfEmptyAndFullPartitions() {
  const topic = await newTopic({ numPartitions: 2 })
  await sendNumbered(topic, 12, { partition: 1 })
  const found = (await admin.fetchTopicOffsets(topic)).sort((a, b) => a.partition - b.partition)
  assert.deepEqual(found, [{ partition: 0, offset: '0', high: '0', low: '0' }, { partition: 1, offset: '12', high: '12', low: '0' }])
}

/** KafkaJS looks for the leaders before it loads metadata, so they are loaded first. */
async function deleteRecords(topic, partitions) {
  await admin.fetchTopicOffsets(topic)
  await admin.deleteTopicRecords({ topic, partitions })
}

async function deletesRecords() {
  const topic = await newTopic({ numPartitions: 2 })
  await sendNumbered(topic, 10, { partition: 0 })
  await sendNumbered(topic, 10, { partition: 1, first: 10 })
  await deleteRecords(topic, [{ partition: 0, offset: '4' }, { partition: 1, offset: '-1' }])
  const found = (await admin.fetchTopicOffsets(topic)).sort((a, b) => a.partition - b.partition)
  assert.deepEqual(found.map(({ low, high }) => [low, high]), [['4', '10'], ['10', '10']])
  assert.deepEqual(values(await readAll(topic, 6)), ['4', '5', '6', '7', '8', '9'])
}

async function refusesToDeleteRecordsBeyondTheEnd() {
  const topic = await newTopic()
  await sendNumbered(topic, 3)
  const error = await failure(() => deleteRecords(topic, [{ partition: 0, offset: '4' }]))
  const cause = error.cause ?? error
  assert.equal(cause.partitions[0].error.type, 'OFFSET_OUT_OF_RANGE')
}

async function reassignsToTheSameReplicas() {
  const topic = await newTopic()
  const { controller } = await admin.describeCluster()
  await admin.alterPartitionReassignments({ topics: [{ topic, partitionAssignment: [{ partition: 0, replicas: [controller] }] }] })
  const { topics } = await admin.listPartitionReassignments({ topics: [{ topic, partitions: [0] }] })
  assert.deepEqual(topics, [])
}

async function aclCallsAnswerSecurityDisabled() {
  const calls = [
    () => admin.createAcls({ acl: [acl] }),
    () => admin.describeAcls(acl),
    () => admin.deleteAcls({ filters: [acl] }),
  ]
  for (const call of calls) assert.equal((await failure(call)).type, 'SECURITY_DISABLED')
}

export default [
  describesTopicConfigs, altersTopicConfigs, refusesInvalidTopicConfigs, configsOfMissingTopicAreAnError, describesBrokerConfigs,
  describesCluster, listsOffsetsOfEmptyAndFullPartitions, deletesRecords, refusesToDeleteRecordsBeyondTheEnd,
  reassignsToTheSameReplicas, aclCallsAnswerSecurityDisabled,
]
