import { execFileSync } from 'node:child_process'
import { placeDevices, readPlaces } from '@thresher/api/kubevirt/device-places'
import type { VirtualMachineInstance } from '@thresher/api/kubevirt/virtual-machine-instance'
import { describe, expect, it } from 'vitest'
import { testInstance } from '../testing.ts'
import { qemuConfig } from './config.ts'
import { UnsupportedSpecError } from './draft.ts'
import type { HostFacts, QemuInput, ResolvedVolume } from './input.ts'

type Domain = VirtualMachineInstance['spec']['domain']

const paths = {
  qmp: '/r/qmp.sock',
  serial: '/r/serial.sock',
  vnc: '/r/vnc.sock',
  guestAgent: '/r/ga.sock',
  pidFile: '/r/qemu.pid',
  nvram: '/r/nvram.fd',
  tpm: '/r/tpm.sock',
}
const tcg: HostFacts = {
  accelerator: 'tcg',
  qemu: { major: 7, minor: 2, micro: 22 },
  ovmf: '/usr/share/OVMF',
  swtpm: true,
}
const kvm: HostFacts = { ...tcg, accelerator: 'kvm' }

function volume(nodeName: string, seed = false): ResolvedVolume {
  return {
    nodeName,
    seed,
    blockdevs: [
      { driver: 'file', 'node-name': `${nodeName}-file`, filename: `/v/${nodeName}` },
      { driver: 'qcow2', 'node-name': nodeName, file: `${nodeName}-file` },
    ],
    files: [{ path: `/v/${nodeName}`, access: 'write' }],
  }
}

function input(domain: Partial<Domain> = {}, more: Partial<QemuInput> = {}): QemuInput {
  const vmi = testInstance('u1', domain)
  const disks = vmi.spec.domain.devices.disks ?? []
  const cards = vmi.spec.domain.devices.interfaces ?? []
  return {
    vmi,
    host: tcg,
    volumes: new Map(disks.map(({ name }, index) => [name, volume(`vol${index}`)])),
    nics: new Map(
      cards.map(({ name }, index) => [
        name,
        { mac: `52:54:00:00:00:0${index}`, ifname: `tap${index}`, offloads: true, mtu: 1442 },
      ]),
    ),
    paths,
    places: placeDevices(readPlaces(), vmi.spec),
    now: new Date('2026-01-02T03:04:05Z'),
    ...more,
  }
}

/** The value after an option, for its only or first use. */
function option(args: string[], name: string): string | undefined {
  const at = args.indexOf(`-${name}`)
  return at < 0 ? undefined : args[at + 1]
}

type Device = Record<string, unknown> & { driver: string; id?: string }

function devices(args: string[]): Device[] {
  return args.flatMap((arg, index) => (args[index - 1] === '-device' ? [JSON.parse(arg) as Device] : []))
}

function blockdevs(args: string[]): Record<string, unknown>[] {
  return args.flatMap((arg, index) =>
    args[index - 1] === '-blockdev' ? [JSON.parse(arg) as Record<string, unknown>] : [],
  )
}

function device(args: string[], id: string): Device {
  const found = devices(args).find((one) => one.id === id)
  if (!found) throw new Error(`no device ${id}`)
  return found
}

/** The fields that are refused. */
function refused(domain: Partial<Domain>, more: Partial<QemuInput> = {}): string[] {
  try {
    qemuConfig(input(domain, more))
  } catch (error) {
    if (error instanceof UnsupportedSpecError) return error.errors.map(({ field }) => field)
    throw error
  }
  return []
}

