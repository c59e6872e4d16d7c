// Sends COUNT predictions with an idempotent KafkaJS producer, acks all, and logs each acknowledged one.
import kafkajs from 'kafkajs'
import { createTopic, kafka, lineLog, patiently, sleep, topic } from './common.mjs'

const count = Number(process.env.COUNT ?? 1000)
const keyCount = Number(process.env.KEYS ?? 1000)
const rate = Number(process.env.RATE ?? 0)
const prefix = process.env.PREFIX ?? 'model'
const batchSize = 1000
const log = lineLog(process.env.OUT ?? 'acks-node.jsonl')
const { DefaultPartitioner } = kafkajs.Partitioners

/** The default partitioner, which also notes on the message where it sends it. */
const notingPartitioner = () => {
  const choose = DefaultPartitioner()
  return choice => {
    choice.message.chosen = choose(choice)
    return choice.message.chosen
  }
}

const producer = kafka.producer({
  idempotent: true, maxInFlightRequests: 1, createPartitioner: notingPartitioner, retry: { retries: Number.MAX_SAFE_INTEGER, maxRetryTime: 1000 },
})

function event(i) {
  const seq = Math.floor(i / keyCount)
  const key = `${prefix}-${i % keyCount}`
  return { key, seq, value: JSON.stringify({ seq, score: (i * 7919) % 1000 / 1000, label: i % 3 === 0 ? 'churn' : 'stay' }) }
}

/** The offset of each message: the base offset of its partition and its place among that partition's messages. */
function acknowledged(messages, results) {
  const next = new Map(results.map(({ partition, baseOffset }) => [partition, BigInt(baseOffset)]))
  return messages.map(({ key, seq, chosen }) => {
    const offset = next.get(chosen)
    next.set(chosen, offset + 1n)
    return { topic, key, seq, partition: chosen, offset: Number(offset) }
  })
}

const isFinal = error => {
  const cause = error.cause ?? error
  return cause.name === 'KafkaJSProtocolError' && !cause.retriable
}

async function sendAll() {
  const begun = Date.now()
  for (let first = 0; first < count; first += batchSize) {
    const messages = Array.from({ length: Math.min(batchSize, count - first) }, (_, i) => event(first + i))
    // A batch sent again keeps its sequence numbers: KafkaJS counts them on only after an acknowledgement.
    const results = await patiently(() => producer.send({ topic, acks: -1, messages }), isFinal)
    log(acknowledged(messages, results))
    const due = rate > 0 ? begun + (1000 * (first + messages.length)) / rate : 0
    if (due > Date.now()) await sleep(due - Date.now())
  }
  console.log(`${count} events acknowledged in ${Date.now() - begun} ms`)
}

try {
  await createTopic()
  await patiently(() => producer.connect())
  await sendAll()
  await producer.disconnect()
} catch (error) {
  console.error(`refused for good: ${error.stack}`)
  process.exit(1)
}
