import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { PersistentVolumeClaim } from '@thresher/api/core/persistent-volume-claim'
import { Pod } from '@thresher/api/core/pod'
import { VirtualMachine } from '@thresher/api/kubevirt/virtual-machine'
import { VirtualMachineInstance } from '@thresher/api/kubevirt/virtual-machine-instance'
import { eventually, Product } from './product.ts'

const product = new Product()
const name = 'life'
const instances = product.client.resource(VirtualMachineInstance)

describe('a virtual machine', () => {
  beforeAll(() => product.createMachine(name))
  afterAll(() => product.deleteMachine(name))

  it('runs, with its address in the status before the guest says anything', async () => {
    const instance = await product.running(name)
    expect(instance.status?.interfaces?.[0]).toMatchObject({
      name: 'default',
      mac: expect.stringMatching(/^52:54:00:/),
    })
    expect(instance.status?.interfaces?.[0]?.ipAddress).toMatch(/^10\./)
    expect(instance.status?.nodeName).toBe(product.info.name)
    const machine = await product.until(VirtualMachine, name, (one) => one?.status?.ready === true)
    expect(machine.status?.printableStatus).toBe('Running')
  })

  it('has a launcher pod, a bound volume and one unprivileged QEMU process', async () => {
    const pods = await product.client
      .resource(Pod)
      .list({ namespace: 'default', labelSelector: `vm.kubevirt.io/name=${name}` })
    expect(pods.items.map((pod) => pod.status?.phase)).toEqual(['Running'])
    const claim = await product.client.resource(PersistentVolumeClaim).get(`${name}-disk-0`, 'default')
    expect(claim.status?.phase).toBe('Bound')
    const [qemu, ...others] = await product.qemuProcesses()
    expect(others).toEqual([])
    const status = (await product.host.run('cat', [`/proc/${qemu!.pid}/status`])).stdout
    expect(status).toMatch(/Seccomp:\s+2/)
    expect(status).toMatch(/CapEff:\s+0+\n/)
    expect(status).not.toMatch(/Uid:\s+0\s/)
  })

  it('lets the key of its cloud-init in by SSH and resolves and reaches the outside through the host', async () => {
    expect(await product.inGuest(name, ['hostname'])).toBe(name)
    const ping = await product.inGuest(name, ['ping', '-c', '1', '-W', '2', product.info.outside])
    expect(ping).toContain('1 packets received')
  })

  it('keeps its QEMU process when the agent is killed and started again', async () => {
    const [before] = await product.qemuProcesses()
    process.kill(product.pidOf('agent'), 'SIGKILL')
    await product.host.up()
    await eventually(
      async () => (await instances.get(name, 'default')).status?.phase,
      (phase) => phase === 'Running',
    )
    expect((await product.qemuProcesses()).map((one) => one.pid)).toEqual([before!.pid])
    expect(await product.inGuest(name, ['echo', 'still here'])).toBe('still here')
  })

  it('is measured: vm top shows what it uses, and so do the resource metrics and the scrape', async () => {
    const path = `/apis/metrics.thresher.io/v1/namespaces/default/virtualmachines/${name}`
    // A guest that is older than a minute when its agent starts is measured from then on: the first figure takes a step.
    await eventually(
      () => product.client.transport.request<{ rates?: object }>({ method: 'GET', path }).catch(() => undefined),
      (usage) => usage?.rates !== undefined,
      70_000,
    )
    const shown = (await product.host.thresher(['vm', 'top'])).stdout
    expect(shown).toMatch(new RegExp(`^default +${name} +\\d+% +1 +[\\d.]+ MiB`, 'm'))
    expect(shown).toContain(product.info.name)
    const get = <T>(at: string) => product.client.transport.request<T>({ method: 'GET', path: at })
    expect(await get('/apis/metrics.k8s.io/v1beta1/namespaces/default/pods')).toMatchObject({
      items: [{ containers: [{ name: 'compute' }] }],
    })
    const scrape = await get<string>('/metrics/resource')
    // It has read its disk and spoken on the network.
    for (const counter of ['storage_read_traffic', 'network_receive', 'network_transmit'])
      expect(
        Number(new RegExp(`^kubevirt_vmi_${counter}_bytes_total\\{.*"${name}"\\} (.+)$`, 'm').exec(scrape)?.[1]),
      ).toBeGreaterThan(1000)
  })

  it('runs on while the server is killed, and nothing is lost or started twice', async () => {
    const [before] = await product.qemuProcesses()
    const instance = await instances.get(name, 'default')
    process.kill(product.pidOf('server'), 'SIGKILL')
    await product.host.up()
    const after = await instances.get(name, 'default')
    expect(after.metadata.uid).toBe(instance.metadata.uid)
    expect((await product.qemuProcesses()).map((one) => one.pid)).toEqual([before!.pid])
    expect(await product.inGuest(name, ['echo', 'still here'])).toBe('still here')
  })

  it('keeps its address over a restart and gets a new instance', async () => {
    const before = await instances.get(name, 'default')
    const outcome = await product.host.thresher(['vm', 'restart', name])
    expect(outcome.stderr).toBe('')
    const after = await product.until(
      VirtualMachineInstance,
      name,
      (one) => one !== undefined && one.metadata.uid !== before.metadata.uid && one.status?.phase === 'Running',
      90_000,
    )
    expect(after.status?.interfaces?.[0]?.ipAddress).toBe(before.status?.interfaces?.[0]?.ipAddress)
  })

  it('is started again after its QEMU process dies', async () => {
    const before = await instances.get(name, 'default')
    const [qemu] = await product.qemuProcesses()
    process.kill(qemu!.pid, 'SIGKILL')
    await product.until(
      VirtualMachineInstance,
      name,
      (one) => one !== undefined && one.metadata.uid !== before.metadata.uid && one.status?.phase === 'Running',
      90_000,
    )
  })

  it('stays off after the guest powers itself off', async () => {
    // In the background, so that the answer still gets through.
    await product.inGuest(name, ['(sleep 1; poweroff) >/dev/null 2>&1 &'])
    await product.until(VirtualMachine, name, (one) => one?.status?.printableStatus === 'Stopped')
    expect(await product.qemuProcesses()).toEqual([])
  })

  it('starts on request, stops on request and gives everything back when it is deleted', async () => {
    expect((await product.host.thresher(['vm', 'start', name, '--wait'])).code).toBe(0)
    expect((await product.host.thresher(['vm', 'stop', name, '--force', '--wait'])).code).toBe(0)
    await product.deleteMachine(name)
    const claims = await eventually(
      () =>
        product.client
          .resource(PersistentVolumeClaim)
          .list({ namespace: 'default', fieldSelector: `metadata.name=${name}-disk-0` }),
      (list) => list.items.length === 0,
    )
    expect(claims.items).toEqual([])
    expect(await product.qemuProcesses()).toEqual([])
    await eventually(
      async () => (await product.host.run('ls', [`${product.info.runDir}/vms`])).stdout.trim(),
      (left) => left === '',
    )
  })
})
