/**
 * What the most expensive requests cost: every form of body, header and query, and every list and map of every kind, at the largest
 * size that is let in and at a quarter of it. Fails where the cost grows faster than the size, or is above the limit.
 *
 *     node bench/api-cost.ts [--filter TEXT] [--most MILLISECONDS]
 */
import { parseArgs } from 'node:util'
import { kinds } from '@thresher/api/kinds'
import { Security } from '@thresher/apiserver/auth/security'
import { costForms, costObjects } from '@thresher/apiserver/cost/cost-forms'
import { excessive, measure } from '@thresher/apiserver/cost/cost-search'
import { protobufForms } from '@thresher/apiserver/cost/protobuf-forms'
import { schemaForms } from '@thresher/apiserver/cost/schema-forms'
import { startTestServer, type TestServer } from '@thresher/apiserver/testing'
import { machineAdmission } from '@thresher/server/admission/admission'
import { ensurePki } from '@thresher/apiserver/pki/ensure'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

const { values } = parseArgs({
  options: {
    filter: { type: 'string', default: '' },
    most: { type: 'string', default: '100' },
  },
})
const directory = mkdtempSync(join(tmpdir(), 'thresher-cost-'))
const pki = await ensurePki(join(directory, 'pki'), { names: [], addresses: [] })
const security = new Security({ pki, serverUrl: 'https://127.0.0.1', onError: (error) => console.error(error) })
const server: TestServer = await startTestServer({
  kinds: [...kinds, ...security.kinds.filter((kind) => !kinds.includes(kind))],
  directory,
  authenticators: security.authenticators,
  authorizer: security.authorizer,
  admission: [...security.admission, ...machineAdmission(() => server.api.objects)],
})
await security.start(server.api.objects)
const path = '/api/v1/namespaces/default/configmaps'
for (const body of costObjects) await server.transport().request({ method: 'POST', path, body })

const forms = [...costForms, ...protobufForms, ...schemaForms(kinds)].filter(({ name }) => name.includes(values.filter))
const costs = await measure(server.api, forms)
const wrong = new Set(excessive(costs, Number(values.most)))
for (const cost of costs.toSorted((a, b) => b.ms - a.ms).slice(0, 40)) {
  const { name, ms, growth, status } = cost
  console.log(
    `${wrong.has(cost) ? '✗' : ' '} ${ms.toFixed(0).padStart(6)} ms  ${growth === undefined ? '     ' : `×${growth.toFixed(1)}`.padStart(5)}  ${status}  ${name}`,
  )
}
console.log(`${costs.length} forms, ${wrong.size} too expensive`)
security.stop()
await server.close()
rmSync(directory, { recursive: true, force: true })
process.exit(wrong.size > 0 ? 1 : 0)
