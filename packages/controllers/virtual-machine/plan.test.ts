import type { VirtualMachine } from '@thresher/api/kubevirt/virtual-machine'
import type { VirtualMachineInstance } from '@thresher/api/kubevirt/virtual-machine-instance'
import { expect, test } from 'vitest'
import { machineFinalizer } from '../names.ts'
import { testMachine } from '../testing.ts'
import { planMachine, type MachineView } from './plan.ts'

const now = new Date('2026-01-01T00:10:00Z')

function machine(strategy: string, status: VirtualMachine['status'] = {}): VirtualMachine {
  const base = testMachine('web', strategy)
  return { ...base, metadata: { ...base.metadata, uid: 'vm', finalizers: [machineFinalizer] }, status }
}

function instance(
  phase: string,
  more: Partial<VirtualMachineInstance['metadata']> = {},
  ranMs = 0,
): VirtualMachineInstance {
  const started = new Date(now.getTime() - ranMs).toISOString()
  return {
    metadata: { name: 'web', uid: 'vmi', ownerReferences: [{ uid: 'vm' } as never], ...more },
    spec: { domain: { devices: {} } },
    status: {
      phase,
      phaseTransitionTimestamps: [
        ...(ranMs > 0 ? [{ phase: 'Running', phaseTransitionTimestamp: started }] : []),
        { phase, phaseTransitionTimestamp: now.toISOString() },
      ],
    },
  }
}

const plan = (view: Partial<MachineView> & { machine: VirtualMachine }) =>
  planMachine({ instance: undefined, missingClaims: [], leftClaims: [], now, ...view })

test.each([
  ['Always', {}, 'start'],
  ['Always', { runStrategy: 'Always' }, 'start'],
  ['RerunOnFailure', {}, 'start'],
  ['RerunOnFailure', { runStrategy: 'RerunOnFailure' }, 'nothing'],
  ['RerunOnFailure', { runStrategy: 'Halted' }, 'start'],
  ['Manual', {}, 'nothing'],
  ['Manual', { stateChangeRequests: [{ action: 'Start' }] }, 'start'],
  ['Halted', {}, 'nothing'],
  ['Halted', { stateChangeRequests: [{ action: 'Start' }] }, 'nothing'],
  ['Once', {}, 'start'],
  ['Once', { runStrategy: 'Once' }, 'nothing'],
])('without an instance, %s with status %j: %s', (strategy, status, step) => {
  expect(plan({ machine: machine(strategy, status) }).step.do).toBe(step)
})

test.each([
  ['Always', 'Running', 'nothing'],
  ['Always', 'Succeeded', 'stop'],
  ['Always', 'Failed', 'stop'],
  ['RerunOnFailure', 'Succeeded', 'nothing'],
  ['RerunOnFailure', 'Failed', 'stop'],
  ['Manual', 'Failed', 'nothing'],
  ['Halted', 'Running', 'stop'],
])('with an instance, %s and %s: %s', (strategy, phase, step) => {
  expect(plan({ machine: machine(strategy), instance: instance(phase) }).step.do).toBe(step)
})

test('a stop asks only for the instance it names', () => {
  const asked = (uid: string) => machine('RerunOnFailure', { stateChangeRequests: [{ action: 'Stop', uid }] })
  expect(plan({ machine: asked('vmi'), instance: instance('Running') }).step.do).toBe('stop')
  expect(plan({ machine: asked('old'), instance: instance('Running') })).toMatchObject({
    step: { do: 'nothing' },
    requests: [],
  })
})

test('a restart stops, then starts, and then nothing is left to do', () => {
  const requests = [{ action: 'Stop', uid: 'vmi' }, { action: 'Start' }]
  const status = { runStrategy: 'RerunOnFailure', stateChangeRequests: requests }
  expect(plan({ machine: machine('RerunOnFailure', status), instance: instance('Running') })).toMatchObject({
    step: { do: 'stop' },
    requests,
  })
  expect(plan({ machine: machine('RerunOnFailure', status) })).toMatchObject({ step: { do: 'start' }, requests: [] })
  expect(
    plan({ machine: machine('RerunOnFailure', status), instance: instance('Running', { uid: 'new' }) }),
  ).toMatchObject({
    step: { do: 'nothing' },
    requests: [],
  })
})

