// oxlint-disable typescript/no-explicit-any -- answers are looked at as they come
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { kinds } from '@thresher/api/kinds'
import type { KubeObject } from '@thresher/api/meta'
import { startTestServer, type TestServer } from '@thresher/apiserver/testing'
import { findKind, kubernetesPath } from './schema-names.ts'

let server: TestServer
beforeAll(async () => {
  server = await startTestServer({ kinds })
})
afterAll(() => server.close())

/** Create an object as a Go client sends it: with empty fields that say nothing, and no field that is not known. */
async function create(type: string, object: object): Promise<Record<string, any>> {
  const kind = findKind(server.api.registry, type)!
  const { metadata } = object as KubeObject
  const body = {
    status: {},
    ...object,
    metadata: { creationTimestamp: null, ...metadata, ...(kind.namespaced ? { namespace: 'default' } : {}) },
  }
  const path = kubernetesPath(kind, 'default')
  return server.transport().request({ method: 'POST', path, body, query: { fieldValidation: 'Strict' } })
}

const claims = (name: string) =>
  JSON.stringify([
    {
      metadata: { name, annotations: { 'harvesterhci.io/imageId': 'default/image-abcde' } },
      spec: {
        accessModes: ['ReadWriteMany'],
        resources: { requests: { storage: '40Gi' } },
        volumeMode: 'Block',
        storageClassName: 'lh-5d307ca9',
      },
    },
  ])

describe('machines are accepted', () => {
  test('as the node driver of Rancher makes them', async () => {
    const labels = {
      'harvesterhci.io/creator': 'docker-machine-driver-harvester',
      'harvesterhci.io/machineSetName': 'default-pool1',
      'guestcluster.harvesterhci.io/name': 'guest',
    }
    const made = await create('kubevirt.io.virtualmachine', {
      metadata: {
        name: 'pool1-x7k2p-9qvzl',
        labels,
        annotations: { 'harvesterhci.io/volumeClaimTemplates': claims('pool1-disk-0-k2x9f') },
      },
      spec: {
        runStrategy: 'RerunOnFailure',
        template: {
          metadata: {
            creationTimestamp: null,
            labels: { ...labels, 'harvesterhci.io/vmName': 'pool1-x7k2p-9qvzl' },
            annotations: {
              'harvesterhci.io/sshNames': '["default/mine"]',
              'harvesterhci.io/waitForLeaseInterfaceNames': '["nic-0"]',
            },
          },
          spec: {
            evictionStrategy: 'LiveMigrateIfPossible',
            domain: {
              cpu: { cores: 4, sockets: 1, threads: 1, dedicatedCpuPlacement: true, isolateEmulatorThread: false },
              memory: {},
              machine: { type: '' },
              features: { acpi: {}, smm: { enabled: true } },
              firmware: { bootloader: { efi: { secureBoot: true } } },
              resources: { limits: { cpu: '4', memory: '8Gi' } },
              devices: {
                tpm: {},
                inputs: [{ bus: 'usb', name: 'tablet', type: 'tablet' }],
                interfaces: [{ name: 'nic-0', model: 'virtio', bridge: {} }],
                disks: [
                  { name: 'cloudinitdisk', disk: { bus: 'virtio' } },
                  { name: 'disk-0', bootOrder: 1, disk: { bus: 'virtio' } },
                ],
                gpus: [{ name: 'gpu', deviceName: 'nvidia.com/A2' }],
              },
            },
            networks: [{ name: 'nic-0', multus: { networkName: 'default/vlan1' } }],
            volumes: [
              {
                name: 'cloudinitdisk',
                cloudInitNoCloud: {
                  secretRef: { name: 'pool1-cloudinit' },
                  networkDataSecretRef: { name: 'pool1-cloudinit' },
                },
              },
              { name: 'disk-0', persistentVolumeClaim: { claimName: 'pool1-disk-0-k2x9f' } },
            ],
            affinity: {
              podAntiAffinity: {
                preferredDuringSchedulingIgnoredDuringExecution: [
                  {
                    weight: 100,
                    podAffinityTerm: {
                      topologyKey: 'kubernetes.io/hostname',
                      labelSelector: { matchExpressions: [{ key: 'harvesterhci.io/creator', operator: 'Exists' }] },
                    },
                  },
                ],
              },
            },
          },
        },
      },
    })
    expect(made.spec.template.spec.domain.machine.type).toBe('q35')
    expect(made.spec.template.spec.terminationGracePeriodSeconds).toBe(120)
  })

  test('as the dashboard makes them', async () => {
    const made = await create('kubevirt.io.virtualmachine', {
      metadata: {
        name: 'desk',
        annotations: {
          'harvesterhci.io/volumeClaimTemplates': claims('desk-disk-1-aaaaa'),
          'network.harvesterhci.io/ips': '[]',
        },
        labels: { 'harvesterhci.io/creator': 'harvester', 'harvesterhci.io/os': 'linux' },
      },
      spec: {
        running: true,
        template: {
          metadata: { annotations: { 'harvesterhci.io/sshNames': '[]' }, labels: { 'harvesterhci.io/vmName': 'desk' } },
          spec: {
            hostname: 'desk',
            evictionStrategy: 'LiveMigrate',
            accessCredentials: [
              {
                sshPublicKey: {
                  source: { secret: { secretName: 'keys' } },
                  propagationMethod: { qemuGuestAgent: { users: ['debian'] } },
                },
              },
            ],
            tolerations: [{ key: 'a', operator: 'Exists', effect: 'NoSchedule' }],
            domain: {
              machine: { type: '' },
              cpu: { cores: 1, sockets: 2, threads: 1, maxSockets: 8, model: 'host-passthrough' },
              memory: { guest: '2Gi', maxGuest: '8Gi' },
              resources: { requests: { cpu: '125m', memory: '1365Mi' }, limits: { cpu: 2, memory: '2Gi' } },
              ioThreadsPolicy: 'auto',
              features: { acpi: { enabled: true } },
              devices: {
                inputs: [{ bus: 'usb', name: 'tablet', type: 'tablet' }],
                blockMultiQueue: true,
                interfaces: [
                  {
                    name: 'default',
                    masquerade: {},
                    model: 'e1000',
                    macAddress: '02:00:00:aa:bb:cc',
                    ports: [{ name: 'ssh', port: 22, protocol: 'TCP' }],
                  },
                ],
                disks: [
                  { name: 'cdrom', bootOrder: 1, cdrom: { bus: 'sata', readonly: true, tray: 'closed' } },
                  { name: 'disk-1', bootOrder: 2, cache: 'none', io: 'native', disk: { bus: 'scsi' }, serial: 'd1' },
                ],
              },
            },
            networks: [{ name: 'default', pod: {} }],
            volumes: [
              { name: 'disk-1', persistentVolumeClaim: { claimName: 'desk-disk-1-aaaaa', hotpluggable: true } },
            ],
          },
        },
      },
    })
    expect(made.spec.template.spec.domain.resources.limits.cpu).toBe('2')
  })
})

