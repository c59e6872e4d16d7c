// Consumer groups through KafkaJS: joining, rebalancing, commits, positions.
import { assert, eventually, failure, note, sleep, unique } from '../common/checks.mjs'
import { CompressionTypes, admin, lagging, newMember, newTopic, readAll, sendNumbered, values } from './client.mjs'

const sorted = records => values(records).map(Number).sort((a, b) => a - b)
const upTo = count => Array.from({ length: count }, (_, i) => i)

async function readsFirstRecordInNewGroup() {
  const topic = await newTopic()
  await sendNumbered(topic, 1)
  const begun = performance.now()
  await readAll(topic, 1)
  note(`first record in a new group after ${Math.round(performance.now() - begun)} ms`)
}

async function rebalancesAsMembersComeAndGo() {
  const topic = await newTopic({ numPartitions: 4 })
  const group = unique('group')
  const first = await newMember(group, topic)
  await eventually('all partitions on one member', () => first.assigned(topic).length === 4)
  await sendNumbered(topic, 50, { partition: 0 })
  await eventually('the first records', () => first.records.length === 50)
  const second = await newMember(group, topic)
  await eventually('two each', () => first.assigned(topic).length === 2 && second.assigned(topic).length === 2)
  for (const partition of upTo(4)) await sendNumbered(topic, 50, { partition, first: 50 + partition * 50 })
  await eventually('every record', () => first.records.length + second.records.length >= 250)
  await second.stop()
  await eventually('all partitions back', () => first.assigned(topic).length === 4)
  for (const partition of upTo(4)) await sendNumbered(topic, 25, { partition, first: 250 + partition * 25 })
  await eventually('the last records', () => first.records.length + second.records.length >= 350)
  await sleep(100)
  assert.deepEqual(sorted([...first.records, ...second.records]), upTo(350))
  await first.stop()
}

async function resumesFromCommittedOffset() {
  const topic = await newTopic()
  const group = unique('group')
  await sendNumbered(topic, 10)
  const first = await newMember(group, topic, { run: { autoCommit: false, eachMessage: async () => {} } })
  await first.joined()
  await first.consumer.commitOffsets([{ topic, partition: 0, offset: '4', metadata: 'by hand' }])
  await first.stop()
  const [committed] = await admin.fetchOffsets({ groupId: group, topics: [topic] })
  assert.deepEqual(committed.partitions, [{ partition: 0, offset: '4', metadata: 'by hand' }])
  const second = await newMember(group, topic)
  await eventually('six records', () => second.records.length >= 6)
  await second.stop()
  assert.deepEqual(sorted(second.records), [4, 5, 6, 7, 8, 9])
}

async function autoCommitsWhatWasRead() {
  const topic = await newTopic()
  const group = unique('group')
  await sendNumbered(topic, 10)
  const member = await newMember(group, topic, { run: { autoCommitThreshold: 1 } })
  await eventually('ten records', () => member.records.length === 10)
  await member.stop()
  const [committed] = await admin.fetchOffsets({ groupId: group, topics: [topic] })
  assert.equal(committed.partitions[0].offset, '10')
}

async function neverCommittedReadsAsMinusOne() {
  const topic = await newTopic({ numPartitions: 2 })
  const [found] = await admin.fetchOffsets({ groupId: unique('group'), topics: [topic] })
  assert.deepEqual(found.partitions.map(({ offset }) => offset), ['-1', '-1'])
}

async function startsAtTheEndUnlessToldOtherwise() {
  const topic = await newTopic()
  await sendNumbered(topic, 5)
  const member = await newMember(unique('group'), topic, { fromBeginning: false })
  await eventually('an empty fetch', () => member.fetches > 1)
  await sendNumbered(topic, 2, { first: 5 })
  await eventually('new records', () => member.records.length >= 2)
  await member.stop()
  assert.deepEqual(sorted(member.records), [5, 6])
}