describe('the command line of a guest', () => {
  it('has no default devices, a filter for system calls, and the guest stopped until its consoles are connected', () => {
    const { args } = qemuConfig(input())
    expect(args).toContain('-nodefaults')
    expect(args).toContain('-no-user-config')
    expect(args).toContain('-S')
    expect(option(args, 'sandbox')).toBe('on,obsolete=deny,elevateprivileges=deny,spawn=deny,resourcecontrol=deny')
    expect(args.join(' ')).not.toMatch(/tcp|websocket|0\.0\.0\.0/)
  })

  it('is the same for the same input', () => {
    expect(qemuConfig(input()).args).toEqual(qemuConfig(input()).args)
  })

  it('bounds the translator by the guest, and trusts the processor only when it was proven', () => {
    expect(option(qemuConfig(input({ memory: { guest: '64Mi' } })).args, 'accel')).toBe('tcg,thread=multi,tb-size=32')
    expect(option(qemuConfig(input({ memory: { guest: '512Mi' } })).args, 'accel')).toBe('tcg,thread=multi,tb-size=128')
    expect(option(qemuConfig(input({ memory: { guest: '8Gi' } })).args, 'accel')).toBe('tcg,thread=multi,tb-size=256')
    const accelerated = qemuConfig(input({}, { host: kvm })).args
    expect(option(accelerated, 'accel')).toBe('kvm')
    expect(option(accelerated, 'cpu')).toBe('host')
    expect(option(qemuConfig(input()).args, 'cpu')).toBe('max')
  })

  it('pins the version of q35, and keeps one that was pinned before', () => {
    expect(qemuConfig(input({ machine: { type: 'q35' } })).machineType).toBe('pc-q35-7.2')
    expect(qemuConfig(input({}, { machineType: 'pc-q35-6.2' })).machineType).toBe('pc-q35-6.2')
    expect(qemuConfig(input({ machine: { type: 'pc-q35-5.0' } })).machineType).toBe('pc-q35-5.0')
    expect(refused({ machine: { type: 'pc-i440fx-7.2' } })).toEqual(['spec.domain.machine.type'])
  })

  it('leaves each device where it was when another goes', () => {
    const disks = ['root', 'one', 'two'].map((name) => ({ name, disk: { bus: 'virtio' } }))
    const interfaces = ['default', 'lan'].map((name) => ({ name, masquerade: {} }))
    const { places } = input({ devices: { disks, interfaces } })
    const before = qemuConfig(input({ devices: { disks, interfaces } }, { places }))
    const fewer = { disks: [disks[0]!, disks[2]!], interfaces: [interfaces[1]!] }
    const after = qemuConfig(input({ devices: fewer }, { places }))
    for (const id of ['disk-root', 'disk-two', 'net-lan'])
      expect(device(after.args, id)['bus']).toBe(device(before.args, id)['bus'])
    expect(after.disks.map(({ target }) => target)).toEqual(['vda', 'vdb'])
  })

  it('gives processors and memory as asked, in whole MiB', () => {
    const config = qemuConfig(
      input({ cpu: { sockets: 2, cores: 3, threads: 2, maxSockets: 4 }, memory: { guest: '1000000k' } }),
    )
    expect(option(config.args, 'smp')).toBe('cpus=12,maxcpus=24,sockets=4,cores=3,threads=2')
    expect(option(config.args, 'm')).toBe('size=954M')
    expect(config).toMatchObject({ cpus: 12, guestBytes: 954 * 1024 * 1024 })
    // Code 96, processors 96, display 32, page tables 2 MiB; devices and translator as the input has them.
    expect(config.overheadBytes).toBeGreaterThanOrEqual(226 * 1024 * 1024)
  })

  it('sets the flags of the processor, and those for Windows only where they exist', () => {
    const domain: Partial<Domain> = {
      cpu: { model: 'Skylake-Server', features: [{ name: 'avx2' }, { name: 'vmx', policy: 'disable' }] },
      features: {
        hyperv: { relaxed: {}, spinlocks: { spinlocks: 8191 }, vapic: { enabled: false } },
        kvm: { hidden: true },
      },
    }
    expect(option(qemuConfig(input(domain)).args, 'cpu')).toBe('Skylake-Server,avx2=on,vmx=off')
    expect(option(qemuConfig(input(domain, { host: kvm })).args, 'cpu')).toBe(
      'Skylake-Server,avx2=on,vmx=off,kvm=off,hv-relaxed=on,hv-spinlocks=8191',
    )
    expect(refused({ cpu: { model: 'x,enforce' } })).toEqual(['spec.domain.cpu.model'])
  })

  it('adds to an enlightenment what QEMU refuses it without, each once', () => {
    const features = { hyperv: { synictimer: { direct: {} }, tlbflush: {}, vendorid: { vendorid: 'Thresher' } } }
    expect(option(qemuConfig(input({ features }, { host: kvm })).args, 'cpu')).toBe(
      'host,hv-vpindex=on,hv-time=on,hv-synic=on,hv-stimer=on,hv-tlbflush=on,hv-stimer-direct=on,hv-vendor-id=Thresher',
    )
    const bad = { hyperv: { vendorid: { vendorid: 'x,kvm=off' } } }
    expect(refused({ features: bad }, { host: kvm })).toEqual(['spec.domain.features.hyperv.vendorid.vendorid'])
  })

  it('names only flags that QEMU knows', () => {
    const on = { enabled: true }
    const names = [
      'evmcs',
      'frequencies',
      'ipi',
      'reenlightenment',
      'relaxed',
      'reset',
      'runtime',
      'spinlocks',
      'synic',
    ]
    const hyperv = {
      ...Object.fromEntries([...names, 'vapic', 'vpindex'].map((name) => [name, on])),
      synictimer: { direct: on },
      tlbflush: { direct: on, extended: on },
      vendorid: { vendorid: 'x' },
    }
    const features = { hyperv, apic: { enabled: false, endOfInterrupt: true }, pvspinlock: on, kvm: { hidden: true } }
    const clock = { timer: { kvm: { present: false }, hyperv: {} } }
    const cpu = option(qemuConfig(input({ features, clock }, { host: kvm })).args, 'cpu') ?? ''
    const passthrough = qemuConfig(input({ features: { hypervPassthrough: on } }, { host: kvm })).args
    const used = [cpu, option(passthrough, 'cpu') ?? ''].flatMap((value) => value.split(',').slice(1))
    expect(used.length).toBeGreaterThan(20)
    const help = execFileSync('qemu-system-x86_64', ['-machine', 'q35', '-device', 'max-x86_64-cpu,help'], {
      encoding: 'utf8',
    })
    for (const flag of used) expect(help).toContain(`  ${flag.split('=')[0]}=<`)
  })

  it('gives a machine an identity that follows from its name, unless it has one', () => {
    const { uuid } = qemuConfig(input())
    expect(uuid).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/)
    expect(qemuConfig(input({}, { now: new Date(0) })).uuid).toBe(uuid)
    const given = '5d307ca9-b3ef-428c-8861-06e72d69f223'
    expect(option(qemuConfig(input({ firmware: { uuid: given } })).args, 'uuid')).toBe(given)
  })

  it('keeps commas of names from starting another option', () => {
    const { args } = qemuConfig(input({ chassis: { manufacturer: 'Acme, Inc', serial: 'a,b' } }))
    expect(args).toContain('type=1,manufacturer=Acme,, Inc,product=Virtual Machine')
    expect(args).toContain('type=3,manufacturer=Acme,, Inc,serial=a,,b')
  })

  it('starts the hardware clock where the guest expects it', () => {
    const rtc = (clock: Domain['clock']) => option(qemuConfig(input({ clock })).args, 'rtc')
    expect(rtc(undefined)).toBe('base=utc')
    expect(rtc({ utc: { offsetSeconds: 3600 } })).toBe('base=2026-01-02T04:04:05')
    expect(rtc({ timezone: 'Europe/Berlin', timer: { rtc: { tickPolicy: 'catchup' } } })).toBe(
      'base=2026-01-02T04:04:05,driftfix=slew',
    )
    expect(refused({ clock: { timezone: 'Mars/Olympus' } })).toEqual(['spec.domain.clock.timezone'])
  })
})

