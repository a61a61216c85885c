import { chmodSync, mkdirSync, mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { PersistentVolume } from '@thresher/api/core/persistent-volume'
import { PersistentVolumeClaim } from '@thresher/api/core/persistent-volume-claim'
import { Pod } from '@thresher/api/core/pod'
import { VirtualMachineInstance } from '@thresher/api/kubevirt/virtual-machine-instance'
import { networkAnnotation } from '@thresher/api/pod-network'
import { Client } from '@thresher/client/client'
import { EventRecorder } from '@thresher/client/events'
import { Informers } from '@thresher/client/informers'
import { MemoryTransport } from '@thresher/client/testing'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { ComputeHost } from './host.ts'
import { Machines } from './machines.ts'
import { signalProcess } from './process-identity.ts'
import { testHost, testInstance, writeTestGuest } from './testing.ts'

let folder: string
let host: ComputeHost
let logs: string[]
let api: MemoryTransport
let client: Client
let agents: Agent[]

/** An agent on the in-memory API; `die` leaves everything as kill -9 does. */
class Agent {
  readonly #stop = new AbortController()
  readonly machines: Machines

  constructor() {
    const { signal } = this.#stop
    const informers = new Informers(client, signal)
    this.machines = new Machines({
      host,
      client,
      informers,
      events: new EventRecorder(client, 'test'),
      node: 'n1',
      hostIP: '192.0.2.1',
      signal,
      onWatchError: () => {},
    })
    agents.push(this)
    this.started = this.machines.adopt().then(async () => {
      const synced = this.machines.run()
      await informers.start()
      await synced
    })
  }

  readonly started: Promise<void>

  die(): void {
    this.#stop.abort(new Error('killed'))
    this.machines.release()
  }
}

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'machines-'))
  chmodSync(folder, 0o755)
  mkdirSync(join(folder, 'run'))
  logs = []
  host = testHost(folder, logs)
  api = new MemoryTransport()
  client = new Client(api)
  agents = []
  writeTestGuest(join(folder, 'root.img'))
  chmodSync(join(folder, 'root.img'), 0o666)
  await createClaim()
})

afterEach(async () => {
  for (const agent of agents) {
    agent.die()
    for (const machine of agent.machines.list()) {
      const { process } = machine.view()
      if (process) signalProcess(process, 'SIGKILL')
      await machine.settled()
    }
  }
  rmSync(folder, { recursive: true, force: true })
})

const instances = () => client.resource<VirtualMachineInstance>(VirtualMachineInstance)
const pods = () => client.resource<Pod>(Pod)

async function createClaim(): Promise<void> {
  const claim = await client.resource<PersistentVolumeClaim>(PersistentVolumeClaim).create({
    metadata: { name: 'root', namespace: 'default' },
    spec: { accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '1Mi' } } },
  } as PersistentVolumeClaim)
  await client.resource<PersistentVolume>(PersistentVolume).create({
    metadata: { name: `pvc-${claim.metadata.uid}` },
    spec: {
      capacity: { storage: '1Mi' },
      claimRef: { namespace: 'default', name: 'root', uid: claim.metadata.uid },
      csi: { driver: 'local.thresher.io', volumeHandle: join(folder, 'root.img') },
    },
  } as PersistentVolume)
}

/** A VMI and its pod, bound to this node, as the controllers leave them. */
async function createRun(change: (vmi: VirtualMachineInstance) => void = () => {}): Promise<VirtualMachineInstance> {
  const { metadata, ...rest } = testInstance('')
  const given = { ...rest, metadata: { ...metadata, uid: undefined, finalizers: ['held'] } } as VirtualMachineInstance
  change(given)
  const vmi = await instances().create(given)
  await pods().create({
    metadata: {
      name: 'virt-launcher-guest',
      namespace: 'default',
      finalizers: ['held'],
      labels: {
        'kubevirt.io': 'virt-launcher',
        'vm.kubevirt.io/name': 'guest',
        'kubevirt.io/created-by': vmi.metadata.uid ?? '',
      },
    },
    spec: {
      nodeName: 'n1',
      containers: [{ name: 'compute', image: 'x' }],
      volumes: [{ name: 'v', persistentVolumeClaim: { claimName: 'root' } }],
    },
  } as unknown as Pod)
  return vmi
}

