import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { ApiError } from '@thresher/api/error'
import { PersistentVolumeClaim } from '@thresher/api/core/persistent-volume-claim'
import { VirtualMachine } from '@thresher/api/kubevirt/virtual-machine'
import { VirtualMachineInstance } from '@thresher/api/kubevirt/virtual-machine-instance'
import { startTestServer, type TestServer } from '@thresher/apiserver/testing'
import { Client } from '@thresher/client/client'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { WebSocket } from 'ws'
import { notBuiltOperations } from './not-built.ts'
import { kubevirtSubresources } from './subresources.ts'

/** What `virtctl addvolume web --volume-name=data` sends. */
const adding = {
  name: 'data',
  disk: { name: 'data', disk: { bus: 'scsi' }, serial: 'data' },
  volumeSource: { persistentVolumeClaim: { claimName: 'data', hotpluggable: true } },
}

/** What virtctl calls, by command. @see KubeVirt, kubevirt.io/client-go/kubevirt/typed/core/v1 */
const verbs: [command: string, method: 'GET' | 'PUT' | 'WS', path: string, body?: unknown][] = [
  ['start', 'PUT', 'virtualmachines/web/start'],
  ['stop', 'PUT', 'virtualmachines/web/stop'],
  ['restart', 'PUT', 'virtualmachines/web/restart'],
  ['migrate', 'PUT', 'virtualmachines/web/migrate'],
  ['pause', 'PUT', 'virtualmachineinstances/web/pause'],
  ['unpause', 'PUT', 'virtualmachineinstances/web/unpause'],
  ['soft-reboot', 'PUT', 'virtualmachineinstances/web/softreboot'],
  ['reset', 'PUT', 'virtualmachineinstances/web/reset'],
  ['freeze', 'PUT', 'virtualmachineinstances/web/freeze'],
  ['unfreeze', 'PUT', 'virtualmachineinstances/web/unfreeze'],
  ['guestosinfo', 'GET', 'virtualmachineinstances/web/guestosinfo'],
  ['fslist', 'GET', 'virtualmachineinstances/web/filesystemlist'],
  ['userlist', 'GET', 'virtualmachineinstances/web/userlist'],
  ['addvolume', 'PUT', 'virtualmachines/web/addvolume', adding],
  ['addvolume', 'PUT', 'virtualmachineinstances/web/addvolume', adding],
  ['removevolume', 'PUT', 'virtualmachines/web/removevolume', { name: 'data' }],
  ['removevolume', 'PUT', 'virtualmachineinstances/web/removevolume', { name: 'data' }],
  ['memory-dump get', 'PUT', 'virtualmachines/web/memorydump'],
  ['memory-dump remove', 'PUT', 'virtualmachines/web/removememorydump'],
  ['evacuate-cancel vm', 'PUT', 'virtualmachines/web/evacuate/cancel'],
  ['evacuate-cancel vmi', 'PUT', 'virtualmachineinstances/web/evacuate/cancel'],
  ['expand', 'GET', 'virtualmachines/web/expand-spec'],
  ['expand --file', 'PUT', 'expand-vm-spec'],
  ['objectgraph vm', 'GET', 'virtualmachines/web/objectgraph'],
  ['objectgraph vmi', 'GET', 'virtualmachineinstances/web/objectgraph'],
  ['console', 'WS', 'virtualmachineinstances/web/console'],
  ['vnc', 'WS', 'virtualmachineinstances/web/vnc'],
  ['vnc screenshot', 'GET', 'virtualmachineinstances/web/vnc/screenshot'],
  ['usbredir', 'WS', 'virtualmachineinstances/web/usbredir'],
  ['vsock', 'WS', 'virtualmachineinstances/web/vsock'],
  ['port-forward vm', 'WS', 'virtualmachines/web/portforward/22'],
  ['port-forward vmi', 'WS', 'virtualmachineinstances/web/portforward/22/tcp'],
]

let server: TestServer