async function seeksToOffset() {
  const topic = await newTopic()
  await sendNumbered(topic, 20)
  const member = await newMember(unique('group'), topic)
  await eventually('all records', () => member.records.length === 20)
  member.records.length = 0
  member.consumer.seek({ topic, partition: 0, offset: '15' })
  await eventually('five again', () => member.records.length >= 5)
  await member.stop()
  assert.deepEqual(sorted(member.records), [15, 16, 17, 18, 19])
}

async function findsOffsetsByTimestampInsideCompressedBatches() {
  for (const codec of ['None', 'GZIP', 'Snappy', 'LZ4', 'ZSTD']) {
    const topic = await newTopic()
    // Nine, so that all timestamps have four digits: KafkaJS sorts them as text to find the batch's largest.
    await sendNumbered(topic, 9, { stamped: true, compression: CompressionTypes[codec] })
    for (const [time, offset] of [[1, '0'], [1000, '0'], [4500, '4'], [5000, '4'], [9000, '8']]) {
      const [found] = await admin.fetchTopicOffsetsByTimestamp(topic, time)
      assert.deepEqual(found, { partition: 0, offset }, `${codec} at ${time}`)
    }
    const [beyond] = await admin.fetchTopicOffsetsByTimestamp(topic, 9001)
    assert.equal(beyond.offset, '9', `${codec} beyond the end`)
  }
}

async function pausesAndResumesPartitions() {
  const topic = await newTopic({ numPartitions: 2 })
  const member = await newMember(unique('group'), topic)
  await member.joined()
  await sendNumbered(topic, 1, { partition: 0 })
  await eventually('the first record', () => member.records.length === 1)
  member.consumer.pause([{ topic, partitions: [1] }])
  assert.deepEqual(member.consumer.paused(), [{ topic, partitions: [1] }])
  await sendNumbered(topic, 5, { partition: 1, first: 100 })
  await sendNumbered(topic, 5, { partition: 0, first: 1 })
  await eventually('the open partition', () => member.records.length === 6)
  await sleep(300)
  assert.ok(member.records.every(({ partition }) => partition === 0))
  member.consumer.resume([{ topic, partitions: [1] }])
  await eventually('the paused partition', () => member.records.length === 11)
  await member.stop()
}

async function seesHighWatermarkInBatches() {
  const topic = await newTopic()
  await sendNumbered(topic, 30)
  const batches = []
  const member = await newMember(unique('group'), topic, { run: { eachMessage: undefined, eachBatch: async ({ batch }) => { batches.push(batch) } } })
  await eventually('a batch', () => batches.length > 0)
  await member.stop()
  assert.equal(batches[0].highWatermark, '30')
  assert.equal(batches[0].firstOffset(), '0')
  assert.equal(batches[0].offsetLag(), '0')
}

async function outOfRangeOffsetStartsOver() {
  const topic = await newTopic()
  const group = unique('group')
  await sendNumbered(topic, 10)
  const before = await newMember(group, topic, { run: { autoCommit: false, eachMessage: async () => {} } })
  await before.joined()
  await before.consumer.commitOffsets([{ topic, partition: 0, offset: '500' }])
  await before.stop()
  const member = await newMember(group, topic)
  await eventually('all records', () => member.records.length >= 10)
  await member.stop()
  assert.deepEqual(sorted(member.records), upTo(10))
}

async function subscribesToSeveralTopicsAndPatterns() {
  const stem = unique('pattern')
  const topics = [`${stem}-a`, `${stem}-b`]
  await admin.createTopics({ topics: topics.map(topic => ({ topic })), waitForLeaders: false })
  for (const topic of topics) await lagging(() => sendNumbered(topic, 3))
  const member = await newMember(unique('group'), new RegExp(`^${stem}-.*`))
  await eventually('both topics', () => member.records.length >= 6)
  await member.stop()
  assert.deepEqual([...new Set(member.records.map(({ topic }) => topic))].sort(), topics)
}