async function untilPhase(phase: string): Promise<VirtualMachineInstance> {
  for (let tries = 0; tries < 600; tries++) {
    const vmi = await instances().get('guest', 'default')
    const pod = await pods().get('virt-launcher-guest', 'default')
    if (vmi.status?.phase === phase && pod.status?.phase === phase) return vmi
    await delay(25)
  }
  throw new Error(`phase ${phase} was not reached; log: ${logs.join(' | ')}`)
}

/** Processes of QEMU below this test's folder. */
async function qemus(): Promise<string[]> {
  const { readFile } = await import('node:fs/promises')
  const found: string[] = []
  for (const pid of readdirSync('/proc').filter((entry) => /^\d+$/.test(entry))) {
    const line = await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '')
    if (line.startsWith('qemu-system') && line.includes(`${folder}/`)) found.push(pid)
  }
  return found
}

describe('the machines of a host', () => {
  it('run what is bound to it, tell its status, and stop it when it is deleted', async () => {
    await new Agent().started
    await createRun()
    const vmi = await untilPhase('Running')
    expect(vmi.status).toMatchObject({
      nodeName: 'n1',
      machine: { type: 'pc-q35-7.2' },
      volumeStatus: [{ name: 'root', target: 'vda', size: 1024 * 1024 }],
    })
    const pod = await pods().get('virt-launcher-guest', 'default')
    expect(pod.status).toMatchObject({ hostIP: '192.0.2.1', containerStatuses: [{ ready: true }] })
    await delay(400)
    await instances().delete('guest', 'default')
    const gone = await untilPhase('Succeeded')
    expect(gone.status?.reason).toBe('GuestShutdown')
    expect(await qemus()).toEqual([])
    expect(readdirSync(join(folder, 'run'))).toEqual([])
  })

  it('wait for what is missing and begin when it comes', async () => {
    await new Agent().started
    await createRun((vmi) => {
      vmi.spec.domain.devices.interfaces = [{ name: 'default', masquerade: {} }]
    })
    await delay(200)
    expect(await qemus()).toEqual([])
    const plugged: unknown[] = []
    host.network.plug = (request) => {
      plugged.push(request)
      return Promise.reject(new Error('no tap here'))
    }
    const nic = { name: 'default', port: 'default/guest/default', mac: '52:54:00:00:00:01', ip: '10.52.0.2' }
    await pods().patch('virt-launcher-guest', 'default', {
      metadata: { annotations: { [networkAnnotation]: JSON.stringify([nic]) } },
    })
    const failed = await untilPhase('Failed')
    expect(plugged).toMatchObject([{ port: nic.port, mac: nic.mac, address: nic.ip, owner: host.user.uid }])
    expect(failed.status?.conditions?.find(({ type }) => type === 'Ready')?.message).toBe('no tap here')
  })

  it('refuse what cannot be carried out with the field in the status', async () => {
    await new Agent().started
    await createRun((vmi) => {
      vmi.spec.domain.devices.tpm = {}
    })
    const { status } = await untilPhase('Failed')
    expect(status?.conditions?.find(({ type }) => type === 'Ready')?.message).toContain('spec.domain.devices.tpm')
  })

  it('stop a guest whose pod was taken away by force', async () => {
    await new Agent().started
    await createRun()
    await untilPhase('Running')
    await pods().patch('virt-launcher-guest', 'default', { metadata: { finalizers: null } })
    await pods().delete('virt-launcher-guest', 'default')
    for (let tries = 0; (await qemus()).length > 0; tries++) {
      if (tries > 200) throw new Error('QEMU still runs')
      await delay(25)
    }
  })
})

describe('an agent that is killed', () => {
  for (const afterMs of [0, 5, 20, 40, 60, 90, 130, 200, 400])
    it(`${afterMs} ms into a start leaves one QEMU to the next`, async () => {
      await createRun()
      const first = new Agent()
      await first.started
      await delay(afterMs)
      first.die()
      await delay(150)
      const second = new Agent()
      await second.started
      await untilPhase('Running')
      expect((await qemus()).length).toBe(1)
      expect(second.machines.list().length).toBe(1)
    })

  it('learns of a deletion that happened meanwhile', async () => {
    const first = new Agent()
    await first.started
    await createRun()
    await untilPhase('Running')
    await delay(300)
    first.die()
    await instances().delete('guest', 'default')
    await new Agent().started
    expect((await untilPhase('Succeeded')).status?.reason).toBe('GuestShutdown')
    expect(await qemus()).toEqual([])
  })
})
