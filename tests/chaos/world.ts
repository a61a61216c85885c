import { readdirSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { namesOf } from '@thresher/agent/network/names'
import { Node } from '@thresher/api/core/node'
import { VirtualMachineInstance } from '@thresher/api/kubevirt/virtual-machine-instance'
import { execute } from '@thresher/lab/run'
import { Product } from '../e2e/product.ts'
import { Ledger } from './ledger.ts'
import { Watcher } from './watcher.ts'

/** A machine as the test wants it. */
export interface Machine {
  name: string
  wanted: 'running' | 'stopped'
  /** Whether something in this round may end its QEMU. */
  touched: boolean
  /** The process that ran its guest when the round began. */
  pid?: number | undefined
}

/** How long everything may take to be as it should be after a fault. Far more than it takes: only a standstill fails. */
const calmMs = 120_000

/** The product under test, all that was done to it, and what must be true of it. */
export class World {
  readonly product = new Product()
  readonly ledger: Ledger
  readonly watcher: Watcher
  readonly machines = new Map<string, Machine>()
  readonly namespace = 'default'
  readonly names = namesOf('thr0')

  constructor() {
    this.ledger = new Ledger(join(this.product.info.dataDir, '..', `chaos-ledger-${process.pid}.log`))
    this.watcher = new Watcher(this.product.client, this.namespace)
  }

  async close(): Promise<void> {
    await this.watcher.close()
    this.ledger.close()
  }

  /** A machine that is to run. */
  async addMachine(name: string): Promise<void> {
    this.machines.set(name, { name, wanted: 'running', touched: true })
    await this.create(name)
  }

  /** Small, as all disks together must fit where they are promised; and quick to go, as a round waits for that. */
  create(name: string): Promise<void> {
    return this.product.createMachine(name, { disk: '256Mi' }, 3)
  }

  get running(): Machine[] {
    return [...this.machines.values()].filter(({ wanted }) => wanted === 'running')
  }

  /** Before a round: what each machine's process is now. */
  async remember(): Promise<void> {
    const processes = await this.qemus()
    for (const machine of this.machines.values()) {
      machine.touched = false
      machine.pid = processes.get(machine.name)
    }
  }

  /** The QEMU of each machine. */
  async qemus(): Promise<Map<string, number>> {
    const found = await this.product.qemuProcesses()
    return new Map(
      found.flatMap(({ pid, command }) => {
        const name = /guest=default\/([^,]+),/.exec(command)?.[1]
        return name === undefined ? [] : [[name, pid] as const]
      }),
    )
  }

  /** Run a program on the host, in its network. @throws {Error} with its words */
  async onHost(program: string, ...args: string[]): Promise<string> {
    const { code, stdout, stderr } = await this.product.host.run(program, args)
    if (code !== 0) throw new Error(`${program} ${args.join(' ')}: ${stderr.trim()}`)
    return stdout
  }

  /** The pid of one of the network's engines. */
  engine(name: string): number {
    return Number(readFileSync(join(this.product.info.runDir, 'network', `${name}.pid`), 'utf8'))
  }

  /** Run a command in a guest, once. @throws {Error} when it did not end well */
  async inGuest(name: string, command: string, timeoutMs = 15_000): Promise<string> {
    const { identity, info } = this.product
    const instance = await this.product.client.resource(VirtualMachineInstance).get(name, this.namespace)
    const address = instance.status?.interfaces?.[0]?.ipAddress
    if (!address) throw new Error(`${name} has no address`)
    const options = ['BatchMode=yes', 'ConnectTimeout=3', 'StrictHostKeyChecking=no', 'LogLevel=ERROR']
    const hosts = join(info.dataDir, `known-hosts-${instance.metadata.uid}`)
    const flags = [...options, `UserKnownHostsFile=${hosts}`, 'IdentitiesOnly=yes'].flatMap((one) => ['-o', one])
    const args = [...flags, '-i', identity, `root@${address}`, '--', command]
    const { code, stdout, stderr } = await this.product.host.run('ssh', args, { timeoutMs })
    if (code !== 0) throw new Error(`in ${name}: ${stderr.trim()}`)
    return stdout.trim()
  }

  /** The folders of runs on the host. */
  runFolders(): string[] {
    return readdirSync(join(this.product.info.runDir, 'vms'))
  }

  /** The taps on the host, and the taps on its switch. */
  async taps(): Promise<{ links: string[]; ports: string[] }> {
    const isTap = (name: string): boolean => name.startsWith(this.names.tapPrefix)
    const links = JSON.parse(await this.onHost('ip', '-json', 'link')) as { ifname: string }[]
    const database = `unix:${join(this.product.info.runDir, 'network/db.sock')}`
    const ports = await execute('ovs-vsctl', ['--no-wait', `--db=${database}`, 'list-ports', this.names.bridge])
    return {
      links: links.map(({ ifname }) => ifname).filter(isTap),
      ports: ports.stdout.split('\n').filter(isTap),
    }
  }

  /** Wait until everything is as it is wanted. @throws {Error} with what is not, when nothing gets on any more */
  async calm(): Promise<void> {
    const started = performance.now()
    let why = 'nothing was looked at'
    while (performance.now() - started < calmMs) {
      try {
        const waits = await this.#waits()
        if (waits === undefined) return
        why = waits
      } catch (error) {
        why = (error as Error).message
      }
      await new Promise((resolve) => setTimeout(resolve, 100))
    }
    throw new Error(`not calm after ${calmMs / 1000} s: ${why}`)
  }

  /** What is not yet as it should be. */
  async #waits(): Promise<string | undefined> {
    const { client, info } = this.product
    for (const program of ['server', 'agent'] as const) {
      const pid = this.product.pidOf(program)
      const ready =
        program === 'agent' ? join(info.runDir, 'agent.ready') : join(info.dataDir, 'server/bootstrap/ready')
      if (Number(readFileSync(ready, 'utf8')) !== pid) return `the ${program} is not ready`
      statSync(`/proc/${pid}`)
    }
    const node = await client.resource(Node).get(info.name)
    const ready = node.status?.conditions?.find(({ type }) => type === 'Ready')
    if (ready?.status !== 'True') return `the node is not ready: ${ready?.message}`
    const processes = await this.qemus()
    const { items } = await client.resource(VirtualMachineInstance).list({ namespace: this.namespace })
    for (const { name, wanted } of this.machines.values()) {
      const instance = items.find(({ metadata }) => metadata.name === name)
      if (wanted === 'stopped' && (instance || processes.has(name))) return `${name} is still there`
      if (wanted === 'running' && (instance?.status?.phase !== 'Running' || !processes.has(name)))
        return `${name} is ${instance?.status?.phase ?? 'not there'}`
      if (wanted === 'running') await this.inGuest(name, 'true')
    }
    const other = items.find(({ metadata }) => !this.machines.has(metadata.name ?? ''))
    if (other) return `${other.metadata.name} is still there`
    const folders = this.runFolders().length
    return folders === this.running.length ? undefined : `${folders} run folders for ${this.running.length} guests`
  }

  /** Delete a machine with its disks, and forget it. @throws {Error} when it could not be asked for */
  async removeMachine(name: string): Promise<void> {
    const { code, stderr } = await this.product.host.thresher(['vm', 'delete', name])
    if (code !== 0 && !stderr.includes('not found')) throw new Error(stderr)
    this.machines.delete(name)
  }
}