describe('the firmware', () => {
  it('is the BIOS unless UEFI is asked for', () => {
    expect(qemuConfig(input()).nvramTemplate).toBeUndefined()
  })

  it('is UEFI with variables of its own', () => {
    const config = qemuConfig(input({ firmware: { bootloader: { efi: { secureBoot: false } } } }))
    expect(config.nvramTemplate).toBe('/usr/share/OVMF/OVMF_VARS_4M.fd')
    expect(blockdevs(config.args)).toContainEqual({
      driver: 'file',
      'node-name': 'flash0-file',
      filename: '/usr/share/OVMF/OVMF_CODE_4M.fd',
      'read-only': true,
    })
    expect(config.files).toContainEqual({ path: '/r/nvram.fd', access: 'write' })
    expect(config.args).not.toContain('driver=cfi.pflash01,property=secure,value=on')
  })

  it('guards the variables of secure boot by system management mode', () => {
    const { args, features } = qemuConfig(input({ firmware: { bootloader: { efi: { secureBoot: true } } } }))
    expect(option(args, 'machine')).toContain('smm=on')
    expect(args).toContain('driver=cfi.pflash01,property=secure,value=on')
    expect(features.secureBoot).toBe(true)
  })

  it('refuses UEFI where it is not installed', () => {
    const host = { ...tcg, ovmf: undefined }
    expect(refused({ firmware: { bootloader: { efi: {} } } }, { host })).toEqual([
      'spec.domain.firmware.bootloader.efi',
    ])
  })
})

