import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { startWholeServer, type WholeServer } from '../security/whole-server.ts'

let server: WholeServer
beforeAll(async () => (server = await startWholeServer()))
afterAll(() => server.close())

const read = async (path: string) => JSON.parse((await server.ask(server.admin, 'GET', path)).text) as unknown

/** The rows of the table in docs/kubernetes-api.md: what is served of each group and version, and what is not. */
function documented(): Map<string, { served: string[]; missing: string }> {
  const text = readFileSync(join(import.meta.dirname, '../../docs/kubernetes-api.md'), 'utf8')
  const rows = [...text.matchAll(/^\| `([^`]+)` \| ([^|]*?) *\| ([^|]*?) *\|$/gm)]
  return new Map(
    rows.map(([, version = '', served = '', missing = '']) => [
      version,
      { served: served.split(', ').filter(Boolean), missing },
    ]),
  )
}

const isKubernetes = (group: string) =>
  (!group.includes('.') || group.endsWith('.k8s.io')) && group !== 'snapshot.storage.k8s.io'

async function discovered(): Promise<Map<string, string[]>> {
  const { groups } = (await read('/apis')) as { groups: { name: string; versions: { groupVersion: string }[] }[] }
  const own = groups.filter(({ name }) => isKubernetes(name))
  const versions = ['v1', ...own.flatMap((group) => group.versions.map(({ groupVersion }) => groupVersion))]
  const found = new Map<string, string[]>()
  for (const version of versions) {
    const { resources } = (await read(version === 'v1' ? '/api/v1' : `/apis/${version}`)) as {
      resources: { name: string }[]
    }
    found.set(
      version,
      resources
        .map(({ name }) => name)
        .filter((name) => !name.includes('/'))
        .toSorted(),
    )
  }
  return found
}

test('the documents and discovery name the same kinds of Kubernetes', async () => {
  const table = documented()
  const served = [...table].filter((row) => row[1].served.length > 0)
  expect(Object.fromEntries(served.map(([version, row]) => [version, row.served]))).toEqual(
    Object.fromEntries(await discovered()),
  )
})

test('what is not served has its reason in the documents', () => {
  for (const [version, { served, missing }] of documented())
    if (served.length === 0) expect(missing, version).toMatch(/^[a-z]+(, [a-z]+)*: .{20,}/)
})
