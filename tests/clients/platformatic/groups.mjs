// Consumer groups and positions through @platformatic/kafka.
import { assert, eventually, failure, note, sleep, unique } from '../common/checks.mjs'
import {
  GroupProtocols, ListOffsetTimestamps, admin, codecs, errorIds, newConsumer, newMember, newTopic, numbers, send, sendNumbered,
} from './client.mjs'

const upTo = count => Array.from({ length: count }, (_, i) => i)
const sorted = messages => numbers(messages).sort((a, b) => a - b)

async function readsFirstRecordInNewGroup() {
  const topic = await newTopic()
  await sendNumbered(topic, 1)
  const begun = performance.now()
  const member = await newMember(unique('group'), topic)
  await member.read(1)
  note(`first record in a new group after ${Math.round(performance.now() - begun)} ms`)
  await member.stop()
}

/** The library still hands out what a fetch under way brings for a partition just given away: hence the wait. */
const fetchesUnderWayEnd = () => sleep(300)

async function rebalance(options = {}) {
  const topic = await newTopic({ partitions: 4 })
  const group = unique('group')
  const settings = { mode: 'committed', autocommit: true, ...options }
  const first = await newMember(group, topic, settings)
  await eventually('all partitions on one member', () => first.assigned(topic).length === 4)
  await sendNumbered(topic, 50)
  await first.read(50)
  await sleep(150)
  const second = await newMember(group, topic, settings)
  await eventually('two each', () => first.assigned(topic).length === 2 && second.assigned(topic).length === 2)
  await fetchesUnderWayEnd()
  for (const partition of upTo(4)) await sendNumbered(topic, 50, { partition, first: 50 + partition * 50 })
  await eventually('every record', () => first.messages.length + second.messages.length >= 250)
  await sleep(150)
  await second.stop()
  await eventually('all partitions back', () => first.assigned(topic).length === 4)
  await fetchesUnderWayEnd()
  for (const partition of upTo(4)) await sendNumbered(topic, 25, { partition, first: 250 + partition * 25 })
  await eventually('the last records', () => first.messages.length + second.messages.length >= 350)
  await sleep(150)
  assert.deepEqual(sorted([...first.messages, ...second.messages]), upTo(350))
  await first.stop()
}

const rebalancesAsMembersComeAndGo = () => rebalance()

/** KIP-848, on request only: with Kafka's heartbeat interval of 5 s it takes 10 s. */
async function rebalancesWithConsumerGroupProtocol() {
  if (!process.env.CONSUMER_PROTOCOL) return 'CONSUMER_PROTOCOL is not set'
  await rebalance({ groupProtocol: GroupProtocols.CONSUMER })
}

async function staticMemberIsNamedInTheGroup() {
  const topic = await newTopic()
  const group = unique('group')
  const member = await newMember(group, topic, { groupInstanceId: 'fixed' })
  const found = (await admin.describeGroups({ groups: [group] })).get(group)
  assert.deepEqual([...found.members.values()].map(({ groupInstanceId }) => groupInstanceId), ['fixed'])
  await member.stop()
}

async function commitsAndResumes() {
  const topic = await newTopic()
  const group = unique('group')
  await sendNumbered(topic, 10)
  const first = await newMember(group, topic)
  await first.read(10)
  await first.consumer.commit({ offsets: [{ topic, partition: 0, offset: 4n, leaderEpoch: 0 }] })
  const committed = await first.consumer.listCommittedOffsets({ topics: [{ topic, partitions: [0] }] })
  assert.deepEqual(committed.get(topic), [4n])
  await first.stop()
  const second = await newMember(group, topic, { mode: 'committed' })
  await second.read(6)
  await second.stop()
  assert.deepEqual(sorted(second.messages), [4, 5, 6, 7, 8, 9])
}

async function neverCommittedIsMinusOne() {
  const topic = await newTopic({ partitions: 2 })
  const consumer = newConsumer(unique('group'))
  const committed = await consumer.listCommittedOffsets({ topics: [{ topic, partitions: [0, 1] }] })
  assert.deepEqual(committed.get(topic), [-1n, -1n])
  await consumer.close()
}

async function startsAtTheEndIfToldSo() {
  const topic = await newTopic()
  await sendNumbered(topic, 5)
  const member = await newMember(unique('group'), topic, { mode: 'latest' })
  await sleep(300)
  await sendNumbered(topic, 2, { first: 5 })
  await member.read(2)
  await member.stop()
  assert.deepEqual(sorted(member.messages), [5, 6])
}

async function startsAtGivenOffset() {
  const topic = await newTopic()
  await sendNumbered(topic, 20)
  const member = await newMember(unique('group'), topic, { mode: 'manual', offsets: [{ topic, partition: 0, offset: 15n }] })
  await member.read(5)
  await member.stop()
  assert.deepEqual(sorted(member.messages), [15, 16, 17, 18, 19])
}