describe('disks', () => {
  it('sit on the bus asked for, and boot in the order of the list', () => {
    const { args, disks } = qemuConfig(
      input({
        devices: {
          disks: [
            { name: 'a', disk: { bus: 'virtio' }, serial: 'S1' },
            { name: 'b', disk: { bus: 'sata' } },
            { name: 'c', disk: { bus: 'scsi' }, serial: 'pvc-longer-than-20-characters' },
            { name: 'd', disk: { bus: 'usb' } },
            { name: 'e', cdrom: { bus: 'sata' } },
          ],
        },
      }),
    )
    expect(device(args, 'disk-a')).toMatchObject({
      driver: 'virtio-blk-pci',
      drive: 'vol0',
      bus: 'diskport0',
      bootindex: 1,
      serial: 'S1',
    })
    expect(device(args, 'disk-b')).toMatchObject({ driver: 'ide-hd', bus: 'ide.0', bootindex: 2 })
    expect(device(args, 'disk-c')).toMatchObject({
      driver: 'scsi-hd',
      bus: 'scsi0.0',
      lun: 0,
      serial: 'pvc-longer-than-20-characters',
      device_id: 'pvc-longer-than-20-characters',
    })
    expect(device(args, 'disk-d')).toMatchObject({ driver: 'usb-storage', bus: 'usb0.0' })
    expect(device(args, 'disk-e')).toMatchObject({ driver: 'ide-cd', bus: 'ide.1', bootindex: 5 })
    expect(disks.map(({ target }) => target)).toEqual(['vda', 'sda', 'sdb', 'sdc', 'sr0'])
  })

  it('boot in the order asked for, the others not at all', () => {
    const { args } = qemuConfig(
      input({
        devices: {
          disks: [
            { name: 'a', disk: {} },
            { name: 'b', disk: {}, bootOrder: 2 },
          ],
          interfaces: [{ name: 'n', masquerade: {}, bootOrder: 1 }],
        },
      }),
    )
    expect(device(args, 'disk-a')['bootindex']).toBeUndefined()
    expect(device(args, 'disk-b')['bootindex']).toBe(2)
    expect(device(args, 'net-n')).toMatchObject({ bootindex: 1 })
  })

  it('never boot from a configuration disk, though it may be the first', () => {
    const given = input({
      devices: {
        disks: [
          { name: 'cloudinitdisk', disk: {} },
          { name: 'disk-0', disk: {} },
        ],
      },
    })
    const { args } = qemuConfig({
      ...given,
      volumes: new Map([
        ['cloudinitdisk', volume('seed0', true)],
        ['disk-0', volume('vol0')],
      ]),
    })
    expect(device(args, 'disk-cloudinitdisk')['bootindex']).toBeUndefined()
    expect(device(args, 'disk-disk-0')['bootindex']).toBe(1)
  })

  it('carry cache, I/O mode, error policy and block size', () => {
    const { args } = qemuConfig(
      input({
        devices: {
          disks: [
            {
              name: 'a',
              disk: {},
              cache: 'none',
              io: 'native',
              errorPolicy: 'enospace',
              shareable: true,
              blockSize: { custom: { logical: 4096, physical: 4096 } },
            },
          ],
        },
      }),
    )
    expect(blockdevs(args)[0]).toMatchObject({ aio: 'native', cache: { direct: true, 'no-flush': false } })
    expect(device(args, 'disk-a')).toMatchObject({
      werror: 'enospc',
      rerror: 'report',
      logical_block_size: 4096,
      'share-rw': true,
    })
  })

  it('are refused where they do not fit', () => {
    const many = Array.from({ length: 7 }, (_, index) => ({ name: `d${index}`, disk: { bus: 'sata' } }))
    expect(refused({ devices: { disks: many } })).toEqual(['spec.domain.devices.disks[6].disk.bus'])
    expect(refused({ devices: { disks: [{ name: 'a', lun: {} }] } })).toEqual(['spec.domain.devices.disks[0].lun'])
    expect(refused({ devices: { disks: [{ name: 'a', disk: {} }] } }, { volumes: new Map() })).toEqual([
      'spec.domain.devices.disks[0].name',
    ])
  })

  it('may be a drive without a disc', () => {
    const { args } = qemuConfig(
      input({ devices: { disks: [{ name: 'empty', cdrom: { bus: 'sata' } }] } }, { volumes: new Map() }),
    )
    expect(device(args, 'disk-empty')).toEqual({ driver: 'ide-cd', id: 'disk-empty', bus: 'ide.0' })
  })
})

