import { mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { VirtualMachineInstance } from '@thresher/api/kubevirt/virtual-machine-instance'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { FirmwareStore, lastingFirmware } from './firmware-store.ts'
import { testInstance } from './testing.ts'

const machine = 'aaaaaaaa-1111-4222-8333-444455556666'
const user = { uid: process.getuid?.() ?? 0, gid: process.getgid?.() ?? 0 }
let folder: string
let store: FirmwareStore

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'firmware-'))
  store = new FirmwareStore(join(folder, 'nvram'))
  writeFileSync(join(folder, 'template'), 'empty')
})
afterEach(() => rmSync(folder, { recursive: true }))

const provided = (uid?: string): string => {
  store.provide(uid, join(folder, 'template'), join(folder, 'run.fd'), user)
  return readFileSync(join(folder, 'run.fd'), 'utf8')
}

function instance(uuid: string, owner?: string): VirtualMachineInstance {
  const made = testInstance('u', { firmware: { uuid, bootloader: { efi: { persistent: true } } } })
  const owners = owner
    ? [{ apiVersion: 'kubevirt.io/v1', kind: 'VirtualMachine', name: 'guest', uid: owner, controller: true }]
    : []
  return { ...made, metadata: { ...made.metadata, ownerReferences: owners } }
}

test('variables are kept for the machine, and go when they are removed', () => {
  expect(provided(machine)).toBe('empty')
  writeFileSync(join(folder, 'run.fd'), 'enrolled')
  store.keep({ namespace: 'default', name: 'guest', uid: machine }, join(folder, 'run.fd'))
  expect(provided(machine)).toBe('enrolled')
  expect(provided()).toBe('empty')
  expect(store.owners()).toEqual([{ namespace: 'default', name: 'guest', uid: machine }])
  store.remove(machine)
  expect(provided(machine)).toBe('empty')
  expect(store.owners()).toEqual([])
})

test('a machine with the firmware UUID of another does not get its variables', () => {
  const other = 'bbbbbbbb-1111-4222-8333-444455556666'
  expect(lastingFirmware(instance(machine, other))).toBe(other)
  expect(lastingFirmware(instance(machine))).toBeUndefined()
  expect(lastingFirmware(instance(machine, '../../etc/passwd'))).toBeUndefined()
  expect(() => store.remove('../x')).toThrow(RangeError)
})

test('a link that somebody put in the place of the variables is not followed', () => {
  writeFileSync(join(folder, 'victim'), 'precious')
  symlinkSync(join(folder, 'victim'), join(folder, 'run.fd'))
  expect(provided()).toBe('empty')
  expect(readFileSync(join(folder, 'victim'), 'utf8')).toBe('precious')
})