async function findsOffsetsByTimestampInsideCompressedBatches() {
  const consumer = newConsumer(unique('group'))
  for (const compression of codecs) {
    const topic = await newTopic()
    await sendNumbered(topic, 10, { stamped: true, compression })
    for (const [timestamp, offset] of [[1n, 0n], [1000n, 0n], [4500n, 4n], [5000n, 4n], [10_000n, 9n]]) {
      const found = await consumer.listOffsetsWithTimestamps({ topics: [topic], timestamp })
      assert.equal(found.get(topic).get(0).offset, offset, `${compression} at ${timestamp}`)
    }
    const beyond = await consumer.listOffsets({ topics: [topic], timestamp: 10_001n })
    assert.deepEqual(beyond.get(topic), [-1n], `${compression} beyond the end`)
  }
  await consumer.close()
}

async function listsOffsetsOfAllKinds() {
  const topic = await newTopic()
  for (const timestamp of [1000n, 9000n, 5000n]) await send([{ topic, value: Buffer.from('x'), timestamp }])
  const list = async timestamp => {
    const [found] = await admin.listOffsets({ topics: [{ name: topic, partitions: [{ partitionIndex: 0, timestamp }] }] })
    return found.partitions[0].offset
  }
  assert.deepEqual([await list(ListOffsetTimestamps.EARLIEST), await list(ListOffsetTimestamps.LATEST), await list(ListOffsetTimestamps.MAX)], [0n, 3n, 1n])
}

async function longPollEndsWhenDataArrives() {
  const topic = await newTopic()
  const member = await newMember(unique('group'), topic, { maxWaitTime: 2500 })
  await sleep(300)
  const begun = performance.now()
  await sendNumbered(topic, 1)
  await member.read(1)
  assert.ok(performance.now() - begun < 1500, 'the fetch waited although there was data')
  await member.stop()
}

async function pausesAndResumesTheStream() {
  const topic = await newTopic()
  const member = await newMember(unique('group'), topic)
  await sendNumbered(topic, 5)
  await member.read(5)
  member.stream.pause()
  await sendNumbered(topic, 5, { first: 5 })
  await sleep(300)
  assert.equal(member.messages.length, 5)
  member.stream.resume()
  await member.read(10)
  await member.stop()
  assert.deepEqual(numbers(member.messages), upTo(10))
}

async function describesListsAndDeletesGroups() {
  const topic = await newTopic({ partitions: 2 })
  const group = unique('group')
  const member = await newMember(group, topic)
  const live = (await admin.describeGroups({ groups: [group] })).get(group)
  assert.equal(live.state, 'Stable')
  assert.deepEqual([live.protocolType, live.members.size], ['consumer', 1])
  const listed = (await admin.listGroups()).get(group)
  assert.deepEqual([listed.state, listed.protocolType], ['Stable', 'consumer'])
  assert.deepEqual(errorIds(await failure(() => admin.deleteGroups({ groups: [group] }))), ['NON_EMPTY_GROUP'])
  await member.consumer.commit({ offsets: [{ topic, partition: 0, offset: 0n, leaderEpoch: 0 }] })
  await member.stop()
  assert.equal((await admin.listGroups({ states: ['EMPTY'] })).get(group)?.state, 'Empty')
  await admin.deleteGroups({ groups: [group] })
  assert.ok(!(await admin.listGroups()).has(group))
  assert.deepEqual(errorIds(await failure(() => admin.deleteGroups({ groups: [group] }))), ['GROUP_ID_NOT_FOUND'])
}

async function altersAndDeletesGroupOffsets() {
  const topic = await newTopic()
  const group = unique('group')
  await sendNumbered(topic, 10)
  await admin.alterConsumerGroupOffsets({ groupId: group, topics: [{ name: topic, partitionOffsets: [{ partition: 0, offset: 7n }] }] })
  const offsets = async () => (await admin.listConsumerGroupOffsets({ groups: [group] }))[0].topics.flatMap(({ partitions }) => partitions.map(({ committedOffset }) => committedOffset))
  assert.deepEqual(await offsets(), [7n])
  const member = await newMember(group, topic, { mode: 'committed' })
  await member.read(3)
  const refused = await failure(() => admin.deleteConsumerGroupOffsets({ groupId: group, topics: [{ name: topic, partitionIndexes: [0] }] }))
  assert.deepEqual(errorIds(refused), ['GROUP_SUBSCRIBED_TO_TOPIC'])
  await member.stop()
  await admin.deleteConsumerGroupOffsets({ groupId: group, topics: [{ name: topic, partitionIndexes: [0] }] })
  assert.deepEqual(await offsets(), [])
}

export default [
  readsFirstRecordInNewGroup, rebalancesAsMembersComeAndGo, rebalancesWithConsumerGroupProtocol, staticMemberIsNamedInTheGroup,
  commitsAndResumes, neverCommittedIsMinusOne, startsAtTheEndIfToldSo, startsAtGivenOffset,
  findsOffsetsByTimestampInsideCompressedBatches, listsOffsetsOfAllKinds, longPollEndsWhenDataArrives, pausesAndResumesTheStream,
  describesListsAndDeletesGroups, altersAndDeletesGroupOffsets,
]
