import type { VirtualMachine } from '@thresher/api/kubevirt/virtual-machine'
import { fillInstanceDefaults } from '@thresher/api/kubevirt/instance-defaults'
import type { VirtualMachineInstance } from '@thresher/api/kubevirt/virtual-machine-instance'
import type { Disk } from '@thresher/api/kubevirt/disk'
import type { Volume } from '@thresher/api/kubevirt/volume'
import { describe, expect, it } from 'vitest'
import { testMachine } from '../testing.ts'
import { instanceOf } from './instance.ts'
import { keptPlaces, liveUpdate } from './live-update.ts'
import { restartReason } from './restart-required.ts'

type Spec = VirtualMachineInstance['spec']

/** A machine with a root disk and an empty CD-ROM drive. */
function machine(): VirtualMachine {
  const made = structuredClone(testMachine('web'))
  made.metadata.uid = 'vm'
  const { spec } = made.spec.template
  spec.volumes = [{ name: 'root', persistentVolumeClaim: { claimName: 'root' } }]
  spec.domain.devices.disks = [
    { name: 'root', disk: { bus: 'virtio' } },
    { name: 'cd', cdrom: { bus: 'sata' } },
  ]
  return made
}

const hot = (name: string, claimName = name): Volume => ({
  name,
  persistentVolumeClaim: { claimName, hotpluggable: true },
})
const scsi = (name: string): Disk => ({ name, disk: { bus: 'scsi' } })

/** The instance of a machine as the server completes it, and the machine after a change of its template. */
function changed(change: (spec: Spec) => void, before: (spec: Spec) => void = () => {}) {
  const made = machine()
  before(made.spec.template.spec)
  const instance = instanceOf(made)
  fillInstanceDefaults(instance)
  const next = structuredClone(made)
  change(next.spec.template.spec)
  const update = liveUpdate(next, instance)
  return { next, instance, update, reason: restartReason(next, update ? { ...instance, spec: update.spec } : instance) }
}

const attach = (spec: Spec, name: string, disk: Disk | undefined = scsi(name)): void => {
  spec.volumes = [...(spec.volumes ?? []), hot(name)]
  if (disk) spec.domain.devices.disks = [...(spec.domain.devices.disks ?? []), disk]
}

const detach = (spec: Spec, name: string): void => {
  spec.volumes = spec.volumes?.filter((one) => one.name !== name)
  spec.domain.devices.disks = spec.domain.devices.disks?.filter((one) => one.name !== name)
}

const names = (list: readonly { name: string }[] | undefined) => list?.map(({ name }) => name)

