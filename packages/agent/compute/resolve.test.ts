import type { PersistentVolume } from '@thresher/api/core/persistent-volume'
import type { PersistentVolumeClaim } from '@thresher/api/core/persistent-volume-claim'
import type { Pod } from '@thresher/api/core/pod'
import type { VirtualMachineInstance } from '@thresher/api/kubevirt/virtual-machine-instance'
import { networkAnnotation, readNics, writeNics } from '@thresher/api/pod-network'
import { describe, expect, it } from 'vitest'
import { resolveRun, type ResolveInput } from './resolve.ts'
import { testInstance } from './testing.ts'

const nic = { name: 'default', port: 'default/guest/default', mac: '52:54:00:00:00:01', ip: '10.52.0.2' }
const claim = { metadata: { name: 'root', namespace: 'default', uid: 'c1' }, spec: {} } as PersistentVolumeClaim
const volume = {
  metadata: { name: 'pvc-c1' },
  spec: { claimRef: { uid: 'c1' }, csi: { driver: 'local.thresher.io', volumeHandle: 'pvc-c1' } },
} as PersistentVolume

function input(change: Partial<ResolveInput> = {}, spec: Partial<VirtualMachineInstance['spec']> = {}): ResolveInput {
  const vmi = testInstance('u1', {
    devices: { disks: [{ name: 'root', disk: {} }], interfaces: [{ name: 'default', masquerade: {} }] },
  })
  return {
    vmi: { ...vmi, spec: { ...vmi.spec, ...spec } },
    pod: { metadata: { annotations: { [networkAnnotation]: writeNics([nic]) } }, spec: { containers: [] } } as Pod,
    claim: (name) => (name === 'root' ? claim : undefined),
    volume: (name) => (name === 'pvc-c1' ? volume : undefined),
    ...change,
  }
}

describe('a run', () => {
  it('can begin when its volumes and ports are there, the claim bound or not', () => {
    expect(resolveRun(input())).toEqual({
      ready: true,
      volumes: [{ name: 'root', id: 'pvc-c1', readOnly: false, shared: false }],
      scratch: [],
      seeds: [],
      nics: [nic],
    })
  })

  it('says what it waits for', () => {
    const waitingFor = (change: Partial<ResolveInput>) => {
      const resolution = resolveRun(input(change))
      return 'waitingFor' in resolution ? resolution.waitingFor : undefined
    }
    expect(waitingFor({ claim: () => undefined })).toBe('the PersistentVolumeClaim root')
    expect(waitingFor({ volume: () => undefined })).toBe('the volume of the PersistentVolumeClaim root')
    expect(waitingFor({ volume: () => ({ ...volume, spec: { ...volume.spec, claimRef: { uid: 'other' } } }) })).toBe(
      'the volume of the PersistentVolumeClaim root',
    )
    expect(waitingFor({ pod: { metadata: {}, spec: { containers: [] } } as Pod })).toBe(
      'the network of the interface default',
    )
  })

  it('opens disks read-only that are to be', () => {
    const readOnly = resolveRun(
      input({}, { volumes: [{ name: 'root', persistentVolumeClaim: { claimName: 'root', readOnly: true } }] }),
    )
    expect(readOnly).toMatchObject({ volumes: [{ readOnly: true }] })
  })

  it('takes configuration and empty disks, and refuses what it cannot attach by field', () => {
    const taken = resolveRun(
      input(
        {},
        {
          volumes: [
            { name: 'ci', cloudInitNoCloud: { userData: 'x' } },
            { name: 'tmp', emptyDisk: { capacity: '1Gi' } },
          ],
        },
      ),
    )
    expect(taken).toMatchObject({ seeds: [{ name: 'ci' }], scratch: [{ name: 'tmp', bytes: 1024 ** 3 }] })
    const refused = resolveRun(
      input({}, { volumes: [{ name: 'host', hostDisk: { path: '/etc/shadow', type: 'Disk' } }] }),
    )
    expect(refused).toMatchObject({ errors: [{ field: 'spec.volumes[0].hostDisk' }] })
  })

  const cardsOn = (network: object, cards?: object[]) => {
    const { spec } = input().vmi
    const interfaces = cards ?? [
      { name: 'default', masquerade: {} },
      { name: 'lan', bridge: {} },
    ]
    const networks = [
      { name: 'default', pod: {} },
      { name: 'lan', ...network },
    ]
    const devices = { ...spec.domain.devices, interfaces: interfaces as { name: string }[] }
    return input({}, { networks, domain: { ...spec.domain, devices } })
  }

  it('does not wait for a network that nothing connects: it names the interface, unless that is absent', () => {
    const claim = { resourceClaim: { claimName: 'c' } }
    expect(resolveRun(cardsOn(claim))).toEqual({
      ready: false,
      errors: [
        {
          field: 'spec.networks[1].resourceClaim',
          message: 'the interface lan cannot be connected by it; use pod: {} or multus, or remove the interface',
          reason: 'FieldValueNotSupported',
        },
      ],
    })
    const absent = [{ name: 'default' }, { name: 'lan', state: 'absent' }]
    expect(resolveRun(cardsOn(claim, absent))).toMatchObject({ ready: true })
  })

  it('waits for a card on a network by name until it is connected, and needs no address for it', () => {
    const vlan = cardsOn({ multus: { networkName: 'default/vlan7' } })
    expect(resolveRun(vlan)).toEqual({ ready: false, waitingFor: 'the network of the interface lan' })
    const { annotations } = vlan.pod.metadata
    const nics = readNics(annotations)!
    const lan = { name: 'lan', network: 'fast:7', port: 'default/web/lan', mac: '52:54:00:00:00:09', mtu: 1500 }
    vlan.pod.metadata.annotations = { ...annotations, 'thresher.io/network': writeNics([...nics, lan]) }
    expect(resolveRun(vlan)).toMatchObject({ ready: true, nics: [{ name: 'default' }, lan] })
  })
})