beforeAll(async () => {
  const dialer = {
    request: () => Promise.resolve({ status: 200, body: {} }),
    stream: () => Promise.reject(new Error('no agent')),
    upgrade: () => Promise.reject(new ApiError('Conflict', 'the agent takes no connections in this test')),
    close: () => {},
  }
  server = await startTestServer({
    kinds: [VirtualMachine, VirtualMachineInstance, PersistentVolumeClaim],
    subresources: kubevirtSubresources(() => ({ client: new Client(server.transport()), dialer })),
  })
  const client = new Client(server.transport())
  const spec = { domain: { memory: { guest: '64Mi' }, devices: {} } }
  const metadata = { name: 'web', namespace: 'default' }
  await client.resource(VirtualMachine).create({ metadata, spec: { runStrategy: 'Manual', template: { spec } } })
  const claim = { accessModes: ['ReadWriteMany' as const], resources: { requests: { storage: '1Gi' } } }
  await client.resource(PersistentVolumeClaim).create({ metadata: { ...metadata, name: 'data' }, spec: claim })
  const instances = client.resource(VirtualMachineInstance)
  const made = await instances.create({ metadata, spec })
  await instances.updateStatus({ ...made, status: { phase: 'Running', nodeName: 'n1' } })
})

afterAll(() => server.close())

interface Outcome {
  code: number
  message: string
}

async function call(method: string, path: string, version = 'v1', body: unknown = {}): Promise<Outcome> {
  const full = `/apis/subresources.kubevirt.io/${version}/namespaces/default/${path}`
  if (method === 'WS') return dial(full)
  try {
    await server.transport().request({ method: method as 'GET', path: full, ...(method === 'PUT' ? { body } : {}) })
    return { code: 200, message: '' }
  } catch (error) {
    if (!(error instanceof ApiError)) throw error
    return { code: error.code, message: error.message }
  }
}

/** The answer to a WebSocket that is refused, as virtctl prints it. */
function dial(path: string): Promise<Outcome> {
  const { cert, key } = server.certificate({ name: 'admin', groups: ['system:masters'] })
  const url = server.url.replace('https', 'wss') + path
  const socket = new WebSocket(url, ['plain.kubevirt.io'], { ca: server.pki.ca.cert, cert, key })
  return new Promise((resolve, reject) => {
    socket.on('error', reject)
    socket.on('unexpected-response', (_, response) => {
      const chunks: Buffer[] = []
      response.on('data', (chunk: Buffer) => chunks.push(chunk))
      response.on('end', () => {
        const { message } = JSON.parse(Buffer.concat(chunks).toString()) as { message: string }
        resolve({ code: response.statusCode ?? 0, message })
      })
    })
  })
}

test('every operation that virtctl calls is there: it works, fits the state or not, or says what is not built', async () => {
  for (const [command, method, path, body] of verbs) {
    const { code, message } = await call(method, path, 'v1', body)
    expect([200, 202, 409, 501], `${command}: ${code} ${message}`).toContain(code)
    if (code === 501) expect(message, command).toContain('in this version')
  }
})

test('what is not built answers 501 with its sentence, in both versions and to a WebSocket as well', async () => {
  expect(notBuiltOperations.length).toBeGreaterThan(0)
  for (const { plural, subresource, methods } of notBuiltOperations)
    for (const version of ['v1', 'v1alpha3'])
      for (const method of methods[0] === 'GET' ? ['GET', 'WS'] : ['PUT']) {
        const { code, message } = await call(method, `${plural}/web/${subresource}`, version)
        expect({ code, said: message.includes('in this version') }, `${plural}/${subresource}`).toEqual({
          code: 501,
          said: true,
        })
      }
})

test('every command stands in the documentation, in the row of a test', () => {
  const text = readFileSync(join(import.meta.dirname, '../../../docs/machine-actions.md'), 'utf8')
  const table = text.slice(text.indexOf('## virtctl'))
  for (const [command] of verbs)
    expect(table).toContain(`\`${command === 'vnc screenshot' ? command : command.split(' ')[0]}`)
})