describe('a change of the template of a running machine', () => {
  const live: [string, (spec: Spec) => void, string[], string[], ((spec: Spec) => void)?][] = [
    ['a hotpluggable volume on SCSI comes', (s) => attach(s, 'a'), ['root', 'a'], ['root', 'cd', 'a']],
    ['on virtio', (s) => attach(s, 'a', { name: 'a', disk: { bus: 'virtio' } }), ['root', 'a'], ['root', 'cd', 'a']],
    ['without a disk', (s) => attach(s, 'a', undefined), ['root', 'a'], ['root', 'cd', 'a']],
    ['a CD-ROM is inserted', (s) => (s.volumes = [...s.volumes!, hot('cd')]), ['root', 'cd'], ['root', 'cd']],
    [
      'a CD-ROM is ejected',
      (s) => (s.volumes = s.volumes?.filter(({ name }) => name !== 'cd')),
      ['root'],
      ['root', 'cd'],
      (s) => (s.volumes = [...s.volumes!, hot('cd')]),
    ],
    [
      'the first of two goes',
      (s) => detach(s, 'a'),
      ['root', 'b'],
      ['root', 'cd', 'b'],
      (s) => (attach(s, 'a'), attach(s, 'b')),
    ],
  ]
  for (const [what, change, volumes, disks, before] of live)
    it(`takes effect at once when ${what}`, () => {
      const { update, reason } = changed(change, before)
      expect(names(update?.spec.volumes)).toEqual(volumes)
      expect(names(update?.spec.domain.devices.disks)).toEqual(disks)
      expect(reason).toBeUndefined()
    })

  const staged: [string, (spec: Spec) => void, string][] = [
    ['cores are added', (s) => (s.domain.cpu = { cores: 4 }), 'spec.template.spec.domain.cpu.cores'],
    [
      'a volume comes that may not come and go',
      (s) => (s.volumes = [...s.volumes!, { name: 'b', persistentVolumeClaim: { claimName: 'b' } }]),
      'spec.template.spec.volumes[b]',
    ],
    ['the root disk goes', (s) => detach(s, 'root'), 'spec.template.spec.volumes[root]'],
    [
      'a disk comes on SATA',
      (s) => attach(s, 'a', { name: 'a', disk: { bus: 'sata' } }),
      'spec.template.spec.volumes[a]',
    ],
    [
      'a CD-ROM drive comes',
      (s) => s.domain.devices.disks!.push({ name: 'cd2', cdrom: { bus: 'sata' } }),
      'spec.template.spec.domain.devices.disks[cd2]',
    ],
    [
      'the firmware changes',
      (s) => (s.domain.firmware = { bootloader: { efi: {} } }),
      'spec.template.spec.domain.firmware',
    ],
  ]
  for (const [what, change, field] of staged)
    it(`waits for the next start when ${what}, and says which field`, () => {
      const { update, reason } = changed(change)
      expect(update).toBeUndefined()
      expect(reason).toContain(field)
      expect(reason).toMatch(/ changed after web started and cannot change while it runs; restart web to apply it$/)
    })

  const card = (spec: Spec, name: string, more: object = {}): void => {
    spec.domain.devices.interfaces = [
      ...(spec.domain.devices.interfaces ?? []),
      { name, masquerade: {}, model: 'virtio', ...more },
    ]
    spec.networks = [...(spec.networks ?? []), { name, pod: {} }]
  }
  const change = (spec: Spec, state: string | undefined): void => {
    for (const one of spec.domain.devices.interfaces ?? []) if (one.name === 'b') one.state = state
  }
  const two = (spec: Spec): void => {
    spec.domain.devices.interfaces = []
    spec.networks = []
    card(spec, 'a')
    card(spec, 'b')
  }
  it.each<[string, (spec: Spec) => void, [string, string | undefined][]]>([
    [
      'a card comes with its network',
      (s) => card(s, 'c'),
      [
        ['a', undefined],
        ['b', undefined],
        ['c', undefined],
      ],
    ],
    [
      'a cable is pulled out',
      (s) => change(s, 'down'),
      [
        ['a', undefined],
        ['b', 'down'],
      ],
    ],
    [
      'a card is to go',
      (s) => change(s, 'absent'),
      [
        ['a', undefined],
        ['b', 'absent'],
      ],
    ],
  ])('takes effect at once when %s', (_what, edit, states) => {
    const { update, reason } = changed(edit, two)
    expect(update?.spec.domain.devices.interfaces?.map(({ name, state }) => [name, state])).toEqual(states)
    expect(names(update?.spec.networks)).toEqual(states.map(([name]) => name))
    expect(reason).toBeUndefined()
  })

  it('takes effect at once when credentials come that the agent gives to the guest, and waits where cloud-init does', () => {
    const keys = (method: object) => ({
      sshPublicKey: { source: { secret: { secretName: 'keys' } }, propagationMethod: method },
    })
    const agent = keys({ qemuGuestAgent: { users: ['root'] } })
    const { update, reason } = changed((s) => (s.accessCredentials = [agent]))
    expect(update?.spec.accessCredentials).toEqual([agent])
    expect(reason).toBeUndefined()
    expect(
      changed(
        (s) => delete s.accessCredentials,
        (s) => (s.accessCredentials = [agent]),
      ).update?.spec,
    ).toMatchObject({
      accessCredentials: [],
    })
    expect(changed((s) => (s.accessCredentials = [keys({ noCloud: {} })])).reason).toContain('accessCredentials')
  })

  it('waits for the next start when a card of an old kind comes, or one goes that was not absent', () => {
    expect(changed((s) => card(s, 'c', { model: 'e1000' }), two).reason).toContain('interfaces[c]')
    const gone = changed((s) => {
      s.domain.devices.interfaces = s.domain.devices.interfaces?.filter(({ name }) => name !== 'b')
      s.networks = s.networks?.filter(({ name }) => name !== 'b')
    }, two)
    expect(gone.update).toBeUndefined()
    expect(gone.reason).toContain('interfaces[b]')
  })

  it('that is taken back needs no restart', () => {
    expect(changed(() => {}).reason).toBeUndefined()
  })

  it('keeps the place of every device, now and at the next start', () => {
    const { next, update } = changed(
      (spec) => (detach(spec, 'a'), attach(spec, 'c')),
      (spec) => (attach(spec, 'a'), attach(spec, 'b')),
    )
    expect(update?.places.disks).toEqual({ 'virtio/root': 0, 'sata/cd': 0, 'scsi/b': 1, 'scsi/c': 0 })
    expect(keptPlaces(next, update!.places)).toEqual(update?.places)
  })
})
