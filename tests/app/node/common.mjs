// What the KafkaJS producer and consumer share: the patient client, the topic, the log of JSON lines.
import fs from 'node:fs'
import kafkajs from 'kafkajs'

const { Kafka, logLevel } = kafkajs

export const topic = process.env.TOPIC ?? 'predictions'
export const sleep = ms => new Promise(resolve => setTimeout(resolve, ms))

export const kafka = new Kafka({
  clientId: 'application-kafkajs',
  brokers: [process.env.BOOTSTRAP ?? '127.0.0.1:9092'],
  logLevel: logLevel.NOTHING,
  connectionTimeout: 1000,
  requestTimeout: 10_000,
  retry: { initialRetryTime: 100, maxRetryTime: 1000, retries: 20 },
})

/** Runs `action` until it succeeds; only what the client itself calls final ends it. */
export async function patiently(action, isFinal = () => false) {
  for (;;) {
    try {
      return await action()
    } catch (error) {
      if (isFinal(error)) throw error
      console.error(`again after: ${error.message}`)
      await sleep(200)
    }
  }
}

export async function createTopic() {
  const admin = kafka.admin()
  const configEntries = [{ name: 'retention.ms', value: String(7 * 24 * 3600 * 1000) }]
  await patiently(async () => {
    await admin.connect()
    await admin.createTopics({ topics: [{ topic, numPartitions: 16, replicationFactor: 1, configEntries }] })
    await admin.fetchTopicMetadata({ topics: [topic] })
  })
  await admin.disconnect()
}

/** Appends whole lines at once and returns when the operating system has them. */
export function lineLog(path) {
  const file = fs.openSync(path, 'a')
  return lines => {
    if (lines.length > 0) fs.writeSync(file, lines.map(line => JSON.stringify(line) + '\n').join(''))
  }
}
