import { describe, expect, it } from 'vitest'
import { planDrives, type DriveFacts, type WantedDrive } from './plan-drives.ts'

const data: WantedDrive = {
  name: 'data',
  device: 'disk-data',
  node: 'vol1',
  cdrom: false,
  volume: { name: 'data', id: 'pvc-1', readOnly: false, shared: false },
}
const cd: WantedDrive = { ...data, name: 'cd', device: 'disk-cd', cdrom: true }
const root = { name: 'root', device: 'disk-root', nodeName: 'vol0', target: 'vda' }
const attached = { name: 'data', device: 'disk-data', nodeName: 'vol1', target: 'sda', hot: true as const }
const held = [
  { id: 'pvc-0', node: 'vol0' },
  { id: 'pvc-1', node: 'vol1' },
]
const rootDevice: [string, { node?: string; removable: boolean }] = ['disk-root', { node: 'vol0', removable: false }]
const dataDevice: typeof rootDevice = ['disk-data', { node: 'vol1', removable: false }]

function facts(change: Partial<DriveFacts> = {}): DriveFacts {
  return {
    wanted: [],
    disks: [root],
    held: [held[0]!],
    devices: new Map([rootDevice]),
    nodes: new Set(['vol0']),
    ...change,
  }
}

const both = new Map([rootDevice, dataDevice])
const open = new Set(['vol0', 'vol1'])
const bare = new Map([rootDevice, ['disk-cd', { removable: true }] as typeof rootDevice])
const loaded = (node: string) => new Map([rootDevice, ['disk-cd', { removable: true, node }] as typeof rootDevice])
const other = { ...data, volume: { name: 'data', id: 'pvc-9', readOnly: false, shared: false } }

const rows: [string, Partial<DriveFacts>, string[]][] = [
  ['nothing is wanted and nothing is there', {}, []],
  ['a volume is wanted', { wanted: [data] }, ['open data']],
  ['it is held but was not opened before an agent died', { wanted: [data], held }, ['open data']],
  ['it is open without a device', { wanted: [data], held, nodes: open }, ['attach data']],
  ['the device is there but not written down', { wanted: [data], held, nodes: open, devices: both }, ['record data']],
  ['all is as wanted', { wanted: [data], held, nodes: open, devices: both, disks: [root, attached] }, []],
  [
    'its claim cannot be read now',
    {
      wanted: [{ ...data, volume: undefined, waitsFor: 'x' }],
      held,
      nodes: open,
      devices: both,
      disks: [root, attached],
    },
    [],
  ],
  ['it waits for its claim', { wanted: [{ ...data, volume: undefined, waitsFor: 'x' }] }, []],
  ['it is wanted no more', { held, nodes: open, devices: both, disks: [root, attached] }, ['detach data']],
  ['the guest has let go of it', { held, nodes: open, disks: [root, attached] }, ['close data']],
  ['its nodes are closed but it is still held', { held, disks: [root, attached] }, ['close data']],
  ['it was half attached and is wanted no more', { held, nodes: open, devices: both }, ['detach data']],
  ['it was only opened and is wanted no more', { held, nodes: open }, ['close vol1']],
  [
    'a disk that cannot come and go is in no spec',
    { held, nodes: open, devices: both, disks: [root, { ...attached, hot: undefined }] },
    [],
  ],
  [
    'another claim is wanted under the same name',
    { wanted: [other], held, nodes: open, devices: both, disks: [root, attached] },
    ['detach data'],
  ],
  ['the other can come when the first is gone', { wanted: [other] }, ['open data']],
  ['a CD-ROM is wanted in an empty drive', { wanted: [cd], devices: bare }, ['open cd']],
  ['it is open and the drive is empty', { wanted: [cd], held, nodes: open, devices: bare }, ['insert cd']],
  [
    'the drive has it',
    { wanted: [cd], held, nodes: open, devices: loaded('vol1'), disks: [root, { ...attached, name: 'cd' }] },
    [],
  ],
  [
    'the drive is to be empty',
    { held, nodes: open, devices: loaded('vol1'), disks: [root, { ...attached, name: 'cd' }] },
    ['eject cd'],
  ],
  ['the drive is not there', { wanted: [cd] }, []],
]

describe('the next step of each drive', () => {
  for (const [when, change, steps] of rows)
    it(`when ${when}: ${steps.join(', ') || 'none'}`, () => {
      const taken = planDrives(facts(change)).map(
        (step) => `${step.do} ${'drive' in step ? step.drive.name : step.name}`,
      )
      expect(taken).toEqual(steps)
    })

  it('moves no other when one of three goes', () => {
    const three = ['a', 'b', 'c'].map((name, index) => ({
      ...data,
      name,
      device: `disk-${name}`,
      node: `vol${index + 1}`,
      volume: { name, id: `pvc-${name}`, readOnly: false, shared: false },
    }))
    const there = {
      held: three.map(({ node, volume }) => ({ id: volume.id, node })),
      nodes: new Set(three.map(({ node }) => node)),
      devices: new Map(three.map(({ device, node }) => [device, { node, removable: false }] as const)),
      disks: three.map(({ name, device, node }) => ({ name, device, nodeName: node, target: 's', hot: true as const })),
    }
    expect(planDrives({ ...there, wanted: three.slice(1) })).toEqual([{ do: 'detach', device: 'disk-a', name: 'a' }])
  })
})
