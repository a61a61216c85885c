import type { Setting } from '@thresher/api/harvester/setting'
import { VirtualMachine } from '@thresher/api/kubevirt/virtual-machine'
import type { AdmissionRequest } from '@thresher/apiserver/admission'
import { expect, test } from 'vitest'
import { machineResources } from './machine-resources.ts'
import type { Lookup } from './request.ts'

function machine(memory: string, labels: Record<string, string> = {}): VirtualMachine {
  return {
    metadata: { name: 'web', labels },
    spec: {
      runStrategy: 'Halted',
      template: { spec: { domain: { devices: {}, resources: { limits: { cpu: '2', memory } } } } },
    },
  }
}

function request(object: VirtualMachine, oldObject?: VirtualMachine): AdmissionRequest {
  return {
    operation: oldObject ? 'UPDATE' : 'CREATE',
    kind: VirtualMachine,
    subresource: '',
    namespace: 'default',
    name: 'web',
    user: { name: 'me', groups: [] } as unknown as AdmissionRequest['user'],
    object,
    ...(oldObject ? { oldObject } : {}),
    dryRun: false,
    warnings: [],
  }
}

function stepWith(settings: Record<string, string>) {
  const lookup = {
    get: (_kind: unknown, _namespace: string, name: string) =>
      settings[name] === undefined ? undefined : ({ metadata: { name }, value: settings[name] } as Setting),
    list: () => [],
  } as unknown as Lookup
  return machineResources(() => lookup)
}

const domainOf = (made: VirtualMachine) => made.spec.template.spec.domain

test('a machine requests by the settings, and by their defaults where there are none', async () => {
  const made = machine('2Gi')
  await stepWith({}).mutate?.(request(made))
  expect(domainOf(made)).toMatchObject({
    resources: { requests: { cpu: '125m', memory: '1365Mi' }, limits: { cpu: '2', memory: '2Gi' } },
    memory: { guest: '2Gi' },
  })
  const other = machine('2Gi')
  const step = stepWith({
    'overcommit-config': '{"cpu":100,"memory":200}',
    'additional-guest-memory-overhead-ratio': '0',
  })
  await step.mutate?.(request(other))
  expect(domainOf(other)).toMatchObject({
    resources: { requests: { cpu: '2', memory: '1Gi' } },
    memory: { guest: '1948Mi' },
  })
})

test('a label on a machine does not make it need a restart after the settings changed', async () => {
  const made = machine('2Gi')
  await stepWith({}).mutate?.(request(made))
  const labelled = structuredClone({ ...made, metadata: { ...made.metadata, labels: { a: 'b' } } })
  await stepWith({ 'overcommit-config': '{"cpu":100,"memory":100}' }).mutate?.(request(labelled, made))
  expect(labelled.spec).toEqual(made.spec)
})

test('a small guest is warned of, and what is no machine is left to validation', async () => {
  const small = request(machine('200Mi'))
  await stepWith({}).mutate?.(small)
  await stepWith({}).validate?.(small)
  expect(small.warnings).toEqual(['guest memory 200Mi is less than 256Mi; the guest may not start'])
  for (const spec of [
    undefined,
    {},
    { template: 7 },
    { template: { spec: { domain: { devices: {}, resources: 'x' } } } },
  ])
    await stepWith({}).mutate?.(request({ metadata: {}, spec } as unknown as VirtualMachine))
})
