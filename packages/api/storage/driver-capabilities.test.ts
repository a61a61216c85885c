import { expect, test } from 'vitest'
import type { CSIDriver } from './csi-driver.ts'
import { capabilitiesOf, capabilityAnnotations, type DriverCapabilities } from './driver-capabilities.ts'

const driver = (annotations?: Record<string, string>): CSIDriver => ({
  apiVersion: 'storage.k8s.io/v1',
  kind: 'CSIDriver',
  metadata: { name: 'x', ...(annotations ? { annotations } : {}) },
  spec: {},
})

test('a driver says what it can do in its object', () => {
  const all: DriverCapabilities[] = [
    { reach: 'node', snapshots: true, liveResize: false, exclusiveAccess: 'lock' },
    { reach: 'cluster', snapshots: false, liveResize: true, exclusiveAccess: 'lease' },
  ]
  for (const capabilities of all)
    expect(capabilitiesOf(driver(capabilityAnnotations(capabilities)))).toEqual(capabilities)
})

test('a driver that is not ours, or not there, has none; what is not said cannot be done', () => {
  expect(capabilitiesOf(undefined)).toBeUndefined()
  expect(capabilitiesOf(driver())).toBeUndefined()
  expect(capabilitiesOf(driver({ 'storage.thresher.io/reach': 'galaxy' }))).toBeUndefined()
  expect(
    capabilitiesOf(driver({ 'storage.thresher.io/reach': 'node', 'storage.thresher.io/exclusive-access': 'luck' })),
  ).toEqual({
    reach: 'node',
    snapshots: false,
    liveResize: false,
    exclusiveAccess: 'none',
  })
})
