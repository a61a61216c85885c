import { chmodSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { PersistentVolume } from '@thresher/api/core/persistent-volume'
import { Event } from '@thresher/api/core/event'
import { ApiError } from '@thresher/api/error'
import { PersistentVolumeClaim } from '@thresher/api/core/persistent-volume-claim'
import { Pod } from '@thresher/api/core/pod'
import { VirtualMachine } from '@thresher/api/kubevirt/virtual-machine'
import { VirtualMachineInstance } from '@thresher/api/kubevirt/virtual-machine-instance'
import { networkAnnotation } from '@thresher/api/pod-network'
import { Client } from '@thresher/client/client'
import { EventRecorder } from '@thresher/client/events'
import { Informers } from '@thresher/client/informers'
import { MemoryTransport } from '@thresher/client/testing'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { isGuestUid } from '../guest-uids.ts'
import type { NicRequest } from '../network/network-driver.ts'
import type { ComputeHost } from './host.ts'
import { Pods } from '../pods.ts'
import { Runs } from './runs.ts'
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
  readonly runs: Runs
  readonly pods: Pods

  constructor() {
    const { signal } = this.#stop
    const informers = new Informers(client, signal)
    const events = new EventRecorder(client, 'test')
    this.runs = new Runs({
      host,
      client,
      informers,
      events,
      node: 'n1',
      hostIP: '192.0.2.1',
      signal,
      onWatchError: () => {},
    })
    this.pods = new Pods({
      client,
      events,
      node: 'n1',
      runtimes: [this.runs],
      signal,
      log: host.log,
      onWatchError: () => {},
    })
    agents.push(this)
    this.started = this.runs.adopt().then(async () => {
      const synced = this.pods.run()
      await informers.start()
      await synced
    })
  }

  readonly started: Promise<void>

  die(): void {
    this.#stop.abort(new Error('killed'))
    this.runs.release()
  }
}

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'runs-'))
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
    for (const run of agent.runs.list()) {
      const { process } = run.view()
      if (process) signalProcess(process, 'SIGKILL')
      await run.settled()
    }
  }
  rmSync(folder, { recursive: true, force: true })
  expect(api.bareWords).toEqual([])
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

async function untilPodPhase(phase: string): Promise<void> {
  for (let tries = 0; (await pods().get('virt-launcher-guest', 'default')).status?.phase !== phase; tries++) {
    if (tries > 600) throw new Error(`the pod is not ${phase}; log: ${logs.join(' | ')}`)
    await delay(25)
  }
}

/** The command line of a process, empty when it is gone. */
function readProcess(pid: string): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8')
  } catch {
    return ''
  }
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

