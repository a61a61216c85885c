import { Type } from '@thresher/api/type'
import { defineKind } from '@thresher/api/kind'

/** A kind of the benchmark: its spec and status take anything, as the custom kind of the peer's measurements does. */
export const Sample = {
  ...defineKind({
    group: 'bench.thresher.io',
    version: 'v1',
    kind: 'Sample',
    plural: 'samples',
    namespaced: true,
    spec: Type.Unknown({ type: 'object', 'x-kubernetes-preserve-unknown-fields': true }),
    status: Type.Unknown({ type: 'object', 'x-kubernetes-preserve-unknown-fields': true }),
  }),
  origin: 'custom' as const,
}

export const samplesPath = '/apis/bench.thresher.io/v1/namespaces/default/samples'

/** An object shaped like a virtual machine, 2 048 bytes as JSON; about 2.8 KiB once stored with its managed fields. */
export function sampleObject(name: string, bytes = 2048): Record<string, unknown> {
  const disks = ['root', 'data', 'cloudinit'].map((disk, index) => ({
    name: disk,
    bootOrder: index + 1,
    disk: { bus: 'virtio' },
    serial: `serial-${disk}-${name}`,
  }))
  const object = {
    apiVersion: 'bench.thresher.io/v1',
    kind: 'Sample',
    metadata: {
      name,
      labels: { app: 'bench', shard: `shard-${name.length % 7}`, [`only-${name}`]: 'yes' },
      annotations: { 'bench.thresher.io/note': 'made by the benchmark' },
    },
    spec: {
      runStrategy: 'RerunOnFailure',
      template: {
        metadata: { labels: { 'kubevirt.io/vm': name } },
        spec: {
          domain: {
            cpu: { cores: 2, sockets: 1, threads: 1 },
            memory: { guest: '4Gi' },
            machine: { type: 'q35' },
            resources: { limits: { cpu: '2', memory: '4Gi' }, requests: { cpu: '125m', memory: '2730Mi' } },
            devices: {
              disks,
              interfaces: [{ name: 'default', masquerade: {}, model: 'virtio', macAddress: '52:54:00:00:00:01' }],
              inputs: [{ bus: 'usb', name: 'tablet', type: 'tablet' }],
            },
          },
          networks: [{ name: 'default', pod: {} }],
          volumes: disks.map((disk) => ({
            name: disk.name,
            persistentVolumeClaim: { claimName: `${name}-${disk.name}` },
          })),
          terminationGracePeriodSeconds: 120,
          evictionStrategy: 'LiveMigrateIfPossible',
          filler: '',
        },
      },
    },
  }
  const missing = bytes - JSON.stringify(object).length
  if (missing > 0) object.spec.template.spec.filler = 'x'.repeat(missing)
  return object
}
