import type { VirtualMachine } from '@thresher/api/kubevirt/virtual-machine'
import type { VirtualMachineInstance } from '@thresher/api/kubevirt/virtual-machine-instance'
import { findCondition } from '@thresher/client/conditions'
import { expect, test } from 'vitest'
import { testMachine } from '../testing.ts'
import { instanceStatus } from '../virtual-machine-instance/status.ts'
import { instanceOf } from './instance.ts'
import { machineStatus, refusedMachineStatus } from './status.ts'

const now = new Date('2026-01-01T00:00:00Z')
const made = testMachine('web')
const machine: VirtualMachine = { ...made, metadata: { ...made.metadata, uid: 'vm' } }
const startFailure = { consecutiveFailCount: 1, lastFailedVMIUID: 'vmi', retryAfterTimestamp: '2026-01-01T00:00:00Z' }

function failedInstance(): VirtualMachineInstance {
  const instance = instanceOf(machine)
  const message = 'unable to find CPU model'
  return { ...instance, status: instanceStatus(instance, { phase: 'Failed', reason: 'LaunchError', message }, now) }
}

const standing = { trouble: undefined, provisioning: false, backingOff: false }
const failureOf = (status: VirtualMachine['status']) => findCondition(status?.conditions as never, 'Failure')

test('the reason of a failure stands in the machine from the first on, until it runs again', () => {
  const plan = { requests: [], startFailure }
  const failed = machineStatus(machine, { ...standing, instance: failedInstance() }, plan, now)
  expect(failureOf(failed)).toMatchObject({ reason: 'LaunchError', message: 'web failed: unable to find CPU model' })
  // The failed instance is cleared away, and the next one starts at once.
  const cleared = machineStatus({ ...machine, status: failed }, { ...standing, instance: undefined }, plan, now)
  expect(failureOf(cleared)?.message).toContain('unable to find CPU model')
  const running = { ...instanceOf(machine), status: { phase: 'Running' } } as VirtualMachineInstance
  expect(failureOf(machineStatus({ ...machine, status: cleared }, { ...standing, instance: running }, plan, now))).toBe(
    undefined,
  )
})

test('a machine that is refused its instance keeps what it was asked and a run strategy that is yet to be acted on', () => {
  const stateChangeRequests = [{ action: 'Start' }]
  const refusal = { reason: 'FailedCreate', message: 'exceeded quota: team' } as const
  const first = refusedMachineStatus({ ...machine, status: { stateChangeRequests } }, undefined, refusal, now)
  expect(first).toMatchObject({ stateChangeRequests, printableStatus: 'Stopped' })
  expect(first).not.toHaveProperty('runStrategy')
  expect(findCondition(first.conditions as never, 'Synchronized')).toMatchObject({ status: 'False', ...refusal })
  const changed = refusedMachineStatus({ ...machine, status: { runStrategy: 'Halted' } }, undefined, refusal, now)
  expect(changed.runStrategy).toBe('Halted')
})

test('fields that nothing carries out are named on the machine and on its run, and no longer when they are gone', () => {
  const { spec } = machine
  const scheduled = { ...spec.template.spec, schedulerName: 'mine' }
  const odd: VirtualMachine = {
    ...machine,
    spec: { ...spec, template: { spec: scheduled }, preference: { name: 'x' } },
  }
  const plan = { requests: [], startFailure: undefined }
  const named = machineStatus(odd, { ...standing, instance: undefined }, plan, now)
  const condition = findCondition(named.conditions as never, 'SpecHonoured')
  expect(condition).toMatchObject({ status: 'False', reason: 'FieldsWithoutEffect' })
  expect(condition?.message).toContain('preference (')
  expect(condition?.message).toContain('template.spec.schedulerName (')
  const run = instanceStatus(instanceOf(odd), { phase: 'Pending' }, now)
  expect(findCondition(run.conditions as never, 'SpecHonoured')?.message).toContain('schedulerName (')
  const mended = machineStatus({ ...machine, status: named }, { ...standing, instance: undefined }, plan, now)
  expect(findCondition(mended.conditions as never, 'SpecHonoured')).toBeUndefined()
})
