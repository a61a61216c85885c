import { afterAll, beforeAll, expect, test } from 'vitest'
import { startSecureServer, type SecureServer } from '../auth/testing.ts'
import { costForms, costObjects } from './cost-forms.ts'
import { excessive, measure, type Cost, type CostForm } from './cost-search.ts'
import type { ServerRequest } from '../request.ts'
import { protobufForms } from './protobuf-forms.ts'
import { schemaForms } from './schema-forms.ts'

/** CPU time of the main thread. On a machine of its own the costliest takes half of it; here others share caches and clock. */
const mostMs = 150
/** Of the lists and maps of all kinds, one in so many is tried each time; `bench/api-cost.ts` tries all. */
const sampled = 25

let secure: SecureServer

beforeAll(async () => {
  secure = await startSecureServer()
  const path = '/api/v1/namespaces/default/configmaps'
  for (const body of costObjects) await secure.asAdmin('POST', path, body)
})
afterAll(() => secure.close())

/** The forms that cost too much, and do so again: a single bad time may be the machine's. */
async function tooCostly(forms: readonly CostForm[]): Promise<Cost[]> {
  const first = excessive(await measure(secure.server.api, forms), mostMs)
  const again = forms.filter(({ name }) => first.some((cost) => cost.name === name))
  return excessive(await measure(secure.server.api, again), mostMs)
}

test('no form of body, header or query costs more than in proportion to its size, nor much at its largest', async () => {
  expect(await tooCostly(costForms)).toEqual([])
}, 600_000)

test('nor does any form of body in protobuf', async () => {
  expect(await tooCostly(protobufForms)).toEqual([])
}, 600_000)

test('nor does any list or map of a kind, those tried', async () => {
  const kinds = [...secure.server.api.registry.kinds()]
  const offset = Math.floor(Date.now() / 1000) % sampled
  const forms = schemaForms(kinds).filter((_, index) => index % sampled === offset)
  expect(await tooCostly(forms)).toEqual([])
}, 600_000)

test('the search finds what grows with the square of its size', async () => {
  const squared: CostForm = {
    name: 'squared',
    most: 8000,
    request: (n) => ({ method: 'GET', path: '/slow', query: new URLSearchParams({ n: String(n) }) }),
  }
  const slow = {
    handle: async ({ query }: ServerRequest) => {
      const n = Number(query.get('n'))
      let sum = 0
      for (let i = 0; i < n; i++) for (let j = 0; j < n; j++) sum += (i ^ j) % 7
      return { status: 200, contentType: 'text/plain', value: () => sum, chunks: () => [] }
    },
  }
  const [cost] = await measure(slow, [squared])
  expect(excessive([cost!], mostMs)).toHaveLength(1)
})
