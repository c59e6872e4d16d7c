// A member of a KafkaJS consumer group that logs what it reads and commits what it logged.
import { kafka, lineLog, patiently, sleep, topic } from './common.mjs'

const group = process.env.GROUP ?? 'predictions-readers'
const member = process.env.MEMBER ?? String(process.pid)
const idleMs = 1000 * Number(process.env.IDLE_S ?? 0)
const log = lineLog(process.env.OUT ?? 'reads-node.jsonl')
let lastRecordAt = Date.now()
let stopping = false

log([{ topic, group, member }])

async function readBatch({ batch, resolveOffset, heartbeat, commitOffsetsIfNecessary }) {
  log(batch.messages.map(({ key, value, offset }) => ({
    topic: batch.topic, key: key.toString(), seq: JSON.parse(value).seq, partition: batch.partition, offset: Number(offset), group, member,
  })))
  lastRecordAt = Date.now()
  resolveOffset(batch.lastOffset())
  await heartbeat()
  await commitOffsetsIfNecessary()
}

const consumer = kafka.consumer({
  groupId: group, sessionTimeout: 10_000, rebalanceTimeout: 10_000, heartbeatInterval: 1000, maxWaitTimeInMs: 500,
  retry: { retries: 20, maxRetryTime: 1000, restartOnFailure: async () => true },
})
process.on('SIGTERM', () => { stopping = true })
process.on('SIGINT', () => { stopping = true })

await patiently(() => consumer.connect())
await patiently(() => consumer.subscribe({ topics: [topic], fromBeginning: true }))
await consumer.run({ eachBatchAutoResolve: false, autoCommitInterval: 1000, partitionsConsumedConcurrently: 4, eachBatch: readBatch })
while (!stopping && (idleMs === 0 || Date.now() - lastRecordAt < idleMs)) await sleep(100)
await Promise.race([consumer.disconnect(), sleep(10_000)])
process.exit(0)
