import { createReadStream, existsSync, readFileSync, statSync } from 'node:fs'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join, resolve } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { VirtualMachineImage } from '@thresher/api/harvester/virtual-machine-image'
import { VirtualMachine } from '@thresher/api/kubevirt/virtual-machine'
import { VirtualMachineInstance } from '@thresher/api/kubevirt/virtual-machine-instance'
import type { TypedKind } from '@thresher/api/kind'
import type { KubeObject } from '@thresher/api/meta'
import { machineManifest, type MachineOptions } from '@thresher/api/kubevirt/machine-manifest'
import { waitUntil } from '@thresher/cli/vm/wait'
import { Client } from '@thresher/client/client'
import { httpsTransport } from '@thresher/client/node/https-transport'
import { loadKubeconfig } from '@thresher/client/node/kubeconfig'
import { LabHost } from '@thresher/lab/lab-host'
import { execute, type Outcome } from '@thresher/lab/run'
import { inject } from 'vitest'

const app = resolve(import.meta.dirname, '../..')

/** The running product, as the tests use it. */
export class Product {
  readonly info = inject('product')
  readonly host = LabHost.attach(this.info.number, app, this.info.dataDir)
  readonly client = new Client(httpsTransport(loadKubeconfig(this.info.kubeconfig)))

  kubectl(args: string[], options: { input?: string } = {}): Promise<Outcome> {
    return this.host.kubectl(args, options)
  }

  /** Wait for an object to be as `done` wants it; `undefined` stands for an object that is not there. */
  async until<O extends KubeObject>(
    kind: TypedKind<O>,
    name: string,
    done: (object: O | undefined) => boolean,
    timeoutMs = 60_000,
  ): Promise<O> {
    return (await waitUntil(this.client, kind, { namespace: 'default', name }, done, {
      timeoutMs,
      what: `${kind.kind} ${name}`,
      signal: new AbortController().signal,
    }))!
  }

  /** The guest image as a VirtualMachineImage, imported once. */
  async image(): Promise<{ name: string; storageClass: string }> {
    const images = this.client.resource(VirtualMachineImage)
    const list = await images.list({ namespace: 'default', fieldSelector: 'metadata.name=guest' })
    if (list.items.length === 0) {
      await using files = await serveFrom(this.info.outside, this.info.guestImage)
      await images.create({
        metadata: { name: 'guest', namespace: 'default' },
        spec: { displayName: 'guest', sourceType: 'download', url: files.url },
      } as never)
      await this.until(VirtualMachineImage, 'guest', (image) => imported(image))
    }
    const image = await images.get('guest', 'default')
    return { name: 'default/guest', storageClass: image.status!.storageClassName! }
  }

  /** A small machine from the guest image; the tests' own key may log in. @param graceSeconds how long its guest may take to shut down */
  async createMachine(name: string, options: Partial<MachineOptions> = {}, graceSeconds?: number): Promise<void> {
    const manifest = machineManifest({
      name,
      namespace: 'default',
      cpus: 1,
      memory: '192Mi',
      image: await this.image(),
      disk: '1Gi',
      keys: [{ name: 'e2e', publicKey: await this.publicKey() }],
      runStrategy: 'RerunOnFailure',
      efi: false,
      ...options,
    })
    const { spec } = manifest.spec.template
    const template = { ...manifest.spec.template, spec: { ...spec, terminationGracePeriodSeconds: graceSeconds } }
    await this.client.resource(VirtualMachine).create({
      ...manifest,
      spec: { ...manifest.spec, template: graceSeconds ? template : manifest.spec.template },
    } as never)
  }

  /** Wait until a machine runs. */
  running(name: string): Promise<VirtualMachineInstance> {
    return this.until(VirtualMachineInstance, name, (one) => one?.status?.phase === 'Running')
  }

  /** Delete a machine with its volumes and wait for its end. */
  async deleteMachine(name: string): Promise<void> {
    await this.host.thresher(['vm', 'delete', name, '--wait'])
  }

  get identity(): string {
    return join(this.info.dataDir, 'e2e_ed25519')
  }

  async publicKey(): Promise<string> {
    await execute('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', this.identity], { input: 'n\n' })
    return readFileSync(`${this.identity}.pub`, 'utf8').trim()
  }

  /** Run a command in a guest, trying until its SSH server is up. */
  async inGuest(name: string, command: string[], timeoutMs = 120_000): Promise<string> {
    let last: Outcome | undefined
    const deadline = Date.now() + timeoutMs
    while (Date.now() < deadline) {
      last = await this.host.thresher(['vm', 'ssh', name, '-i', this.identity, '--', ...command], { timeoutMs: 20_000 })
      if (last.code === 0) return last.stdout.trim()
      await sleep(200)
    }
    throw new Error(`ssh ${name}: ${last?.stderr}\nIts console:\n${await this.consoleOf(name)}`)
  }

  /** The last words on a machine's serial console, from the file that the agent keeps. */
  async consoleOf(name: string): Promise<string> {
    const instance = await this.client.resource(VirtualMachineInstance).get(name, 'default')
    const file = join(this.info.dataDir, 'agent/console', `${instance.metadata.uid}.log`)
    return existsSync(file) ? readFileSync(file, 'utf8').split('\n').slice(-20).join('\n') : '(nothing yet)'
  }

  /** The QEMU processes of this installation, by their command lines. */
  async qemuProcesses(): Promise<{ pid: number; command: string }[]> {
    const { stdout } = await execute('pgrep', ['-af', `qemu-system.*${this.info.runDir}/`])
    return stdout
      .split('\n')
      .filter((line) => line.includes('qemu-system') && !line.includes('pgrep'))
      .map((line) => ({ pid: Number(line.split(' ')[0]), command: line }))
  }

  /** The pid that the server's or the agent's pid file names. */
  pidOf(program: 'server' | 'agent'): number {
    return Number(readFileSync(join(this.info.runDir, `${program}.pid`), 'utf8').split(' ')[0])
  }
}

/** Whether an image is imported. */
export const imported = (image: VirtualMachineImage | undefined): boolean =>
  image?.status?.conditions?.some((one) => one.type === 'Imported' && one.status === 'True') ?? false

/** Ask again until an answer satisfies, for what has no watch. */
export async function eventually<T>(
  ask: () => Promise<T> | T,
  satisfied: (answer: T) => boolean,
  timeoutMs = 30_000,
): Promise<T> {
  const deadline = Date.now() + timeoutMs
  for (;;) {
    const answer = await ask()
    if (satisfied(answer)) return answer
    if (Date.now() > deadline) throw new Error(`still ${JSON.stringify(answer)} after ${timeoutMs / 1000} s`)
    await sleep(50)
  }
}

/** A file over HTTP on one of this machine's addresses. */
async function serveFrom(address: string, path: string): Promise<AsyncDisposable & { url: string }> {
  const server: Server = createServer((_request, response) => {
    response.writeHead(200, { 'content-length': statSync(path).size })
    createReadStream(path).pipe(response)
  })
  await new Promise<void>((done) => server.listen(0, address, done))
  return {
    url: `http://${address}:${(server.address() as AddressInfo).port}/image.qcow2`,
    [Symbol.asyncDispose]: () => new Promise((done) => void (server.closeAllConnections(), server.close(() => done()))),
  }
}