describe('network cards', () => {
  const cards = (...interfaces: NonNullable<Domain['devices']['interfaces']>) => ({ devices: { interfaces } })

  it('are on the tap of their network, with its address and packet size', () => {
    const { args, nics } = qemuConfig(input(cards({ name: 'default', masquerade: {} })))
    expect(option(args, 'netdev')).toBe('tap,id=tap-default,ifname=tap0,script=no,downscript=no')
    expect(device(args, 'net-default')).toMatchObject({
      driver: 'virtio-net-pci',
      mac: '52:54:00:00:00:00',
      bus: 'nicport0',
      host_mtu: 1442,
      romfile: '',
    })
    expect(nics).toEqual([{ name: 'default', device: 'net-default', mac: '52:54:00:00:00:00', ifname: 'tap0' }])
  })

  it('do without offloads where the switch cannot take them', () => {
    const nics = new Map([['n', { mac: '52:54:00:00:00:01', ifname: 't', offloads: false, mtu: 1500 }]])
    expect(option(qemuConfig(input(cards({ name: 'n', bridge: {} }), { nics })).args, 'netdev')).toContain(
      'vnet_hdr=off',
    )
  })

  it('of conventional PCI sit beside the ports', () => {
    const { args } = qemuConfig(
      input(cards({ name: 'a', bridge: {}, model: 'e1000' }, { name: 'b', bridge: {}, model: 'e1000e' })),
    )
    expect(device(args, 'net-a')).toMatchObject({ driver: 'e1000', bus: 'pcie.0', addr: '0x10' })
    expect(device(args, 'net-b')).toMatchObject({ driver: 'e1000e', bus: 'nicport0' })
  })

  it('that are to be absent are not there', () => {
    const { args, nics } = qemuConfig(input(cards({ name: 'a', bridge: {}, state: 'absent' })))
    expect(nics).toEqual([])
    expect(args).not.toContain('-netdev')
  })

  it('are refused with bindings that need hardware', () => {
    expect(refused(cards({ name: 'a', sriov: {} }, { name: 'b', bridge: {}, model: 'igb' }))).toEqual([
      'spec.domain.devices.interfaces[0].sriov',
      'spec.domain.devices.interfaces[1].model',
    ])
  })
})

