// Starts the broker's image through the unmodified Kafka module of Testcontainers for Node.js, produces and consumes.
import { KafkaContainer } from "@testcontainers/kafka";
import { Kafka, logLevel } from "kafkajs";

const RECORDS = 20;
const LIMIT_MS = 90_000;
const KAFKA_PORT = 9093;

// The module reads the version of Confluent's image from the tag: below 8 ZooKeeper unless KRaft is asked for.
const OLD = process.env.OLD_IMAGE ?? "barnabas/cp-kafka:7.6.0";
const OLDER = process.env.OLDER_IMAGE ?? "barnabas/cp-kafka:7.2.0";
const NEW = process.env.IMAGE ?? "barnabas/cp-kafka:8.0.0";

const checks = {
  node_zookeeper_inside: () => new KafkaContainer(OLD),
  node_kraft_before_7_4: () => new KafkaContainer(OLDER).withKraft(),
  node_kraft: () => new KafkaContainer(OLD).withKraft(),
  node_8: () => new KafkaContainer(NEW),
};

async function roundTrip(container) {
  const started = await container.start();
  try {
    const broker = `${started.getHost()}:${started.getMappedPort(KAFKA_PORT)}`;
    const kafka = new Kafka({ clientId: "words", brokers: [broker], logLevel: logLevel.NOTHING });
    const wanted = Array.from({ length: RECORDS }, (_, i) => `word ${i}`);
    const producer = kafka.producer();
    await producer.connect();
    await producer.send({ topic: "words", messages: wanted.map((value) => ({ value })) });
    await producer.disconnect();
    const read = await consume(kafka);
    if (read.join() !== wanted.join()) throw new Error(`read ${read}`);
  } finally {
    await started.stop();
  }
}

async function consume(kafka) {
  const consumer = kafka.consumer({ groupId: "readers" });
  await consumer.connect();
  await consumer.subscribe({ topic: "words", fromBeginning: true });
  const read = [];
  await new Promise((resolve, reject) => {
    consumer.on(consumer.events.CRASH, ({ payload }) => reject(payload.error));
    consumer
      .run({
        eachMessage: async ({ message }) => {
          read.push(message.value.toString());
          if (read.length === RECORDS) resolve();
        },
      })
      .catch(reject);
  });
  await consumer.disconnect();
  return read;
}

const limit = () =>
  new Promise((_, reject) => setTimeout(() => reject(new Error(`no end after ${LIMIT_MS} ms`)), LIMIT_MS).unref());

let failed = 0;
for (const [name, container] of Object.entries(checks)) {
  try {
    await Promise.race([roundTrip(container()), limit()]);
    console.log(`ok - ${name}`);
  } catch (error) {
    failed += 1;
    console.log(`not ok - ${name}: ${String(error).replaceAll("\n", " ").slice(0, 400)}`);
  }
}
console.log(`1..${Object.keys(checks).length}`);
process.exit(failed === 0 ? 0 : 1);