test('claims are made before the instance, also for a machine that is not to run', () => {
  const missingClaims = [{ metadata: { name: 'web-root' }, spec: {} }]
  expect(plan({ machine: machine('Always'), missingClaims }).step).toMatchObject({
    do: 'create-claims',
    next: { do: 'start' },
  })
  expect(plan({ machine: machine('Halted'), missingClaims }).step).toMatchObject({
    do: 'create-claims',
    next: { do: 'nothing' },
  })
})

test('a machine that never comes up waits 10, 40, 90 s; a start on request does not wait', () => {
  let failure: ReturnType<typeof plan>['startFailure']
  const delays: number[] = []
  for (const uid of ['a', 'b', 'c']) {
    const status = { runStrategy: 'Always', startFailure: failure }
    failure = plan({ machine: machine('Always', status), instance: instance('Failed', { uid }) }).startFailure
    delays.push((Date.parse(failure?.retryAfterTimestamp ?? '') - now.getTime()) / 1000)
  }
  expect(delays).toEqual([10, 40, 90])
  const status = { runStrategy: 'Always', startFailure: failure }
  expect(plan({ machine: machine('Always', status) }).step).toEqual({ do: 'wait', ms: 90_000 })
  const asked = { ...status, stateChangeRequests: [{ action: 'Start' }] }
  expect(plan({ machine: machine('Always', asked) })).toMatchObject({ step: { do: 'start' }, startFailure: undefined })
})

test.each(['Stopped', 'HostStopped', 'Killed', 'NodeLost'])(
  'an end by %s is no crash: the machine starts at once',
  (reason) => {
    const status = { runStrategy: 'Always' }
    const ended = instance('Failed')
    const planned = plan({
      machine: machine('Always', status),
      instance: { ...ended, status: { ...ended.status, reason } },
    })
    expect(planned).toMatchObject({ step: { do: 'stop' }, startFailure: undefined })
    expect(plan({ machine: machine('Always', status) }).step.do).toBe('start')
  },
)

test('an instance that fails while it is being stopped is no crash', () => {
  const going = instance('Failed', { deletionTimestamp: now.toISOString() })
  expect(plan({ machine: machine('Halted'), instance: going }).startFailure).toBeUndefined()
})

test('a machine that ran for more than a minute starts its count anew', () => {
  const startFailure = { consecutiveFailCount: 5, lastFailedVMIUID: 'old' }
  const crashed = plan({ machine: machine('Always', { startFailure }), instance: instance('Failed', {}, 61_000) })
  expect(crashed.startFailure).toBeUndefined()
})

test('a crash under RerunOnFailure is remembered as a wish to start, so that it outlives the instance', () => {
  const first = plan({
    machine: machine('RerunOnFailure', { runStrategy: 'RerunOnFailure' }),
    instance: instance('Failed'),
  })
  expect(first).toMatchObject({ step: { do: 'stop' }, requests: [{ action: 'Start' }] })
  const status = {
    runStrategy: 'RerunOnFailure',
    stateChangeRequests: first.requests,
    startFailure: first.startFailure,
  }
  expect(plan({ machine: machine('RerunOnFailure', status) }).step).toEqual({ do: 'wait', ms: 10_000 })
  const later = new Date(now.getTime() + 10_001)
  expect(plan({ machine: machine('RerunOnFailure', status), now: later }).step.do).toBe('start')
})

test('a deleted machine stops, then drops its claims, then goes', () => {
  const base = machine('Always')
  const deleted = { ...base, metadata: { ...base.metadata, deletionTimestamp: now.toISOString() } }
  const names = ['web-root']
  expect(plan({ machine: deleted, instance: instance('Running'), leftClaims: names }).step.do).toBe('stop')
  const stopping = instance('Running', { deletionTimestamp: now.toISOString() })
  expect(plan({ machine: deleted, instance: stopping, leftClaims: names }).step.do).toBe('nothing')
  expect(plan({ machine: deleted, leftClaims: names }).step).toEqual({ do: 'delete-claims', names })
  expect(plan({ machine: deleted }).step.do).toBe('release')
})

test("another's instance of the same name is left alone", () => {
  const foreign = instance('Running', { ownerReferences: [] })
  expect(plan({ machine: machine('Halted'), instance: foreign }).step.do).toBe('nothing')
})
