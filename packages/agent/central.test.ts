import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Node } from '@thresher/api/core/node'
import { Client } from '@thresher/client/client'
import type { Transport } from '@thresher/client/transport'
import { afterAll, expect, it } from 'vitest'
import { findSouthbound, southboundEndpoints } from './central.ts'

const folder = mkdtempSync(join(tmpdir(), 'central-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

const node = (name: string, address: string, labels = {}): Node => ({
  spec: {},
  metadata: { name, labels },
  status: { addresses: [{ type: 'InternalIP', address }] },
})
const marked = { 'node-role.kubernetes.io/control-plane': 'true' }

it('the southbound database is on the hosts that manage the cluster, in one order everywhere', () => {
  const nodes = [node('c', '10.0.0.3', marked), node('w', '10.0.0.9'), node('a', 'fd00::1', marked)]
  expect(southboundEndpoints(nodes)).toEqual(['ssl:10.0.0.3:6642', 'ssl:[fd00::1]:6642'])
})

it('a host that starts while no server answers goes to where it was', async () => {
  const answering = (list: () => Promise<unknown>) => new Client({ request: list } as unknown as Transport)
  const up = answering(async () => ({ metadata: {}, items: [node('a', '10.0.0.1', marked)] }))
  const down = answering(() => Promise.reject(new Error('no server answers')))
  const { signal } = new AbortController()
  await expect(findSouthbound(down, folder, signal)).rejects.toThrow('no server answers')
  expect(await findSouthbound(up, folder, signal)).toEqual(['ssl:10.0.0.1:6642'])
  expect(await findSouthbound(down, folder, signal)).toEqual(['ssl:10.0.0.1:6642'])
})
