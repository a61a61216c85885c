import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { ConfigMap } from '@thresher/api/core/config-map'
import { Secret } from '@thresher/api/core/secret'
import { machineManifest } from '@thresher/api/kubevirt/machine-manifest'
import type { VirtualMachineInstanceSpec } from '@thresher/api/kubevirt/virtual-machine-instance-spec'
import { VirtualMachine } from '@thresher/api/kubevirt/virtual-machine'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { Product } from './product.ts'

const product = new Product()
const name = 'gear'
const marker = 'the-secret-that-nobody-else-sees'
const read = (...files: string[]): Promise<string> => product.inGuest(name, ['cat', ...files])

/** One machine with as much of what a machine can be made of as fits. */
function equip(spec: VirtualMachineInstanceSpec): void {
  const { domain } = spec
  domain.cpu = { sockets: 1, cores: 2, threads: 1, model: 'host-model' }
  domain.resources = { limits: { cpu: '2', memory: '256Mi' } }
  domain.chassis = { manufacturer: 'Somebody, Inc.', asset: 'A-17', serial: 'C-4' }
  domain.firmware = { serial: 'S-99' }
  domain.ioThreadsPolicy = 'auto'
  domain.clock = { utc: {}, timer: { rtc: { tickPolicy: 'catchup' }, hpet: { present: false } } }
  Object.assign(domain.devices, {
    watchdog: { name: 'dog', i6300esb: { action: 'reset' } },
    rng: {},
    sound: { name: 'ears', model: 'ich9' },
    panicDevices: [{ model: 'pvpanic' }],
    inputs: [{ name: 'keys', type: 'keyboard', bus: 'virtio' }],
    blockMultiQueue: true,
  })
  domain.devices.disks?.push(
    {
      name: 'scratch',
      disk: { bus: 'virtio' },
      serial: 'SCRATCH1',
      blockSize: { custom: { logical: 4096, physical: 4096 } },
    },
    { name: 'tray', cdrom: { bus: 'sata' } },
    { name: 'settings', disk: { bus: 'scsi', readonly: true }, serial: 'SETTINGS' },
    { name: 'keys', disk: { bus: 'scsi', readonly: true }, serial: 'KEYS' },
    { name: 'self', disk: { bus: 'scsi', readonly: true }, serial: 'SELF' },
    { name: 'answers', cdrom: { bus: 'scsi' } },
  )
  spec.volumes?.push(
    { name: 'scratch', emptyDisk: { capacity: '64Mi' } },
    { name: 'settings', configMap: { name: 'gear-settings', volumeLabel: 'settings' } },
    { name: 'keys', secret: { secretName: 'gear-keys' } },
    {
      name: 'self',
      downwardAPI: { fields: [{ path: 'who', fieldRef: { fieldPath: 'metadata.name', apiVersion: 'v1' } }] },
    },
    { name: 'answers', sysprep: { configMap: { name: 'gear-answers' } } },
  )
}

/** What is in a file of the disk with a serial number, by the way a user finds it. */
async function fileOn(serial: string, file: string): Promise<string> {
  const script = [
    `for d in /sys/block/sd*; do`,
    `n=/dev/\${d##*/}; v=$(cat $d/device/vpd_pg80 2>/dev/null | tr -dc A-Z);`,
    `[ "$v" = ${serial} ] && mount -t iso9660 -o ro $n /mnt && cat /mnt/${file}; umount /mnt 2>/dev/null;`,
    `done; true`,
  ].join(' ')
  return product.inGuest(name, ['sh', '-c', `'${script}'`])
}

