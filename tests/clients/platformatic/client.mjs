// The @platformatic/kafka clients of this suite: one admin, one producer, consumers closed at the end.
// The library is written for Node 22; what Node 20 lacks of it is added here.
import zlib from 'node:zlib'
import { allowingLag, bootstrap, eventually, unique } from '../common/checks.mjs'

Promise.withResolvers ??= () => {
  const parts = {}
  parts.promise = new Promise((resolve, reject) => Object.assign(parts, { resolve, reject }))
  return parts
}

const library = await import('@platformatic/kafka')
export const { ListOffsetTimestamps, ConfigResourceTypes, IncrementalAlterConfigOperationTypes, GroupProtocols } = library

export const nodeHasZstd = typeof zlib.zstdCompressSync === 'function'
export const codecs = ['none', 'gzip', 'snappy', 'lz4', ...(nodeHasZstd ? ['zstd'] : [])]

const base = { clientId: 'acceptance-platformatic', bootstrapBrokers: [bootstrap], retries: 3, retryDelay: 50, timeout: 8000 }
const opened = []
const open = client => {
  client.on('error', () => {})
  opened.push(client)
  return client
}

export const admin = open(new library.Admin(base))
export const newProducer = (options = {}) => open(new library.Producer({ ...base, autocreateTopics: true, ...options }))
export const producer = newProducer()
const classicTimes = { sessionTimeout: 10_000, rebalanceTimeout: 10_000, heartbeatInterval: 200 }
export const newConsumer = (groupId, options = {}) =>
  open(new library.Consumer({
    ...base, groupId, maxWaitTime: 100, autocommit: false, ...(options.groupProtocol ? {} : classicTimes), ...options,
  }))

export async function connect() {
  await admin.metadata({ topics: [] })
}

export async function disconnect() {
  await Promise.allSettled(opened.map(client => client.close(true)))
}

/** The names of the broker's errors anywhere inside what was thrown. */
export function errorIds(error) {
  const inner = [error?.cause, ...(error?.errors ?? [])].filter(Boolean).flatMap(errorIds)
  return [...new Set([error?.apiId, ...inner].filter(Boolean))]
}

const lagIds = ['UNKNOWN_TOPIC_OR_PARTITION', 'LEADER_NOT_AVAILABLE', 'UNKNOWN_TOPIC_ID']
const isLag = error => /^Unknown topic/.test(error?.message) || errorIds(error).some(id => lagIds.includes(id))
export const lagging = action => allowingLag(isLag, action)

export const configList = configs => Object.entries(configs).map(([name, value]) => ({ name, value: String(value) }))

export async function partitionCount(topic) {
  const metadata = await lagging(() => admin.metadata({ topics: [topic], forceUpdate: true }))
  return metadata.topics.get(topic).partitionsCount
}

/** Creates a topic and returns its name once it can be used. */
export async function newTopic({ configs, ...settings } = {}) {
  const topic = unique('platformatic')
  await admin.createTopics({ topics: [topic], partitions: 1, replicas: 1, ...settings, ...(configs ? { configs: configList(configs) } : {}) })
  await partitionCount(topic)
  return topic
}

export const send = (messages, options = {}, sender = producer) => lagging(() => sender.send({ messages, ...options }))

/** Sends `first`, `first + 1`, ... to one partition, the i-th at time 1000 * (i + 1) if `stamped`. */
export function sendNumbered(topic, count, { partition = 0, first = 0, stamped = false, sender = producer, ...options } = {}) {
  const messages = Array.from({ length: count }, (_, i) => ({
    topic, partition, value: Buffer.from(String(first + i)), ...(stamped ? { timestamp: BigInt(1000 * (i + 1)) } : {}),
  }))
  return send(messages, options, sender)
}

/** A running group member; `messages` grows as they arrive. */
export async function newMember(groupId, topics, { mode = 'earliest', fallbackMode = 'earliest', offsets, ...options } = {}) {
  const consumer = newConsumer(groupId, options)
  const member = { consumer, messages: [], joins: 0, errors: [] }
  consumer.on('consumer:group:join', () => { member.joins += 1 })
  member.stream = await consumer.consume({ topics: [topics].flat(), mode, fallbackMode, ...(offsets ? { offsets } : {}) })
  member.stream.on('data', message => member.messages.push(message))
  member.stream.on('error', error => member.errors.push(error))
  member.assigned = topic => consumer.assignments?.find(entry => entry.topic === topic)?.partitions ?? []
  member.read = count => eventually(`${count} messages`, () => member.messages.length >= count)
  member.stop = async () => {
    await member.stream.close()
    await consumer.close()
  }
  return member
}

/** Reads `count` messages of a topic from the beginning in a group of its own. */
export async function readAll(topic, count, options = {}) {
  const member = await newMember(unique('reader'), topic, options)
  await member.read(count)
  await member.stop()
  return member.messages
}

export const values = messages => messages.map(message => message.value.toString())
export const numbers = messages => values(messages).map(Number)
