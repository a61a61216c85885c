import { describe, expect, test } from 'vitest'
import type { FieldError } from '../error.ts'
import { claimTemplatesAnnotation } from './claim-templates.ts'
import { guestCpus, guestMemoryBytes } from './guest-memory.ts'
import { VirtualMachineInstance } from './virtual-machine-instance.ts'
import { VirtualMachine, type VirtualMachineSpec } from './virtual-machine.ts'

type Spec = VirtualMachineSpec['template']['spec']

/** A virtual machine, as it is once defaults are in it. */
function machine(change: (spec: Spec) => void = () => {}, more: Partial<VirtualMachine> = {}): VirtualMachine {
  const spec: Spec = {
    domain: {
      cpu: { cores: 2 },
      memory: { guest: '512Mi' },
      devices: { disks: [{ name: 'root', disk: { bus: 'virtio' } }] },
    },
    volumes: [{ name: 'root', persistentVolumeClaim: { claimName: 'root' } }],
  }
  change(spec)
  const object: VirtualMachine = {
    metadata: { name: 'web', namespace: 'default' },
    spec: { runStrategy: 'Always', template: { spec } },
    ...more,
  }
  VirtualMachine.fillDefaults?.(object as never)
  return object
}

const check = (object: VirtualMachine): FieldError[] => VirtualMachine.check?.(object as never) ?? []
const faults = (change: (spec: Spec) => void) =>
  check(machine(change)).map(({ field, message }) => `${field}: ${message}`)