describe('a machine of many parts', () => {
  beforeAll(async () => {
    const { client } = product
    const metadata = (of: string) => ({ name: of, namespace: 'default' })
    await client.resource(ConfigMap).create({ metadata: metadata('gear-settings'), data: { mode: 'quiet' } })
    await client.resource(ConfigMap).create({
      metadata: metadata('gear-answers'),
      data: { 'Autounattend.xml': '<unattend/>' },
    })
    await client.resource(Secret).create({ metadata: metadata('gear-keys'), stringData: { token: marker } })
    const manifest = machineManifest({
      name,
      namespace: 'default',
      cpus: 2,
      memory: '256Mi',
      image: await product.image(),
      disk: '1Gi',
      keys: [{ name: 'e2e', publicKey: await product.publicKey() }],
      runStrategy: 'RerunOnFailure',
      efi: false,
    }) as unknown as VirtualMachine
    equip(manifest.spec.template.spec)
    await client.resource(VirtualMachine).create(manifest)
    await product.running(name)
  })
  afterAll(() => product.deleteMachine(name))

  it('finds its processors, its memory and who made it', async () => {
    expect(await product.inGuest(name, ['nproc'])).toBe('2')
    const dmi = '/sys/class/dmi/id/'
    const told = await read(...['chassis_vendor', 'chassis_asset_tag', 'product_serial'].map((file) => dmi + file))
    expect(told.split('\n')).toEqual(['Somebody, Inc.', 'A-17', 'S-99'])
    const [machine, kilobytes] = await Promise.all([
      product.client.resource(VirtualMachine).get(name, 'default'),
      read('/proc/meminfo').then((text) => Number(/MemTotal: +(\d+)/.exec(text)?.[1])),
    ])
    expect(machine.spec.template.spec.domain.memory?.guest).toBe('256Mi')
    expect(machine.spec.template.spec.domain.resources?.requests).toEqual({ cpu: '125m', memory: '170Mi' })
    expect(kilobytes).toBeGreaterThan(160 * 1024)
  })

  it('finds its small devices on the bus', async () => {
    const classes = await product.inGuest(name, ['cat', '/sys/bus/pci/devices/*/class'])
    // Sound, watchdog (a system peripheral), the SCSI controller, and random numbers' source.
    for (const one of ['0x0403', '0x0880', '0x0100', '0x00ff']) expect(classes).toContain(one)
    expect(await read('/sys/class/misc/hw_random/rng_current')).toContain('virtio_rng')
  })

  it('finds its disks by serial number, with their block sizes, and cannot write what is read-only', async () => {
    expect(await product.inGuest(name, ['grep', '-l', 'SCRATCH1', '/sys/block/vd*/serial'])).toMatch(/vd[a-z]/)
    const sizes = await product.inGuest(name, ['cat', '/sys/block/vd*/queue/logical_block_size'])
    expect(sizes.split('\n')).toContain('4096')
    const readOnly = await product.inGuest(name, ['cat', '/sys/block/sd*/ro'])
    expect(readOnly.split('\n')).toEqual(['1', '1', '1'])
  })

  it('reads its ConfigMap, its Secret and what it is from disks', async () => {
    expect(await fileOn('SETTINGS', 'mode')).toBe('quiet')
    expect(await fileOn('KEYS', 'token')).toBe(marker)
    expect(await fileOn('SELF', 'who')).toBe(name)
    expect(await product.inGuest(name, ['mount -o ro -t iso9660 /dev/sr0 /mnt && ls /mnt && umount /mnt'])).toMatch(
      /autounattend\.xml/i,
    )
  })

  it('is seen by nobody else: no secret is in its objects, its processes or its logs', async () => {
    const objects = await product.kubectl(['get', 'vm,vmi,pod,events', '-o', 'yaml'])
    expect(objects.stdout).toContain('gear-keys')
    const encoded = Buffer.from(marker).toString('base64')
    const command = (await product.qemuProcesses()).map((one) => one.command).join('\n')
    const log = readFileSync(join(product.info.dataDir, 'log', 'agent.log'), 'utf8')
    for (const text of [objects.stdout, command, log]) {
      expect(text).not.toContain(marker)
      expect(text).not.toContain(encoded)
    }
  })

  it('is explained in plain words', async () => {
    const { stdout } = await product.host.thresher(['vm', 'explain', name])
    expect(stdout).toMatch(/^gear is Running on /)
  })
})