describe('addresses on the bus', () => {
  const addressOf = (args: string[], id: string) => {
    const { bus, addr } = device(args, id)
    return [bus, addr]
  }

  it('of all that is there stay when a disk or a card is added', () => {
    const one = qemuConfig(
      input({ devices: { disks: [{ name: 'a', disk: {} }], interfaces: [{ name: 'n', bridge: {} }] } }),
    ).args
    const two = qemuConfig(
      input({
        devices: {
          disks: [
            { name: 'a', disk: {} },
            { name: 'b', disk: {} },
          ],
          interfaces: [
            { name: 'n', bridge: {} },
            { name: 'm', bridge: {} },
          ],
        },
      }),
    ).args
    for (const { id } of devices(one)) if (id) expect(addressOf(two, id), id).toEqual(addressOf(one, id))
  })

  it('are used once', () => {
    const disks = Array.from({ length: 12 }, (_, index) => ({ name: `d${index}`, disk: {} }))
    const { args } = qemuConfig(
      input({
        devices: {
          disks: [...disks, { name: 's', disk: { bus: 'scsi' } }],
          inputs: [
            { name: 't', type: 'tablet', bus: 'usb' },
            { name: 'k', type: 'keyboard', bus: 'virtio' },
          ],
          watchdog: { name: 'w', i6300esb: { action: 'reset' } },
        },
      }),
    )
    const used = devices(args)
      .filter(({ bus }) => bus === 'pcie.0')
      .map(({ addr }) => String(addr).replace(/^(0x[0-9a-f]+)$/, '$1.0x0'))
    expect(new Set(used).size).toBe(used.length)
    const ids = devices(args).map(({ id }) => id)
    expect(new Set(ids).size).toBe(ids.length)
  })

  it('leave ports free for disks to come, unless that is not wanted', () => {
    const ports = (args: string[]) => devices(args).filter(({ id }) => id?.startsWith('diskport')).length
    expect(ports(qemuConfig(input()).args)).toBe(5)
    const without = input({ devices: { disks: [{ name: 'root', disk: {} }], disableHotplug: true } })
    expect(ports(qemuConfig(without).args)).toBe(1)
  })
})

