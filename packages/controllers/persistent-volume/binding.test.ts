import type { PersistentVolumeClaim } from '@thresher/api/core/persistent-volume-claim'
import type { StorageClass } from '@thresher/api/storage/storage-class'
import { VirtualMachine } from '@thresher/api/kubevirt/virtual-machine'
import { expect, test } from 'vitest'
import { testMachine } from '../testing.ts'
import { claimsOf } from '../virtual-machine/claims.ts'
import { namesProvisioner, provisioning, waitsForConsumer } from './binding.ts'

const classOf = (volumeBindingMode: 'Immediate' | 'WaitForFirstConsumer'): StorageClass => ({
  metadata: { name: 'local' },
  provisioner: 'local.thresher.io',
  volumeBindingMode,
})
const claim: PersistentVolumeClaim = { metadata: { name: 'data' }, spec: { accessModes: ['ReadWriteOnce'] } }

test('a claim waits for its first pod where its class says so', () => {
  expect(waitsForConsumer(claim, classOf('WaitForFirstConsumer'))).toBe(true)
  expect(waitsForConsumer(claim, classOf('Immediate'))).toBe(false)
})

test('the claims that a machine is made with wait for its pod in every class, so that they lie together', () => {
  const [made] = claimsOf(testMachine('web') as VirtualMachine)
  expect(waitsForConsumer(made!, classOf('Immediate'))).toBe(true)
})

test('a claim names its provisioner as CSI sidecars look for it, and its node once there is one', () => {
  const annotations = provisioning(classOf('Immediate'), 'node-1')
  expect(annotations).toEqual({
    'volume.kubernetes.io/storage-provisioner': 'local.thresher.io',
    'volume.beta.kubernetes.io/storage-provisioner': 'local.thresher.io',
    'volume.kubernetes.io/selected-node': 'node-1',
  })
  expect(namesProvisioner({ ...claim, metadata: { name: 'data', annotations } })).toBe(true)
  expect(namesProvisioner(claim)).toBe(false)
})