describe('the runs of a host', () => {
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
    const plugged: NicRequest[] = []
    host.network.plug = (request) => {
      plugged.push(request)
      return Promise.reject(new Error('no tap here'))
    }
    const nic = { name: 'default', port: 'default/guest/default', mac: '52:54:00:00:00:01', ip: '10.52.0.2' }
    await pods().patch('virt-launcher-guest', 'default', {
      metadata: { annotations: { [networkAnnotation]: JSON.stringify([nic]) } },
    })
    const failed = await untilPhase('Failed')
    expect(plugged).toMatchObject([{ port: nic.port, mac: nic.mac, address: nic.ip }])
    expect(isGuestUid(host.guestUids, plugged[0]!.owner)).toBe(true)
    expect(failed.status?.conditions?.find(({ type }) => type === 'Ready')?.message).toBe('no tap here')
  })

  it('refuse what cannot be carried out with the field in the status', async () => {
    await new Agent().started
    await createRun((vmi) => {
      vmi.spec.domain.devices.gpus = [{ name: 'g' }]
    })
    const { status } = await untilPhase('Failed')
    expect(status?.conditions?.find(({ type }) => type === 'Ready')?.message).toContain('spec.domain.devices.gpus')
  })

  it('refuse a card that nothing connects, in a condition and an event, and do not wait for it', async () => {
    await new Agent().started
    await createRun((vmi) => {
      vmi.spec.domain.devices.interfaces = [{ name: 'lan', bridge: {} }]
      vmi.spec.networks = [{ name: 'lan', resourceClaim: { claimName: 'c' } }]
    })
    const { status } = await untilPhase('Failed')
    const message = expect.stringMatching(/^spec\.networks\[0\]\.resourceClaim: the interface lan cannot be connected/)
    expect(status?.reason).toBe('UnsupportedSpec')
    expect(status?.conditions).toContainEqual(
      expect.objectContaining({ type: 'Ready', status: 'False', reason: 'UnsupportedSpec', message }),
    )
    await vi.waitFor(async () => {
      const { items } = await client.resource<Event>(Event).list({ namespace: 'default' })
      expect(items).toContainEqual(expect.objectContaining({ type: 'Warning', reason: 'UnsupportedSpec', message }))
    })
  })

  it('give the lasting TPM and UEFI variables of a machine to no instance but its own', async () => {
    const machine = await client.resource<VirtualMachine>(VirtualMachine).create({
      metadata: { name: 'guest', namespace: 'others' },
      spec: { runStrategy: 'Halted', template: { spec: testInstance('').spec } },
    })
    await new Agent().started
    await createRun((vmi) => {
      // As somebody in another namespace would write it.
      const { uid = '' } = machine.metadata
      vmi.metadata.ownerReferences = [
        { apiVersion: 'kubevirt.io/v1', kind: 'VirtualMachine', name: 'guest', uid, controller: true },
      ]
      vmi.spec.domain.devices.tpm = { persistent: true }
    })
    const refused = await untilPhase('Failed')
    expect(refused.status?.reason).toBe('ForeignOwner')
    expect(host.tpms.owners()).toEqual([])
    expect(await qemus()).toEqual([])
  })

  it('give them to no instance of the same name in another namespace, either', async () => {
    const uid = 'aaaaaaaa-1111-4222-8333-444455556666'
    host.tpms.open({ namespace: 'others', name: 'guest', uid }, { uid: 0, gid: 0 })
    await client.resource<VirtualMachine>(VirtualMachine).create({
      metadata: { name: 'guest', namespace: 'default' },
      spec: { runStrategy: 'Halted', template: { spec: testInstance('').spec } },
    })
    await new Agent().started
    await createRun((vmi) => {
      vmi.metadata.ownerReferences = [
        { apiVersion: 'kubevirt.io/v1', kind: 'VirtualMachine', name: 'guest', uid, controller: true },
      ]
      vmi.spec.domain.devices.tpm = { persistent: true }
    })
    expect((await untilPhase('Failed')).status?.reason).toBe('ForeignOwner')
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
      expect(second.runs.list().length).toBe(1)
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

describe('a guest whose agent restarts', () => {
  /** A second agent beside a guest that the first left running. */
  async function restart(
    change: (uid: string) => void,
  ): Promise<{ uid: string; agent: Agent; pid: string | undefined }> {
    const first = new Agent()
    await first.started
    const { metadata } = await createRun()
    await untilPhase('Running')
    await delay(300)
    const [pid] = await qemus()
    first.die()
    const uid = metadata.uid ?? ''
    change(uid)
    const agent = new Agent()
    await agent.started
    return { uid, agent, pid }
  }
  const conditionOf = async (type: string) =>
    (await instances().get('guest', 'default')).status?.conditions?.find((one) => one.type === type)
  async function untilCondition(type: string, there = true): Promise<{ message?: string } | undefined> {
    for (let tries = 0; tries < 600; tries++) {
      const found = await conditionOf(type)
      if ((found !== undefined) === there) return found
      await delay(25)
    }
    throw new Error(`the condition ${type} did not ${there ? 'come' : 'go'}`)
  }

  it('is kept when its state cannot be read, with a condition, and goes when it is deleted', async () => {
    const { agent, pid } = await restart((uid) => {
      const file = join(folder, 'run', uid, 'state.json')
      writeFileSync(file, readFileSync(file, 'utf8').replace(/"version":\d+/, '"version":99'))
    })
    expect((await untilCondition('RunStateReadable'))?.message).toContain('newer agent')
    expect(agent.runs.problems()).toEqual({ hung: [], unreadable: ['default/guest'] })
    expect(await qemus()).toEqual([pid])
    await instances().delete('guest', 'default')
    expect((await untilPhase('Succeeded')).status?.reason).toBe('GuestShutdown')
    expect(await qemus()).toEqual([])
    await vi.waitUntil(() => readdirSync(join(folder, 'run')).length === 0, 10_000)
  })

  it('is kept when its folder is gone: hung with a remedy, and no second is started', async () => {
    const { agent, pid } = await restart((uid) => rmSync(join(folder, 'run', uid), { recursive: true }))
    expect((await untilCondition('QemuResponsive'))?.message).toContain('restart guest')
    expect(agent.runs.problems().hung).toEqual(['default/guest'])
    expect((await instances().get('guest', 'default')).status?.phase).toBe('Running')
    expect(await qemus()).toEqual([pid])
  })

  it('is hung while its QEMU stands still, and as before when it goes on', async () => {
    const stopped = await restart(() => {
      for (const pid of readdirSync('/proc').filter((entry) => /^\d+$/.test(entry))) {
        const line = readProcess(pid)
        if (line.startsWith('qemu-system') && line.includes(`${folder}/`)) process.kill(Number(pid), 'SIGSTOP')
      }
    })
    await untilCondition('QemuResponsive')
    process.kill(Number(stopped.pid), 'SIGCONT')
    await untilCondition('QemuResponsive', false)
    expect((await conditionOf('Ready'))?.status).toBe('True')
    expect(await qemus()).toEqual([stopped.pid])
  })

  it('is not stopped because its VMI may not be read, only because it is not there', async () => {
    await new Agent().started
    await createRun()
    await untilPhase('Running')
    const [pid] = await qemus()
    let forbidden = 0
    api.interfere = ({ method, path }) => {
      if (method !== 'GET' || !path.endsWith('/virtualmachineinstances/other')) return
      forbidden++
      throw new ApiError('Forbidden', 'not for you')
    }
    await pods().patch('virt-launcher-guest', 'default', { metadata: { labels: { 'vm.kubevirt.io/name': 'other' } } })
    while (forbidden === 0) await delay(10)
    await delay(300)
    expect(await qemus()).toEqual([pid])
    api.interfere = undefined
    await pods().patch('virt-launcher-guest', 'default', { metadata: { labels: { again: 'x' } } })
    await untilPodPhase('Succeeded')
  })
})

it('a pod that is not a virtual machine waits, and says why', async () => {
  await new Agent().started
  await pods().create({
    metadata: { name: 'web', namespace: 'default' },
    spec: { nodeName: 'n1', containers: [{ name: 'web', image: 'nginx' }] },
  } as unknown as Pod)
  for (let tries = 0; ; tries++) {
    const { status } = await pods().get('web', 'default')
    const ready = status?.conditions?.find(({ type }) => type === 'Ready')
    if (ready) {
      expect(status?.phase).toBe('Pending')
      expect(ready).toMatchObject({
        status: 'False',
        reason: 'NoRuntime',
        message: expect.stringContaining('containers'),
      })
      break
    }
    if (tries > 200) throw new Error('nothing was said of the pod')
    await delay(25)
  }
})
