// The rest of @platformatic/kafka's admin client: cluster, records, log dirs, quotas, ACLs.
import { assert, failure } from '../common/checks.mjs'
import { admin, errorIds, newTopic, numbers, readAll, sendNumbered } from './client.mjs'

async function describesCluster() {
  const { id, brokers, controllerId } = await admin.metadata({ topics: [], forceUpdate: true })
  assert.match(id, /^[\w-]{22}$/)
  assert.ok(brokers.has(controllerId))
}

async function deletesRecords() {
  const topic = await newTopic({ partitions: 2 })
  await sendNumbered(topic, 10)
  await sendNumbered(topic, 10, { partition: 1, first: 10 })
  const [answer] = await admin.deleteRecords({ topics: [{ name: topic, partitions: [{ partition: 0, offset: 4n }, { partition: 1, offset: -1n }] }] })
  assert.deepEqual(Object.fromEntries(answer.partitions.map(({ partition, lowWatermark }) => [partition, lowWatermark])), { 0: 4n, 1: 10n })
  assert.deepEqual(numbers(await readAll(topic, 6)), [4, 5, 6, 7, 8, 9])
  const beyond = await failure(() => admin.deleteRecords({ topics: [{ name: topic, partitions: [{ partition: 0, offset: 11n }] }] }))
  assert.deepEqual(errorIds(beyond), ['OFFSET_OUT_OF_RANGE'])
}

async function describesLogDirs() {
  const topic = await newTopic({ partitions: 2 })
  for (const partition of [0, 1]) await sendNumbered(topic, 10, { partition })
  const found = await admin.describeLogDirs({ topics: [{ name: topic, partitions: [0, 1] }] })
  const partitions = found.flatMap(({ results }) => results).flatMap(({ topics }) => topics).flatMap(each => each.partitions)
  assert.equal(partitions.length, 2)
  assert.ok(partitions.every(({ partitionSize }) => partitionSize > 0n))
}

async function describesClientQuotas() {
  const found = await admin.describeClientQuotas({ components: [{ entityType: 'client-id', matchType: 2 }], strict: false })
  assert.ok(Array.isArray(found ?? []))
}

async function findsCoordinators() {
  const keys = ['one-group', 'another-group']
  const found = await admin.findCoordinator({ keyType: 0, keys })
  assert.deepEqual(found.map(({ key }) => key).sort(), [...keys].sort())
  assert.ok(found.every(({ port }) => port > 0))
}

async function aclCallsAnswerSecurityDisabled() {
  const acl = { resourceType: 2, resourceName: 'any', resourcePatternType: 3, principal: 'User:someone', host: '*', operation: 3, permissionType: 3 }
  for (const call of [
    () => admin.createAcls({ creations: [acl] }),
    () => admin.describeAcls({ filter: acl }),
    () => admin.deleteAcls({ filters: [acl] }),
  ]) assert.deepEqual(errorIds(await failure(call)), ['SECURITY_DISABLED'])
}

export default [describesCluster, deletesRecords, describesLogDirs, describesClientQuotas, findsCoordinators, aclCallsAnswerSecurityDisabled]
