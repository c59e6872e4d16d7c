// Sends one message and waits for its acknowledgement, again and again, with KafkaJS as it is by default.
// Says "ready" after a warm-up, waits for a line, sends, and reports latencies as JSON.
//
// node one_at_a_time.cjs BOOTSTRAP TOPIC SIZE SECONDS
const { Kafka, logLevel } = require('kafkajs')

const [bootstrap, topic, size, seconds] = process.argv.slice(2)
const WARM_UP_MESSAGES = 300
const messages = [{ value: Buffer.alloc(Number(size), 'v') }]

const percentile = (sorted, share) => sorted[Math.max(0, Math.ceil(sorted.length * share) - 1)]

const main = async () => {
  const producer = new Kafka({ brokers: [bootstrap], logLevel: logLevel.ERROR }).producer()
  await producer.connect()
  for (let i = 0; i < WARM_UP_MESSAGES; i++) await producer.send({ topic, messages })
  process.stdout.write('ready\n')
  await new Promise(resolve => process.stdin.once('data', resolve))
  const latencies = []
  const started = performance.now()
  const until = started + Number(seconds) * 1000
  for (let sent = started; sent < until;) {
    await producer.send({ topic, messages })
    const now = performance.now()
    latencies.push(now - sent)
    sent = now
  }
  const elapsed = (performance.now() - started) / 1000
  latencies.sort((a, b) => a - b)
  const result = { count: latencies.length, seconds: elapsed, p50_ms: percentile(latencies, 0.5), p99_ms: percentile(latencies, 0.99) }
  process.stdout.write(JSON.stringify(result) + '\n')
  await producer.disconnect()
}

main().then(() => process.exit(0), error => {
  process.stderr.write(`${error.stack}\n`)
  process.exit(1)
})
