// An idempotent KafkaJS producer that sends until SIGTERM: small batches, one loop per topic.
import fs from 'node:fs'
import { createRequire } from 'node:module'

// One installation serves both tests.
const { Kafka, CompressionTypes, logLevel } = createRequire(new URL('../app/node/package.json', import.meta.url))('kafkajs')

const name = process.env.NAME
const topics = JSON.parse(process.env.TOPICS)
const rate = Number(process.env.RATE ?? 3000)
const log = fs.openSync(process.env.OUT, 'a')
const perPartition = 10
const pad = 400
const sleep = ms => new Promise(resolve => setTimeout(resolve, ms))
let stopping = false
process.on('SIGTERM', () => { stopping = true })
process.on('SIGINT', () => { stopping = true })

const kafka = new Kafka({
  clientId: name, brokers: [process.env.BOOTSTRAP], logLevel: logLevel.NOTHING, connectionTimeout: 500, requestTimeout: 5000,
  retry: { initialRetryTime: 30, maxRetryTime: 100, retries: 50 },
})
const producer = kafka.producer({
  idempotent: true, maxInFlightRequests: 1, retry: { initialRetryTime: 30, maxRetryTime: 100, retries: Number.MAX_SAFE_INTEGER },
})

const event = number => {
  const word = ((number * 40503) % 2 ** 32).toString(16).padStart(8, '0')
  return JSON.stringify({ p: name, n: number, pad: word.repeat(pad / 8) })
}

const isFinal = error => {
  const cause = error.cause ?? error
  return cause.name === 'KafkaJSProtocolError' && !cause.retriable
}

async function patiently(action) {
  for (;;) {
    try {
      return await action()
    } catch (error) {
      if (isFinal(error)) throw error
      console.error(`again after: ${error.message}`)
      await sleep(50)
    }
  }
}

async function sendTo({ name: topic, partitions, compression }) {
  const share = rate / topics.reduce((sum, other) => sum + other.partitions, 0) * partitions
  const pause = (1000 * perPartition * partitions) / share
  for (let first = 0; !stopping; first += perPartition) {
    const messages = []
    for (let partition = 0; partition < partitions; partition++) {
      for (let i = 0; i < perPartition; i++) messages.push({ partition, value: event(first + i) })
    }
    const codec = compression === 'gzip' ? CompressionTypes.GZIP : CompressionTypes.None
    // Sent again after an error, a batch keeps its sequence numbers: they count on only after an acknowledgement.
    const results = await patiently(() => producer.send({ topic, acks: -1, compression: codec, messages }))
    let lines = ''
    for (const { partition, baseOffset } of results) {
      for (let i = 0; i < perPartition; i++) lines += `${topic} ${partition} ${first + i} ${Number(baseOffset) + i}\n`
    }
    fs.writeSync(log, lines)
    await sleep(pause)
  }
}

try {
  await patiently(() => producer.connect())
  await Promise.all(topics.map(sendTo))
  await Promise.race([producer.disconnect(), sleep(5000)])
  process.exit(0)
} catch (error) {
  console.error(`refused for good: ${error.stack}`)
  process.exit(1)
}
