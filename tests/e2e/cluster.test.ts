import { readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { Node } from '@thresher/api/core/node'
import { VirtualMachineImage } from '@thresher/api/harvester/virtual-machine-image'
import { machineManifest } from '@thresher/api/kubevirt/machine-manifest'
import { VirtualMachine } from '@thresher/api/kubevirt/virtual-machine'
import { VirtualMachineInstance } from '@thresher/api/kubevirt/virtual-machine-instance'
import { waitUntil } from '@thresher/cli/vm/wait'
import { Client } from '@thresher/client/client'
import { httpsTransport } from '@thresher/client/node/https-transport'
import { loadKubeconfig } from '@thresher/client/node/kubeconfig'
import { HostInUseError } from '@thresher/lab/host-claim'
import { LabCluster } from '@thresher/lab/lab-cluster'
import { execute } from '@thresher/lab/run'
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest'
import { eventually } from './product.ts'

const app = resolve(import.meta.dirname, '../..')

/** Hosts that no other run of the tests on this machine uses. */
async function freeCluster(count: number): Promise<LabCluster> {
  for (let number = 1 + ((process.pid + 100) % 200); ; number = (number % 200) + 1) {
    try {
      return await LabCluster.create(number, app, count)
    } catch (error) {
      if (!(error instanceof HostInUseError)) throw error
    }
  }
}

describe('two hosts', () => {
  let cluster: LabCluster
  let client: Client
  let identity: string

  beforeAll(async () => {
    cluster = await freeCluster(2)
    client = new Client(httpsTransport(loadKubeconfig(cluster.first.kubeconfig)))
    identity = join(cluster.first.dataDir, 'e2e_ed25519')
    await execute('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', identity])
    const done = await cluster.first.thresher(['image', 'import', 'guest', inject('product').guestImage])
    if (done.code !== 0) throw new Error(done.stderr)
    for (const [at, name] of ['one', 'two'].entries()) await startMachine(name, cluster.hosts[at]!.name)
  })
  afterAll(async () => {
    await client?.transport.close()
    await cluster?.[Symbol.asyncDispose]()
  })

  /** A machine on this host, from the one image that a host of the cluster has imported. */
  async function startMachine(name: string, host: string): Promise<void> {
    const image = await client.resource<VirtualMachineImage>(VirtualMachineImage).get('guest', 'default')
    const manifest = machineManifest({
      name,
      namespace: 'default',
      cpus: 1,
      memory: '192Mi',
      image: { name: 'default/guest', storageClass: image.status?.storageClassName ?? '' },
      disk: '1Gi',
      keys: [{ name: 'e2e', publicKey: readFileSync(`${identity}.pub`, 'utf8').trim() }],
      runStrategy: 'RerunOnFailure',
      efi: false,
    })
    const machine = manifest as VirtualMachine
    const nodeSelector = { 'kubernetes.io/hostname': host }
    const template = { ...machine.spec.template, spec: { ...machine.spec.template.spec, nodeSelector } }
    await client.resource<VirtualMachine>(VirtualMachine).create({ ...machine, spec: { ...machine.spec, template } })
  }

  const running = (name: string) =>
    waitUntil(
      client,
      VirtualMachineInstance,
      { namespace: 'default', name },
      (one) => one?.status?.phase === 'Running' && one.status.interfaces?.[0]?.ipAddress !== undefined,
      { timeoutMs: 120_000, what: name, signal: new AbortController().signal },
    )

  it('are one cluster, the first of which manages it', async () => {
    const shown = await cluster.first.thresher(['cluster', 'status', '-o', 'json'])
    const { servers, nodes, problems } = JSON.parse(shown.stdout) as {
      servers: string[]
      nodes: { name: string; status: string; roles: string[] }[]
      problems: string[]
    }
    const [first, second] = cluster.hosts.map(({ name }) => name)
    expect({ servers, problems }).toEqual({ servers: [first], problems: [] })
    expect(nodes).toMatchObject([
      { name: first, status: 'Ready', roles: ['control-plane'] },
      { name: second, status: 'Ready', roles: [] },
    ])
    const status = await cluster.hosts[1]!.thresher(['status'])
    expect(status.stdout).toContain(`https://${cluster.first.address}:6443`)
    expect(status.stdout).not.toContain('Start it with')
  })

  it('run guests of one image, which reach each other on the management network, by address and by name', async () => {
    const [one, two] = await Promise.all([running('one'), running('two')])
    expect([one, two].map((each) => each?.status?.nodeName)).toEqual(cluster.hosts.map(({ name }) => name))
    const address = two?.status?.interfaces?.[0]?.ipAddress ?? ''
    const host = cluster.hosts.find(({ name }) => name === one?.status?.nodeName)!
    const quietly = ['-o', 'StrictHostKeyChecking=no', '-o', 'UserKnownHostsFile=/dev/null', '-o', 'BatchMode=yes']
    const inOne = (...command: string[]) =>
      host.run(
        'ssh',
        ['-i', identity, ...quietly, `root@${one?.status?.interfaces?.[0]?.ipAddress}`, command.join(' ')],
        { timeoutMs: 20_000 },
      )
    for (const target of [address, 'two'])
      await eventually(
        () => inOne('ping', '-c', '3', '-W', '2', target),
        ({ stdout }) => stdout.includes('3 packets received'),
        60_000,
      )
    // The other host's guest by the API, since its address is within reach of its own host alone.
    const far = one?.status?.nodeName === cluster.first.name ? 'two' : 'one'
    const said = await cluster.first.thresher(['vm', 'ssh', far, '-i', identity, '--', 'hostname'], {
      timeoutMs: 30_000,
    })
    expect({ said: said.stdout.trim(), stderr: said.stderr }).toEqual({ said: far, stderr: '' })
    // A stream as well: its sums are right on the way through the tunnel.
    await eventually(
      () => inOne('nc', '-w', '3', address, '22', '</dev/null', '|', 'head', '-c', '4'),
      ({ stdout }) => stdout.includes('SSH-'),
    )
  })

  it('forget one whose power failed once its node is deleted, so that its place in the network is free', async () => {
    const second = cluster.hosts[1]!
    const chassis = async () => {
      const database = `unix:${join(cluster.first.runDir, 'network', 'sb.sock')}`
      return (await execute('ovn-sbctl', [`--db=${database}`, '--bare', '--columns=name', 'list', 'Chassis'])).stdout
    }
    expect(await chassis()).toContain(second.name)
    await second.cutPower()
    await client.resource<Node>(Node).delete(second.name)
    await eventually(chassis, (names) => !names.includes(second.name) && names.includes(cluster.first.name))
  })
})
