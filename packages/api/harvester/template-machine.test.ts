import { expect, test } from 'vitest'
import { claimTemplatesAnnotation } from '../kubevirt/claim-templates.ts'
import { machineOfTemplate, numberedNames } from './template-machine.ts'
import type { VirtualMachineTemplateVersion } from './virtual-machine-template-version.ts'

const claim = (name: string) => ({
  metadata: { name },
  spec: { accessModes: ['ReadWriteMany'], volumeMode: 'Block', resources: { requests: { storage: '10Gi' } } },
})

const version = {
  metadata: { name: 'web-1', namespace: 'team' },
  spec: {
    templateId: 'team/web',
    vm: {
      metadata: {
        labels: { tier: 'front' },
        annotations: { note: 'kept', [claimTemplatesAnnotation]: JSON.stringify([claim('root'), claim('data')]) },
      },
      spec: {
        template: {
          spec: {
            domain: { devices: { interfaces: [{ name: 'default', masquerade: {}, macAddress: '52:54:00:00:00:01' }] } },
            volumes: [
              { name: 'root', persistentVolumeClaim: { claimName: 'root' } },
              { name: 'data', persistentVolumeClaim: { claimName: 'data' } },
              { name: 'shared', persistentVolumeClaim: { claimName: 'everyones' } },
            ],
          },
        },
      },
    },
  },
} as unknown as VirtualMachineTemplateVersion

test('a machine of a template has volumes, a name and addresses of its own, and the image that it was given', () => {
  const image = { name: 'team/debian', storageClass: 'lh-debian' }
  const made = machineOfTemplate(version, { name: 'one', namespace: 'team', image })
  expect(made.metadata).toMatchObject({ name: 'one', labels: { tier: 'front' }, annotations: { note: 'kept' } })
  expect(JSON.parse(made.metadata.annotations?.[claimTemplatesAnnotation] ?? '')).toMatchObject([
    {
      metadata: { name: 'one-disk-0', annotations: { 'harvesterhci.io/imageId': 'team/debian' } },
      spec: { storageClassName: 'lh-debian' },
    },
    { metadata: { name: 'one-disk-1' } },
  ])
  const { spec } = made.spec.template
  expect(spec.volumes?.map(({ persistentVolumeClaim: source }) => source?.claimName)).toEqual([
    'one-disk-0',
    'one-disk-1',
    'everyones',
  ])
  expect(spec.domain.devices.interfaces).toEqual([{ name: 'default', masquerade: {} }])
  expect(spec.hostname).toBe('one')
  expect(made.spec.runStrategy).toBe('RerunOnFailure')
  // The version itself never changes.
  expect(version.spec.vm?.spec?.template?.spec.volumes?.[0]?.persistentVolumeClaim?.claimName).toBe('root')
})

test('a version without a machine is refused', () => {
  const empty = { ...version, spec: { templateId: 'team/web' } }
  expect(() => machineOfTemplate(empty, { name: 'x', namespace: 'team' })).toThrow('holds no machine')
})

test('several machines at once are numbered', () => {
  expect(numberedNames('web', 1)).toEqual(['web'])
  expect(numberedNames('web', 2)).toEqual(['web-01', 'web-02'])
  expect(numberedNames('web', 10).at(-1)).toBe('web-10')
})