describe('devices beside', () => {
  it('are a console, a display on a unix socket, the agent channel, entropy, a balloon, a tablet and a panic notifier', () => {
    const { args, features } = qemuConfig(input())
    expect(option(args, 'vnc')).toBe('unix:/r/vnc.sock,share=ignore')
    expect(devices(args).map(({ driver }) => driver)).toEqual(
      expect.arrayContaining([
        'VGA',
        'isa-serial',
        'virtserialport',
        'virtio-rng-pci',
        'virtio-balloon-pci',
        'virtio-tablet-pci',
        'pvpanic',
      ]),
    )
    expect(features).toMatchObject({ serial: true, graphics: true, balloon: true })
  })

  it('have their disks served by threads of their own, by one, or by a pool in turns', () => {
    const disks = ['a', 'b', 'c'].map((name) => ({ name, disk: { bus: 'virtio' } }))
    const own = [...disks, { name: 'd', disk: { bus: 'virtio' }, dedicatedIOThread: true }]
    const threads = (domain: Partial<Domain>): unknown[] =>
      devices(qemuConfig(input({ devices: { disks: own }, ...domain })).args).flatMap((one) =>
        one.driver === 'virtio-blk-pci' ? [one['iothread']] : [],
      )
    expect(threads({})).toEqual([undefined, undefined, undefined, 'iothread-d'])
    expect(threads({ ioThreadsPolicy: 'shared' })).toEqual(['iothread0', 'iothread0', 'iothread0', 'iothread-d'])
    // Two for the one processor, less the one that is set apart.
    expect(threads({ ioThreadsPolicy: 'auto' })).toEqual(['iothread0', 'iothread0', 'iothread0', 'iothread-d'])
    expect(threads({ ioThreadsPolicy: 'auto', cpu: { cores: 2 } }).slice(0, 3)).toEqual([
      'iothread0',
      'iothread1',
      'iothread2',
    ])
    const pool = { ioThreadsPolicy: 'supplementalPool', ioThreads: { supplementalPoolThreadCount: 2 } }
    expect(threads(pool)).toEqual(['iothread0', 'iothread1', 'iothread0', 'iothread-d'])
    const { args } = qemuConfig(input({ devices: { disks: own }, ...pool }))
    const declared = args.filter((arg) => arg.includes('"qom-type":"iothread"'))
    expect(declared).toHaveLength(3)
  })

  it('can be done without', () => {
    const { args, features } = qemuConfig(
      input({
        devices: {
          disks: [],
          autoattachGraphicsDevice: false,
          autoattachSerialConsole: false,
          autoattachMemBalloon: false,
        },
      }),
    )
    expect(option(args, 'display')).toBe('none')
    expect(features).toMatchObject({ serial: false, graphics: false, balloon: false })
    expect(devices(args).some(({ driver }) => driver.includes('tablet'))).toBe(false)
  })

  it('include a TPM on a connection of its own, where the host can emulate one', () => {
    const tpm = { devices: { disks: [], tpm: {} } }
    const { args } = qemuConfig(input(tpm))
    expect(args).toContain('socket,id=tpm0-control,path=/r/tpm.sock')
    expect(option(args, 'tpmdev')).toBe('emulator,id=tpm0-backend,chardev=tpm0-control')
    expect(device(args, 'tpm0')).toMatchObject({ driver: 'tpm-crb', tpmdev: 'tpm0-backend' })
    expect(refused(tpm, { host: { ...tcg, swtpm: false } })).toEqual(['spec.domain.devices.tpm'])
    expect(option(qemuConfig(input({ devices: { disks: [], tpm: { enabled: false } } })).args, 'tpmdev')).toBe(
      undefined,
    )
  })

  it('that this host cannot give are refused by field, all at once', () => {
    expect(
      refused({
        devices: {
          disks: [],
          gpus: [{ name: 'g' }],
          hostDevices: [{ name: 'h' }],
          filesystems: [{ name: 'f', virtiofs: {} }],
          sound: { name: 's', model: 'pcspk' },
          panicDevices: [{ model: 's390' }],
        },
        ioThreadsPolicy: 'many',
        clock: { timer: { rtc: { track: 'moon' } } },
        launchSecurity: { sev: {} },
        cpu: { dedicatedCpuPlacement: true },
      }).toSorted(),
    ).toEqual([
      'spec.domain.clock.timer.rtc.track',
      'spec.domain.cpu.dedicatedCpuPlacement',
      'spec.domain.devices.filesystems',
      'spec.domain.devices.gpus',
      'spec.domain.devices.hostDevices',
      'spec.domain.devices.panicDevices[0].model',
      'spec.domain.devices.sound.model',
      'spec.domain.ioThreadsPolicy',
      'spec.domain.launchSecurity',
    ])
  })
})