describe('other objects are accepted as clients send them', () => {
  test.each<[string, object]>([
    [
      'harvesterhci.io.virtualmachineimage',
      {
        metadata: { name: 'image-1', labels: { 'harvesterhci.io/imageDisplayName': 'debian' } },
        spec: {
          displayName: 'debian',
          sourceType: 'download',
          url: 'http://example.org/a.qcow2',
          pvcName: '',
          pvcNamespace: '',
          checksum: '',
          retry: 3,
          storageClassParameters: { numberOfReplicas: '3' },
        },
      },
    ],
    [
      'persistentvolumeclaim',
      {
        metadata: { name: 'data', annotations: { 'harvesterhci.io/imageId': 'default/image-1' } },
        spec: {
          accessModes: ['ReadWriteMany'],
          resources: { requests: { storage: '10Gi' } },
          storageClassName: 'lh-1',
          volumeMode: 'Block',
        },
      },
    ],
    [
      'loadbalancer.harvesterhci.io.loadbalancer',
      {
        metadata: { name: 'guest-default-web-1a2b', labels: { 'cloudprovider.harvesterhci.io/cluster': 'guest' } },
        spec: { ipam: 'dhcp', workloadType: 'cluster' },
      },
    ],
    [
      'loadbalancer.harvesterhci.io.ippool',
      {
        metadata: { name: 'pool' },
        spec: {
          ranges: [{ subnet: '10.0.0.0/24', rangeStart: '10.0.0.10', rangeEnd: '10.0.0.20', gateway: '10.0.0.1' }],
          selector: { priority: 1, scope: [{ project: '*', namespace: '*', guestCluster: '*' }] },
        },
      },
    ],
    [
      'k8s.cni.cncf.io.networkattachmentdefinition',
      {
        metadata: {
          name: 'vlan1',
          labels: {
            'network.harvesterhci.io/type': 'L2VlanNetwork',
            'network.harvesterhci.io/clusternetwork': 'mgmt',
            'network.harvesterhci.io/vlan-id': '100',
          },
          annotations: { 'network.harvesterhci.io/route': '{"mode":"auto"}' },
        },
        spec: {
          config:
            '{"cniVersion":"0.3.1","name":"vlan1","type":"bridge","bridge":"mgmt-br","promiscMode":true,"vlan":100,"ipam":{}}',
        },
      },
    ],
    ['network.harvesterhci.io.clusternetwork', { metadata: { name: 'fast' } }],
    [
      'network.harvesterhci.io.vlanconfig',
      {
        metadata: { name: 'fast-1' },
        spec: {
          clusterNetwork: 'fast',
          nodeSelector: { 'kubernetes.io/hostname': 'n1' },
          uplink: {
            nics: ['eth1'],
            linkAttributes: { mtu: 9000, txQLen: -1 },
            bondOptions: { mode: '802.3ad', miimon: -1 },
          },
        },
      },
    ],
    [
      'storage.k8s.io.storageclass',
      {
        metadata: { name: 'fast' },
        provisioner: 'driver.longhorn.io',
        parameters: { numberOfReplicas: '3', migratable: 'true' },
        reclaimPolicy: 'Delete',
        allowVolumeExpansion: true,
        volumeBindingMode: 'Immediate',
      },
    ],
    [
      'harvesterhci.io.virtualmachinetemplate',
      { metadata: { name: 't1' }, spec: { defaultVersionId: '', description: 'x' } },
    ],
    [
      'harvesterhci.io.virtualmachinetemplateversion',
      {
        metadata: { name: 't1-v1' },
        spec: {
          templateId: 'default/t1',
          imageId: '',
          keyPairIds: [],
          vm: {
            metadata: { annotations: {} },
            spec: {
              runStrategy: 'Halted',
              template: { spec: { domain: { devices: {}, resources: { limits: { cpu: '2', memory: '4Gi' } } } } },
            },
          },
        },
      },
    ],
    [
      'harvesterhci.io.virtualmachinebackup',
      {
        metadata: { name: 'b' },
        spec: { type: 'backup', source: { apiGroup: 'kubevirt.io', kind: 'VirtualMachine', name: 'desk' } },
      },
    ],
    [
      'harvesterhci.io.schedulevmbackup',
      {
        metadata: { name: 's' },
        spec: {
          cron: '30 3 * * *',
          retain: 8,
          maxFailure: 4,
          suspend: false,
          vmbackup: { type: 'snapshot', source: { apiGroup: 'kubevirt.io', kind: 'VirtualMachine', name: 'desk' } },
        },
      },
    ],
    [
      'snapshot.storage.k8s.io.volumesnapshot',
      {
        metadata: { name: 'vs' },
        spec: { volumeSnapshotClassName: 'local', source: { persistentVolumeClaimName: 'data' } },
      },
    ],
    [
      'secret',
      { metadata: { name: 'ci' }, type: 'secret', data: { userdata: 'I2Nsb3VkLWNvbmZpZw==', networkdata: '' } },
    ],
    [
      'harvesterhci.io.addon',
      {
        metadata: { name: 'a' },
        spec: { repo: 'http://r', chart: 'c', version: '1', enabled: false, valuesContent: '' },
      },
    ],
    [
      'harvesterhci.io.supportbundle',
      { metadata: { generateName: 'bundle-' }, spec: { issueURL: '', description: 'x' } },
    ],
    [
      'devices.harvesterhci.io.pcideviceclaim',
      { metadata: { name: 'n1-000001000' }, spec: { address: '0000:01:00.0', nodeName: 'n1', userName: 'admin' } },
    ],
  ])('%s', async (type, object) => {
    const given = { ...object } as Record<string, unknown>
    const hasStatus = findKind(server.api.registry, type)?.schema.properties?.status !== undefined
    const made = await create(type, hasStatus ? given : { ...given, status: undefined })
    expect(made.metadata.uid).toBeDefined()
  })
})
