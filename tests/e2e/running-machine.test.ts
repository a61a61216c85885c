import { PersistentVolumeClaim } from '@thresher/api/core/persistent-volume-claim'
import { Secret } from '@thresher/api/core/secret'
import { VirtualMachine } from '@thresher/api/kubevirt/virtual-machine'
import { VirtualMachineInstance } from '@thresher/api/kubevirt/virtual-machine-instance'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { eventually, Product } from './product.ts'

const product = new Product()
const name = 'plugged'
/** As guest clusters name theirs: 40 characters. */
const long = 'pvc-0f5c8d3a-1111-4222-8333-444455556666'
const operation = (subresource: string) =>
  `/apis/subresources.kubevirt.io/v1/namespaces/default/virtualmachines/${name}/${subresource}`

const put = (subresource: string, body: unknown) =>
  product.client.transport.request({ method: 'PUT', path: operation(subresource), body })

async function claim(claimName: string): Promise<void> {
  await product.client.resource(PersistentVolumeClaim).create({
    metadata: { name: claimName, namespace: 'default' },
    spec: { accessModes: ['ReadWriteOnce'], volumeMode: 'Block', resources: { requests: { storage: '32Mi' } } },
  } as never)
}

/** Wait until a volume of the machine is ready, and give its status. */
async function ready(volume: string) {
  const of = (instance?: VirtualMachineInstance) => instance?.status?.volumeStatus?.find((one) => one.name === volume)
  return of(
    await product.until(VirtualMachineInstance, name, (one) => of(one)?.phase === 'Ready' && of(one)?.target !== ''),
  )
}

const gone = (volume: string) =>
  product.until(
    VirtualMachineInstance,
    name,
    (one) => one?.status?.volumeStatus?.some((status) => status.name === volume) === false,
  )

/** The SCSI disks in the guest: name, size in sectors and identifier. */
const inGuest = async (): Promise<string[]> =>
  (
    await product.inGuest(name, [
      'for d in /sys/block/sd*; do [ -e $d ] || continue; echo $(basename $d) $(cat $d/size) $(tail -c +9 $d/device/vpd_pg83 | strings | head -n1); done; true',
    ])
  )
    .split('\n')
    .filter((line) => line !== '')