describe('a virtual machine', () => {
  test('that says what it must is accepted', () => {
    expect(check(machine())).toEqual([])
  })

  test('gets what clients read without looking whether it is there', () => {
    const { template } = machine().spec
    expect(template.spec.domain.machine?.type).toBe('q35')
    expect(template.spec.domain.cpu).toEqual({ cores: 2, sockets: 1, threads: 1 })
    expect(template.spec.evictionStrategy).toBe('LiveMigrateIfPossible')
    expect(template.spec.terminationGracePeriodSeconds).toBe(120)
    expect(template.metadata?.annotations?.['harvesterhci.io/sshNames']).toBe('[]')
  })

  test('keeps what it was given instead', () => {
    const given = machine((spec) => {
      spec.evictionStrategy = 'None'
      spec.domain.machine = { type: 'pc' }
      spec.terminationGracePeriodSeconds = 0
    }).spec.template.spec
    expect(given).toMatchObject({ evictionStrategy: 'None', terminationGracePeriodSeconds: 0 })
    expect(given.domain.machine?.type).toBe('pc')
  })

  test('runs by runStrategy or by running, by one of them', () => {
    const run = (spec: object) =>
      check(machine(undefined, { spec: { ...machine().spec, runStrategy: undefined, ...spec } })).map(
        ({ field }) => field,
      )
    expect(run({ runStrategy: 'RerunOnFailure' })).toEqual([])
    expect(run({ running: false })).toEqual([])
    expect(run({})).toEqual(['spec.runStrategy'])
    expect(run({ runStrategy: 'Halted', running: true })).toEqual(['spec.running'])
    expect(run({ runStrategy: 'always' })).toEqual(['spec.runStrategy'])
  })

  test('with a name too long for a host is refused', () => {
    expect(check(machine(undefined, { metadata: { name: 'x'.repeat(64) } }))[0]).toMatchObject({
      field: 'metadata.name',
    })
  })

  test('needs CPUs that can be', () => {
    expect(faults((spec) => (spec.domain.cpu = { cores: 0 }))[0]).toMatch(/cpu\.cores: must be at least 1/)
    expect(faults((spec) => (spec.domain.cpu = { cores: 64, sockets: 4 }))[0]).toMatch(/is 256; at most 254/)
  })

  test('needs memory, at least 10 Mi, in an amount that can be read', () => {
    expect(faults((spec) => (spec.domain.memory = undefined))[0]).toContain(
      'either memory.guest or resources.limits.memory',
    )
    expect(faults((spec) => (spec.domain.memory = { guest: '9Mi' }))[0]).toContain(
      'minimum requirement (10 Mi): it is 9Mi',
    )
    expect(faults((spec) => (spec.domain.memory = { guest: 'lots' }))[0]).toContain('"lots" is not an amount of memory')
    expect(faults((spec) => (spec.domain.memory = { guest: '16Ei' }))[0]).toContain('domain.memory.guest')
  })

  test('gives its guest no more memory than its limit', () => {
    const limited = (guest: string) =>
      faults((spec) => {
        spec.domain.memory = { guest }
        spec.domain.resources = { limits: { memory: '1Gi' } }
      })
    expect(limited('1Gi')).toEqual([])
    expect(limited('1024Mi')).toEqual([])
    expect(limited('1025Mi')).toEqual([
      expect.stringMatching(/domain\.memory\.guest.*1025Mi.*domain\.resources\.limits\.memory.*1Gi/),
    ])
  })

  test('reserves less memory than it has', () => {
    const reserve = (reserved: string) =>
      check(
        machine(
          (spec) => (spec.domain = { ...spec.domain, memory: undefined, resources: { limits: { memory: '1Gi' } } }),
          {
            metadata: { name: 'web', annotations: { 'harvesterhci.io/reservedMemory': reserved } },
          },
        ),
      )
    expect(reserve('100Mi')).toEqual([])
    expect(reserve('1Gi')[0]?.message).toContain('cannot be equal or greater than limits.memory')
    expect(reserve('some')[0]?.field).toBe('metadata.annotations[harvesterhci.io/reservedMemory]')
  })

  test('has a volume for each disk, and each name once', () => {
    expect(faults((spec) => (spec.volumes = []))[0]).toMatch(/disks\[0\]\.name: there is no volume "root"/)
    const twice = faults((spec) => spec.domain.devices.disks?.push({ name: 'root' }))
    expect(twice[0]).toContain('"root" is there twice')
  })

  test('accepts an empty CD drive on SATA alone', () => {
    const drive = (bus: string) =>
      faults((spec) => spec.domain.devices.disks?.push({ name: 'cd', cdrom: { bus } })).filter((one) =>
        one.includes('empty'),
      )
    expect(drive('sata')).toEqual([])
    expect(drive('scsi')[0]).toContain('empty cd-rom device should connect via SATA bus')
  })

  test('names buses, caches and models that exist', () => {
    expect(faults((spec) => (spec.domain.devices.disks![0]!.disk = { bus: 'ide' }))[0]).toContain(
      'use virtio, sata, scsi, usb',
    )
    expect(faults((spec) => (spec.domain.devices.disks![0]!.cache = 'fast'))[0]).toContain('disks[0].cache')
    const card = faults((spec) => {
      spec.networks = [{ name: 'a', pod: {} }]
      spec.domain.devices.interfaces = [{ name: 'a', masquerade: {}, model: 'ne9000' }]
    })
    expect(card[0]).toContain('interfaces[0].model: "ne9000" is not supported')
  })

  test('gives each volume one source and no claim to two volumes', () => {
    expect(faults((spec) => (spec.volumes = [{ name: 'root' }]))[0]).toContain('exactly one source')
    const shared = faults((spec) => {
      spec.volumes?.push({ name: 'data', persistentVolumeClaim: { claimName: 'root' } })
    })
    expect(shared[0]).toContain('the claim root is already used by the volume root')
  })

  test('matches networks and interfaces, with addresses that differ', () => {
    const two = faults((spec) => {
      spec.networks = [
        { name: 'a', pod: {} },
        { name: 'b', multus: { networkName: 'vlan' } },
      ]
      spec.domain.devices.interfaces = [
        { name: 'a', masquerade: {}, macAddress: '52:54:00:00:00:01' },
        { name: 'b', bridge: {}, macAddress: '52-54-00-00-00-01' },
      ]
    })
    expect(two).toHaveLength(1)
    expect(two[0]).toContain('interfaces[1].macAddress: 52:54:00:00:00:01 is used by another interface')
    const lonely = faults((spec) => (spec.networks = [{ name: 'a', pod: {} }]))
    expect(lonely[0]).toContain('no interface is called "a"')
    const odd = faults((spec) => {
      spec.networks = [{ name: 'a', pod: {} }]
      spec.domain.devices.interfaces = [{ name: 'a', bridge: {}, masquerade: {}, macAddress: '01:00:00:00:00:01' }]
    })
    expect(odd).toHaveLength(2)
  })

  test('with cloud-init says one source of user data', () => {
    const both = faults((spec) => {
      spec.volumes?.push({ name: 'init', cloudInitNoCloud: { userData: 'a', secretRef: { name: 'b' } } })
    })
    expect(both[0]).toContain('only one of userData, userDataBase64 and secretRef')
  })
})

