import { Event } from '@thresher/api/core/event'
import { Pod } from '@thresher/api/core/pod'
import { ApiError } from '@thresher/api/error'
import { ControllerClient } from '@thresher/client/client'
import { EventRecorder } from '@thresher/client/events'
import { MemoryTransport } from '@thresher/client/testing'
import { expect, onTestFinished, test } from 'vitest'
import { Pods } from './pods.ts'

async function start() {
  const api = new MemoryTransport()
  const client = new ControllerClient(api)
  const events = new EventRecorder(client, 'test')
  const stop = new AbortController()
  onTestFinished(() => stop.abort())
  const ignore = (): void => {}
  const pods = new Pods({
    client,
    events,
    node: 'n1',
    runtimes: [],
    signal: stop.signal,
    log: ignore,
    onWatchError: ignore,
  })
  await pods.run()
  return { api, client }
}

test('what the API refuses to have written of a pod is an event on it and on the guest that it is for', async () => {
  const { api, client } = await start()
  api.interfere = ({ method, path }) => {
    if (method === 'PUT' && path.endsWith('/status')) throw new ApiError('Forbidden', 'not yours to write')
  }
  const owner = {
    apiVersion: 'kubevirt.io/v1',
    kind: 'VirtualMachineInstance',
    name: 'web',
    uid: 'u',
    controller: true,
  }
  await client.resource<Pod>(Pod).create({
    metadata: { name: 'launcher', namespace: 'default', ownerReferences: [owner] },
    spec: { nodeName: 'n1', containers: [{ name: 'c', image: 'i' }] },
  })
  const seen = async () => (await client.resource<Event>(Event).list()).items
  await expect
    .poll(async () => (await seen()).map(({ involvedObject, message }) => [involvedObject.kind, message]))
    .toEqual([
      ['Pod', 'not yours to write'],
      ['VirtualMachineInstance', 'not yours to write'],
    ])
})
