import { expect, test } from 'vitest'
import { VirtualMachineTemplateVersion } from '../harvester/virtual-machine-template-version.ts'
import { claimTemplatesAnnotation } from './claim-templates.ts'
import type { Domain } from './domain.ts'
import { reservedMemoryAnnotation } from './guest-memory.ts'
import { checkMachine, checkMachineUpdate } from './virtual-machine-rules.ts'
import type { VirtualMachine } from './virtual-machine.ts'
import type { Volume } from './volume.ts'

interface Parts {
  domain?: Partial<Domain>
  annotations?: Record<string, string>
  labels?: Record<string, string>
  volumes?: Volume[]
  graceSeconds?: number
}

function machine({ domain, annotations, labels, volumes, graceSeconds }: Parts): VirtualMachine {
  return {
    metadata: { name: 'web', namespace: 'default', annotations, labels },
    spec: {
      runStrategy: 'Halted',
      template: {
        spec: {
          domain: { devices: {}, resources: { limits: { cpu: '1', memory: '1Gi' } }, ...domain },
          ...(volumes ? { volumes } : {}),
          ...(graceSeconds === undefined ? {} : { terminationGracePeriodSeconds: graceSeconds }),
        },
      },
    },
  }
}

const claims = (storage: string, storageClassName = 'fast') =>
  JSON.stringify([
    {
      metadata: { name: 'root' },
      spec: { accessModes: ['ReadWriteMany'], resources: { requests: { storage } }, storageClassName },
    },
  ])
const reserved = (amount: string) => ({ annotations: { [reservedMemoryAnnotation]: amount } })
const limits = (memory: string) => ({ resources: { limits: { cpu: '1', memory } } })
const claim = (more: object = {}): Volume[] => [{ name: 'd', persistentVolumeClaim: { claimName: 'c', ...more } }]

/** What Harvester's users read when it refuses a machine, and what they wrote. */
const refusals: [message: string, machine: Parts][] = [
  ['the volumeClaimTemplates annotation is invalid', { annotations: { [claimTemplatesAnnotation]: '{' } }],
  ['PVC name is required', { annotations: { [claimTemplatesAnnotation]: '[{"metadata":{},"spec":{}}]' } }],
  ["Termination grace period can't be negative", { graceSeconds: -1 }],
  ['reservedMemory cannot be equal or greater than limits.memory', reserved('1Gi')],
  ['reservedMemory cannot be less than 0', reserved('-1Mi')],
  [
    'guest memory 1Gi plus reservedMemory 256Mi cannot be greater than limits.memory 1Gi',
    { ...reserved('256Mi'), domain: { memory: { guest: '1Gi' } } },
  ],
  ['guest memory is under the minimum requirement (10 Mi)', { domain: limits('9Mi') }],
  ['either memory.guest or resources.limits.memory must be set', { domain: { resources: {} } }],
  ['invalid maintenance mode strategy: Never', { labels: { 'harvesterhci.io/maintain-mode-strategy': 'Never' } }],
  [
    'empty cd-rom device should connect via SATA bus',
    { domain: { devices: { disks: [{ name: 'd', cdrom: { bus: 'scsi' } }] } } },
  ],
  [
    'hotpluggable cd-rom volume should connect via SATA bus',
    {
      domain: { devices: { disks: [{ name: 'd', cdrom: { bus: 'scsi' } }] } },
      volumes: claim({ hotpluggable: true }),
    },
  ],
  [
    'disk d cannot be shareable: a shareable disk cannot be used as the boot disk',
    { domain: { devices: { disks: [{ name: 'd', disk: {}, shareable: true, bootOrder: 1 }] } }, volumes: claim() },
  ],
  [
    'disk d cannot be shareable: a shareable disk requires cache mode none, got writeback',
    {
      domain: { devices: { disks: [{ name: 'd', disk: {}, shareable: true, cache: 'writeback' }] } },
      volumes: claim(),
    },
  ],
  [
    'disk d cannot be shareable: must be backed by a persistent volume claim',
    {
      domain: { devices: { disks: [{ name: 'd', disk: {}, shareable: true }] } },
      volumes: [{ name: 'd', emptyDisk: { capacity: '1Gi' } }],
    },
  ],
  ['give either a configMap or a secret, by its name', { volumes: [{ name: 'd', sysprep: {} }] }],
]

test.each(refusals)('a machine is refused: %s', (message, parts) => {
  const errors = checkMachine(machine(parts)).map((each) => each.message)
  expect(
    errors.some((each) => each.includes(message)),
    errors.join('; '),
  ).toBe(true)
})

test('a machine with a shareable data disk beside its boot disk is accepted', () => {
  const disks = [
    { name: 'r', disk: {}, bootOrder: 1 },
    { name: 'd', disk: {}, shareable: true, cache: 'none', bootOrder: 2 },
  ]
  const volumes = [...claim(), { name: 'r', persistentVolumeClaim: { claimName: 'r' } }]
  expect(checkMachine(machine({ domain: { devices: { disks } }, volumes }))).toEqual([])
})

test.each([
  ["root PVC requests storage can't be less than previous value", claims('10Gi'), claims('5Gi')],
  ['storage class names for the volumes in the', claims('10Gi', 'fast'), claims('10Gi', 'slow')],
])('a change of a machine is refused: %s', (message, before, after) => {
  const [old, next] = [before, after].map((text) => machine({ annotations: { [claimTemplatesAnnotation]: text } }))
  expect(checkMachineUpdate(next!, old!)[0]?.message).toContain(message)
  expect(checkMachineUpdate(old!, old!)).toEqual([])
})

test.each([
  ['TemplateId is empty', { templateId: '' }],
  ['Template version and template should reside in the same namespace', { templateId: 'other/web' }],
  [
    'CPU and Memory limits are required fields',
    { templateId: 'default/web', vm: { spec: { template: { spec: { domain: { devices: {} } } } } } },
  ],
])('a template version is refused: %s', (message, spec) => {
  const version: VirtualMachineTemplateVersion = { metadata: { name: 'v', namespace: 'default' }, spec }
  const errors = VirtualMachineTemplateVersion.check?.(version as never) ?? []
  expect(errors[0]?.message).toContain(message)
})