describe('the claims in the annotation', () => {
  const claim = (name: string, size: string) => ({
    metadata: { name },
    spec: { accessModes: ['ReadWriteMany'], volumeMode: 'Block', resources: { requests: { storage: size } } },
  })
  const owning = (value: unknown) =>
    machine(undefined, {
      metadata: {
        name: 'web',
        annotations: { [claimTemplatesAnnotation]: typeof value === 'string' ? value : JSON.stringify(value) },
      },
    })

  test('must be a JSON array of named claims', () => {
    expect(check(owning([claim('a', '1Gi')]))).toEqual([])
    expect(check(owning('[{'))[0]?.message).toContain('the volumeClaimTemplates annotation is invalid')
    expect(check(owning([claim('', '1Gi')]))[0]?.message).toContain('PVC name is required')
    expect(check(owning([claim('a', 'big')]))[0]?.message).toContain('is not a size')
    expect(check(owning([claim('a', '1Gi'), claim('a', '1Gi')]))[0]?.message).toContain('twice')
  })

  test('can grow and not shrink', () => {
    const change = (from: string, to: string) =>
      VirtualMachine.checkUpdate?.(owning([claim('a', to)]) as never, owning([claim('a', from)]) as never) ?? []
    expect(change('1Gi', '2Gi')).toEqual([])
    expect(change('2Gi', '1Gi')[0]?.message).toContain("can't be less than previous value")
  })
})

describe('a run of a virtual machine', () => {
  const run = (spec: Spec): VirtualMachineInstance => {
    const instance: VirtualMachineInstance = { metadata: { name: 'web' }, spec }
    VirtualMachineInstance.fillDefaults?.(instance as never)
    return instance
  }

  test('gets a disk for each volume and a card on the management network', () => {
    const { spec } = run({
      domain: { devices: {}, memory: { guest: '1Gi' } },
      volumes: [{ name: 'root', persistentVolumeClaim: { claimName: 'root' } }],
    })
    expect(spec.domain.devices.disks).toEqual([{ name: 'root', disk: { bus: 'virtio' } }])
    expect(spec.domain.devices.interfaces).toEqual([{ name: 'default', masquerade: {}, model: 'virtio' }])
    expect(spec.networks).toEqual([{ name: 'default', pod: {} }])
    expect(VirtualMachineInstance.check?.(run(spec) as never)).toEqual([])
  })

  test('sees the memory of the limit less what is reserved', () => {
    const domain = { devices: {}, resources: { limits: { memory: '1Gi' } } }
    expect(run({ domain: structuredClone(domain) }).spec.domain.memory?.guest).toBe('1Gi')
    expect(guestMemoryBytes(domain, { 'harvesterhci.io/reservedMemory': '24Mi' })).toBe(1000 * 2 ** 20)
    expect(guestMemoryBytes({ devices: {} })).toBeUndefined()
    expect(guestCpus({ devices: {}, cpu: { cores: 2, sockets: 3 } })).toBe(6)
  })
})
