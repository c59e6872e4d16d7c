// Acceptance checks with @platformatic/kafka. BOOTSTRAP=host:port node run.mjs [part of a check's name ...]
import { runChecks } from '../common/checks.mjs'
import admin from './admin.mjs'
import { connect, disconnect } from './client.mjs'
import groups from './groups.mjs'
import records from './records.mjs'
import topics from './topics.mjs'

await runChecks({ topics, records, groups, admin }, { connect, disconnect })
