import { describe, expect, it } from 'vitest'
import { nodeLabels, nodeStatus, type NodeWord } from './node-status.ts'

const word: NodeWord = {
  name: 'n1',
  address: '192.0.2.1',
  port: 10_250,
  version: 'v0.1.0',
  qemu: '7.2.22',
  problems: { hung: [] as string[], unreadable: [] as string[] },
  networkFaults: [],
  confined: true,
  acceleration: { accelerator: 'tcg', reason: 'KvmHangs', message: 'guest code did not come back' },
  inventory: {
    cpus: 4,
    memoryBytes: 8 * 1024 ** 3,
    storageBytes: 100 * 1024 ** 3,
    storageFreeBytes: 50 * 1024 ** 3,
    osImage: 'Debian GNU/Linux 12',
    kernel: '6.1.0',
    machineId: 'm',
    systemUuid: 's',
    bootId: 'b',
    architecture: 'amd64',
  },
  now: new Date('2026-01-01T00:00:00Z'),
}
const condition = (status: ReturnType<typeof nodeStatus>, type: string) =>
  status.conditions?.find((one) => one.type === type)

describe("a node's status", () => {
  it('says where guests are kept apart by their users alone', () => {
    expect(condition(nodeStatus(word, undefined), 'GuestsConfined')).toMatchObject({ status: 'True' })
    const open = nodeStatus({ ...word, confined: false }, undefined)
    expect(condition(open, 'GuestsConfined')).toMatchObject({ status: 'False', reason: 'NoMountNamespace' })
  })

  it('is not ready while the network of its guests does not work, and says what is wrong with it', () => {
    const broken = nodeStatus({ ...word, networkFaults: ['ovn-northd does not run', 'x is gone'] }, undefined)
    const message = 'ovn-northd does not run; x is gone'
    expect(condition(broken, 'Ready')).toMatchObject({ status: 'False', reason: 'NetworkBroken', message })
    expect(condition(broken, 'NetworkUnavailable')).toMatchObject({ status: 'True', message })
    const works = nodeStatus(word, broken)
    expect(condition(works, 'Ready')).toMatchObject({ status: 'True' })
    expect(condition(works, 'NetworkUnavailable')).toMatchObject({ status: 'False' })
  })

  it('tells what the host has and what of it guests may take', () => {
    expect(nodeStatus(word, undefined)).toMatchObject({
      capacity: { cpu: '4', memory: '8Gi', 'ephemeral-storage': '100Gi' },
      allocatable: { cpu: '3900m', memory: '7680Mi' },
      addresses: [
        { type: 'InternalIP', address: '192.0.2.1' },
        { type: 'Hostname', address: 'n1' },
      ],
      daemonEndpoints: { kubeletEndpoint: { Port: 10_250 } },
      nodeInfo: { kubeletVersion: 'v0.1.0', containerRuntimeVersion: 'qemu://7.2.22' },
    })
    expect(nodeLabels(word)).toMatchObject({ 'kubernetes.io/hostname': 'n1', 'thresher.io/accelerator': 'tcg' })
  })

  it('says why guests are emulated', () => {
    expect(condition(nodeStatus(word, undefined), 'VirtualizationAccelerated')).toMatchObject({
      status: 'False',
      reason: 'KvmHangs',
      message: 'guest code did not come back',
    })
  })

  it('warns of a full disk, and keeps the conditions of others', () => {
    const before = { conditions: [{ type: 'Other', status: 'True' }] }
    const inventory = { ...word.inventory, storageFreeBytes: 1024 ** 3 }
    const status = nodeStatus({ ...word, inventory }, before)
    expect(condition(status, 'DiskPressure')?.status).toBe('True')
    expect(condition(status, 'Other')?.status).toBe('True')
  })
})
