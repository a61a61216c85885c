import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { startWholeServer, type WholeServer } from './whole-server.ts'

let server: WholeServer
beforeAll(async () => (server = await startWholeServer()))
afterAll(() => server.close())

const nobody = {}
const login = '/v3-public/localProviders/local?action=login'

describe('somebody who is not known', () => {
  test.each([
    ['a YAML document of 40 000 keys', 'application/yaml', keys(40_000, (key) => `${key}: v\n`), 415],
    ['JSON of 40 000 keys', 'application/json', `{${keys(40_000, (key) => `"${key}":1`, ',')}}`, 413],
    ['a form of another site', 'text/plain', '{"username":"admin","password":"x"}', 415],
    ['lists in lists', 'application/json', '['.repeat(8000), 400],
  ])('sends %s to the login and is refused at once', async (_what, type, body, status) => {
    const before = process.cpuUsage()
    expect((await server.ask(nobody, 'POST', login, Buffer.from(body), type)).status).toBe(status)
    const { user, system } = process.cpuUsage(before)
    // Both sides of the exchange and all threads of this process: minutes it was.
    expect((user + system) / 1000).toBeLessThan(1500)
  })

  test('reaches nothing but what says how the server is', async () => {
    for (const path of ['/api/v1/secrets', '/apis', '/metrics', '/v1/harvester/pods', '/v3/users', '/openapi/v2'])
      expect((await server.ask(nobody, 'GET', path)).status, path).toBe(401)
    expect((await server.ask(nobody, 'GET', '/livez')).status).toBe(200)
  })
})

function keys(count: number, line: (key: string) => string, between = ''): string {
  return Array.from({ length: count }, (_, index) => line(`k${index}`)).join(between)
}
