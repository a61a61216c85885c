import type { ScheduleVMBackup } from '@thresher/api/harvester/schedule-vm-backup'
import type { VirtualMachineBackup } from '@thresher/api/harvester/virtual-machine-backup'
import { expect, test } from 'vitest'
import { dueAnnotation, planSchedule, scheduledBackup } from './plan.ts'

const at = (time: string): Date => new Date(`2026-01-${time}:00Z`)
const schedule = (
  change: Partial<ScheduleVMBackup['spec']> = {},
  status?: ScheduleVMBackup['status'],
): ScheduleVMBackup => ({
  metadata: { name: 'nightly', namespace: 'default', creationTimestamp: '2026-01-01T12:00:00Z' },
  spec: {
    cron: '0 2 * * *',
    retain: 3,
    maxFailure: 2,
    vmbackup: { type: 'backup', source: { kind: 'VirtualMachine', name: 'web' } },
    ...change,
  },
  status,
})
const made = (day: string, how: 'good' | 'failed' | 'busy'): VirtualMachineBackup => ({
  metadata: { name: `nightly-${day}`, annotations: { [dueAnnotation]: `2026-01-${day}T02:00:00Z` } },
  spec: schedule().spec.vmbackup,
  status: { readyToUse: how === 'good', ...(how === 'failed' ? { error: { message: 'no room' } } : {}) },
})
const names = (backups: VirtualMachineBackup[]): (string | undefined)[] => backups.map(({ metadata }) => metadata.name)

test('a backup is due at its time, not before, and once', () => {
  expect(planSchedule(schedule(), [], at('02T01:59'))).toMatchObject({ next: at('02T02:00') })
  expect(planSchedule(schedule(), [], at('02T01:59')).due).toBeUndefined()
  expect(planSchedule(schedule(), [], at('02T02:00')).due).toEqual(at('02T02:00'))
  expect(planSchedule(schedule(), [made('02', 'good')], at('02T03:00')).due).toBeUndefined()
})

test('what was missed is made up for once', () => {
  const plan = planSchedule(schedule(), [made('02', 'good')], at('09T08:00'))
  expect(plan.due).toEqual(at('09T02:00'))
  expect(scheduledBackup(schedule(), plan.due!).metadata).toMatchObject({
    name: 'nightly-20260109.0200',
    labels: { 'backup.thresher.io/schedule': 'nightly' },
  })
})

test('the next waits for the one that is being made', () => {
  expect(planSchedule(schedule(), [made('02', 'busy')], at('03T02:00')).due).toBeUndefined()
  expect(planSchedule(schedule(), [made('02', 'failed')], at('03T02:00')).due).toEqual(at('03T02:00'))
})

test('the newest good ones are kept, and failed ones until a newer is good', () => {
  const backups = [
    made('02', 'good'),
    made('03', 'failed'),
    made('04', 'good'),
    made('05', 'good'),
    made('06', 'good'),
    made('07', 'failed'),
  ]
  expect(names(planSchedule(schedule(), backups, at('07T03:00')).gone)).toEqual(['nightly-02', 'nightly-03'])
})

test('failures one after the other end it, until somebody lets it go on', () => {
  const failed = [made('02', 'good'), made('03', 'failed'), made('04', 'failed')]
  const plan = planSchedule(schedule(), failed, at('05T02:00'))
  expect(plan).toMatchObject({ suspend: true, status: { suspended: true, failure: 2 } })
  expect(plan.due).toBeUndefined()
  const held = planSchedule(schedule({ suspend: true }, plan.status), failed, at('06T02:00'))
  expect(held.due).toBeUndefined()
  const resumed = planSchedule(schedule({ suspend: false }, held.status), failed, at('06T02:00'))
  expect(resumed).toMatchObject({ due: at('06T02:00'), status: { suspended: false, failure: 0 } })
  expect(names(resumed.gone)).toEqual(['nightly-04', 'nightly-03'])
})

test('a suspended schedule still lets go of what is not kept', () => {
  const backups = ['02', '03', '04', '05'].map((day) => made(day, 'good'))
  expect(names(planSchedule(schedule({ suspend: true }), backups, at('06T02:00')).gone)).toEqual(['nightly-02'])
})
