// What the Node suites share: running named checks, waiting, and the one allowance made for Apache Kafka itself.
// Nothing here knows a client library.
import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'

export const bootstrap = process.env.BOOTSTRAP ?? '127.0.0.1:9092'
const peerIsKafka = process.env.PEER === 'kafka'
const checkTimeoutMs = 20_000
const suiteTimeoutMs = 110_000
const startedAt = Date.now()

export const sleep = ms => new Promise(resolve => setTimeout(resolve, ms))
export const unique = stem => `${stem}-${randomBytes(5).toString('hex')}`
export const note = text => console.log(`# ${text}`)

/** Polls until `probe` answers something truthy, which it returns. */
export async function eventually(what, probe, timeoutMs = 10_000) {
  const deadline = Date.now() + timeoutMs
  for (;;) {
    const answer = await probe()
    if (answer) return answer
    if (Date.now() > deadline) throw new Error(`waited ${timeoutMs} ms in vain for: ${what}`)
    await sleep(15)
  }
}

/** The error that `action` must end with. */
export async function failure(action) {
  try {
    await action()
  } catch (error) {
    return error
  }
  throw new Error('succeeded, but an error was due')
}

/**
 * Runs `action` once. Apache Kafka's metadata lags behind its own answers, so on it alone (PEER=kafka)
 * a failure that `isLag` recognises is tried again; the broker under test gets no second chance.
 */
export async function allowingLag(isLag, action) {
  const deadline = Date.now() + 10_000
  for (;;) {
    try {
      return await action()
    } catch (error) {
      if (!peerIsKafka || !isLag(error) || Date.now() > deadline) throw error
      await sleep(50)
    }
  }
}

/** `createsTopicWithConfigs` reads as `creates topic with configs`. */
const words = name => name.replace(/([a-z])([A-Z0-9])/g, '$1 $2').replace(/([0-9])([A-Z])/g, '$1 $2').toLowerCase()

function withTimeout(promise, ms) {
  let timer
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error(`no end after ${ms} ms`)), ms)
  })
  return Promise.race([promise, late]).finally(() => clearTimeout(timer))
}

const oneLine = error => String(error?.message || error).replace(/\s*\n\s*/g, ' | ').slice(0, 600)

async function runOne(name, check) {
  const begun = Date.now()
  try {
    const skipped = await withTimeout(check(), checkTimeoutMs)
    console.log(typeof skipped === 'string' ? `ok - ${name} # SKIP ${skipped}` : `ok - ${name}`)
    return true
  } catch (error) {
    console.log(`not ok - ${name}: ${oneLine(error)}`)
    if (process.env.TRACE) console.log(error)
    return false
  } finally {
    if (process.env.TRACE) note(`${name}: ${Date.now() - begun} ms`)
  }
}

/**
 * `areas` maps an area's name to its check functions. Arguments of the command line choose checks whose
 * name contains one of them; connecting comes first in any case. Ends the process: 0 when every check passed, else 1.
 */
export async function runChecks(areas, { connect, disconnect }) {
  for (const event of ['unhandledRejection', 'uncaughtException']) process.on(event, error => note(`${event}: ${oneLine(error)}`))
  setTimeout(() => {
    console.log('not ok - suite: did not end in time')
    process.exit(1)
  }, suiteTimeoutMs).unref()
  const wanted = process.argv.slice(2)
  const chosen = Object.entries(areas)
    .flatMap(([area, checks]) => checks.map(check => [`${area}: ${words(check.name)}`, check]))
    .filter(([name]) => wanted.length === 0 || wanted.some(part => name.includes(part)))
  if (!(await runOne('client: connects', connect))) process.exit(1)
  let failed = 0
  for (const [name, check] of chosen) failed += (await runOne(name, check)) ? 0 : 1
  note(`${chosen.length - failed} of ${chosen.length} passed in ${Date.now() - startedAt} ms`)
  await Promise.race([disconnect().catch(() => {}), sleep(3000)])
  process.exit(failed === 0 ? 0 : 1)
}

export { assert }