async function longPollEndsWhenDataArrives() {
  const topic = await newTopic()
  const member = await newMember(unique('group'), topic, { maxWaitTimeInMs: 1500 })
  await member.fetching()
  await sleep(200)
  const begun = performance.now()
  await sendNumbered(topic, 1)
  await eventually('the record', () => member.records.length === 1, 3000)
  assert.ok(performance.now() - begun < 800, 'the fetch waited although there was data')
  await member.stop()
}

async function describesListsAndDeletesGroups() {
  const topic = await newTopic({ numPartitions: 2 })
  const group = unique('group')
  const member = await newMember(group, topic)
  await member.joined()
  const { groups: [live] } = await admin.describeGroups([group])
  assert.deepEqual([live.state, live.protocolType, live.protocol, live.members.length], ['Stable', 'consumer', 'RoundRobinAssigner', 1])
  assert.equal(live.members[0].clientId, 'acceptance-kafkajs')
  assert.ok((await admin.listGroups()).groups.some(({ groupId, protocolType }) => groupId === group && protocolType === 'consumer'))
  const refused = await failure(() => admin.deleteGroups([group]))
  assert.equal(refused.groups[0].error.type, 'NON_EMPTY_GROUP')
  await member.stop()
  const { groups: [empty] } = await admin.describeGroups([group])
  assert.deepEqual([empty.state, empty.members.length], ['Empty', 0])
  const [deleted] = await admin.deleteGroups([group])
  assert.equal(deleted.errorCode, 0)
  assert.ok(!(await admin.listGroups()).groups.some(({ groupId }) => groupId === group))
}

async function missingGroupsAreDeadOrNotFound() {
  const group = unique('missing')
  const { groups: [described] } = await admin.describeGroups([group])
  assert.equal(described.state, 'Dead')
  const error = await failure(() => admin.deleteGroups([group]))
  assert.equal(error.groups[0].error.type, 'GROUP_ID_NOT_FOUND')
}

/** KafkaJS moves offsets by a member that fetches once, 5 s each time: hence three groups side by side. */
async function resetsAndSetsOffsets() {
  const topic = await newTopic({ numPartitions: 2 })
  await sendNumbered(topic, 10)
  const moved = async (move, options = {}) => {
    const groupId = unique('group')
    await move(groupId)
    const [found] = await admin.fetchOffsets({ groupId, topics: [topic], ...options })
    return found.partitions.map(({ offset }) => offset)
  }
  const partitions = [{ partition: 0, offset: '7' }, { partition: 1, offset: '0' }]
  const [set, latest, earliest] = await Promise.all([
    moved(groupId => admin.setOffsets({ groupId, topic, partitions })),
    moved(groupId => admin.resetOffsets({ groupId, topic, earliest: false }), { resolveOffsets: true }),
    moved(groupId => admin.resetOffsets({ groupId, topic, earliest: true }), { resolveOffsets: true }),
  ])
  assert.deepEqual([set, latest, earliest], [['7', '0'], ['10', '0'], ['0', '0']])
}

async function refusesToMoveOffsetsOfLiveGroup() {
  const topic = await newTopic()
  const group = unique('group')
  const member = await newMember(group, topic)
  await member.joined()
  const error = await failure(() => admin.setOffsets({ groupId: group, topic, partitions: [{ partition: 0, offset: '1' }] }))
  assert.match(error.message, /must have no running instances, current state: Stable/)
  await member.stop()
}

export default [
  readsFirstRecordInNewGroup, rebalancesAsMembersComeAndGo, resumesFromCommittedOffset, autoCommitsWhatWasRead,
  neverCommittedReadsAsMinusOne, startsAtTheEndUnlessToldOtherwise, seeksToOffset, findsOffsetsByTimestampInsideCompressedBatches,
  pausesAndResumesPartitions, seesHighWatermarkInBatches, outOfRangeOffsetStartsOver, subscribesToSeveralTopicsAndPatterns,
  longPollEndsWhenDataArrives, describesListsAndDeletesGroups, missingGroupsAreDeadOrNotFound, resetsAndSetsOffsets, refusesToMoveOffsetsOfLiveGroup,
]