describe('the devices and credentials of a running machine', () => {
  beforeAll(async () => {
    await Promise.all([claim(long), claim('second'), claim('third')])
    await product.createMachine(name)
    await product.running(name)
    await product.inGuest(name, ['/usr/lib/guest/modules later'])
  })
  afterAll(() => product.deleteMachine(name))

  it('come by a JSON patch of the machine, as guest clusters send it, and are found by the name of their claim', async () => {
    const machine = await product.client.resource(VirtualMachine).get(name, 'default')
    await product.client.resource(VirtualMachine).patch(
      name,
      'default',
      [
        { op: 'test', path: '/metadata/resourceVersion', value: machine.metadata.resourceVersion },
        {
          op: 'add',
          path: '/spec/template/spec/volumes/-',
          value: { name: long, persistentVolumeClaim: { claimName: long, hotpluggable: true } },
        },
        {
          op: 'add',
          path: '/spec/template/spec/domain/devices/disks/-',
          value: { name: long, disk: { bus: 'scsi' } },
        },
      ],
      'json',
    )
    expect(await ready(long)).toMatchObject({ target: 'sda', hotplugVolume: {}, size: 32 * 1024 * 1024 })
    expect(await eventually(inGuest, (disks) => disks.length === 1)).toEqual([`sda 65536 ${long}`])
    const claims = product.client.resource(PersistentVolumeClaim)
    expect((await claims.get(long, 'default')).status?.phase).toBe('Bound')
  })

  it('come by addvolume, one of three goes by removevolume, and the others keep their content and places', async () => {
    for (const volume of ['second', 'third'])
      await put('addvolume', {
        name: volume,
        disk: { disk: { bus: 'scsi' } },
        volumeSource: { persistentVolumeClaim: { claimName: volume } },
      })
    await Promise.all([ready('second'), ready('third')])
    await eventually(inGuest, (disks) => disks.length === 3)
    await product.inGuest(name, ['echo kept | dd of=/dev/sdc conv=fsync 2>/dev/null'])
    await put('removevolume', { name: long })
    await gone(long)
    expect(await eventually(inGuest, (disks) => disks.length === 2)).toEqual(['sdb 65536 second', 'sdc 65536 third'])
    expect(await product.inGuest(name, ['head -n1 /dev/sdc'])).toBe('kept')
    const machine = await product.client.resource(VirtualMachine).get(name, 'default')
    expect(machine.status?.conditions?.find(({ type }) => type === 'RestartRequired')).toBeUndefined()
  })

  it('that are removed set their claims free', async () => {
    await product.client.resource(PersistentVolumeClaim).delete(long, 'default')
    await product.until(PersistentVolumeClaim, long, (one) => one === undefined)
  })

  it('are attached again by an agent that was killed while it was asked to detach one', async () => {
    const agent = product.pidOf('agent')
    await put('removevolume', { name: 'second' })
    process.kill(agent, 'SIGKILL')
    await product.host.up()
    await gone('second')
    expect(await eventually(inGuest, (disks) => disks.length === 1)).toEqual(['sdc 65536 third'])
  })

  it('belong to a machine whose keys and passwords are given to the guest while it runs', async () => {
    const secrets = product.client.resource(Secret)
    const stringData = { mine: await product.publicKey(), other: 'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOther other' }
    await secrets.create({ metadata: { name: `${name}-keys`, namespace: 'default' }, stringData } as never)
    await secrets.create({
      metadata: { name: `${name}-passwords`, namespace: 'default' },
      stringData: { root: 'correct horse' },
    } as never)
    // The small guest has no such program; this one keeps what it is given.
    const program = "printf '#!/bin/sh\\ncat > /root/given\\n'"
    const at = await product.inGuest(name, ['dirname $(which dropbear)'])
    await product.inGuest(name, [`${program} > ${at}/chpasswd; chmod +x ${at}/chpasswd`])
    const source = (secretName: string) => ({ secret: { secretName } })
    const accessCredentials = [
      {
        sshPublicKey: { source: source(`${name}-keys`), propagationMethod: { qemuGuestAgent: { users: ['root'] } } },
      },
      { userPassword: { source: source(`${name}-passwords`), propagationMethod: { qemuGuestAgent: {} } } },
    ]
    await product.client
      .resource(VirtualMachine)
      .patch(name, 'default', { spec: { template: { spec: { accessCredentials } } } })
    const synchronized = (instance?: VirtualMachineInstance) =>
      instance?.status?.conditions?.find(({ type }) => type === 'AccessCredentialsSynchronized')
    const instance = await product.until(VirtualMachineInstance, name, (one) => synchronized(one) !== undefined)
    expect(synchronized(instance)?.message).toBeUndefined()
    expect(synchronized(instance)?.status).toBe('True')
    expect(await product.inGuest(name, ['cat /root/.ssh/authorized_keys'])).toContain('AAAAIOther other')
    expect(await product.inGuest(name, ['cat /root/given'])).toBe('root:correct horse')
  })

  it('are joined by a network card whose cable is pulled out, and which goes and comes again', async () => {
    const machines = product.client.resource(VirtualMachine)
    const set = async (state: string): Promise<void> => {
      const machine = await machines.get(name, 'default')
      for (const card of machine.spec.template.spec.domain.devices.interfaces ?? []) card.state = state
      await machines.update(machine)
    }
    const card = (instance?: VirtualMachineInstance) => instance?.status?.interfaces?.[0]
    const before = card(await product.client.resource(VirtualMachineInstance).get(name, 'default'))
    await set('down')
    await product.until(VirtualMachineInstance, name, (one) => card(one)?.linkState === 'down')
    await set('up')
    await product.until(VirtualMachineInstance, name, (one) => card(one)?.linkState === 'up')
    expect(await product.inGuest(name, ['cat /sys/class/net/eth0/carrier_down_count'])).not.toBe('0')
    await set('absent')
    await product.until(VirtualMachineInstance, name, (one) => one?.status?.interfaces?.length === 0)
    await set('up')
    const after = card(await product.until(VirtualMachineInstance, name, (one) => card(one) !== undefined))
    expect(after).toMatchObject({ mac: before?.mac, ipAddress: before?.ipAddress })
    const machine = await machines.get(name, 'default')
    expect(machine.status?.conditions?.find(({ type }) => type === 'RestartRequired')).toBeUndefined()
  })
})
