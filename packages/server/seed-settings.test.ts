import { expect, test } from 'vitest'
import { Setting } from '@thresher/api/harvester/setting'
import { settings } from '@thresher/api/harvester/settings/table'
import { startTestServer } from '@thresher/apiserver/testing'
import { compatibleVersion, seedSettings } from './seed-settings.ts'

const path = (name: string) => `/apis/harvesterhci.io/v1beta1/settings/${name}`

test('every setting is made once, with the values of the environment, and keeps what users set', async () => {
  await using server = await startTestServer({ kinds: [Setting] })
  const read = (name: string) => server.transport().request<Setting>({ method: 'GET', path: path(name) })
  await seedSettings(server.api.objects, { HARVESTER_LOG_LEVEL: 'debug' })
  expect([...server.api.objects.list({ group: 'harvesterhci.io', plural: 'settings' })]).toHaveLength(settings.length)
  expect(await read('log-level')).toMatchObject({ value: 'debug', default: 'info', source: 'env' })
  expect((await read('server-version')).value).toBe(compatibleVersion)
  const body = { ...(await read('max-hotplug-ratio')), value: '8' }
  await server.transport().request({ method: 'PUT', path: path('max-hotplug-ratio'), body })
  await seedSettings(server.api.objects, { HARVESTER_MAX_HOTPLUG_RATIO: '2' })
  expect((await read('max-hotplug-ratio')).value).toBe('8')
})

test('the version follows the server at its next start', async () => {
  await using server = await startTestServer({ kinds: [Setting] })
  await seedSettings(server.api.objects, {})
  const old = await server.transport().request<Setting>({ method: 'GET', path: path('server-version') })
  await server.transport().request({ method: 'PUT', path: path('server-version'), body: { ...old, value: 'v1.7.0' } })
  await seedSettings(server.api.objects, {})
  const now = await server.transport().request<Setting>({ method: 'GET', path: path('server-version') })
  expect(now.value).toBe(compatibleVersion)
})
