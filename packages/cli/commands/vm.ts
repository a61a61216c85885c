import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { KeyPair } from '@thresher/api/harvester/key-pair'
import { removedClaimsAnnotation } from '@thresher/api/kubevirt/claim-templates'
import { VirtualMachine } from '@thresher/api/kubevirt/virtual-machine'
import { VirtualMachineInstance } from '@thresher/api/kubevirt/virtual-machine-instance'
import { VirtualMachineImage } from '@thresher/api/harvester/virtual-machine-image'
import { isReason } from '@thresher/api/error'
import type { Client } from '@thresher/client/client'
import type { Command, Context, OptionValues } from '../command.ts'
import { columns, duration } from '../output/columns.ts'
import { UserError } from '../user-error.ts'
import { attachConsole } from '../vm/console.ts'
import { machineManifest } from '@thresher/api/kubevirt/machine-manifest'
import { runningProcesses } from '../host/installation.ts'
import { readSettings } from '../host/settings.ts'
import { proxyCommand } from '../vm/guest-port.ts'
import { interactive, knownHostsFile } from '../vm/ssh.ts'
import { addressOf, runningInstance, waitUntil } from '../vm/wait.ts'

const namespaceOption = { flags: '-n, --namespace <namespace>', description: 'the namespace', default: 'default' }
const nameArgument = { name: 'name', description: 'the virtual machine' }
const text = (options: OptionValues, name: string) => options[name] as string

/** `thresher vm list`. */
export const vmList: Command = {
  path: ['vm', 'list'],
  summary: 'List virtual machines',
  options: [{ flags: '-n, --namespace <namespace>', description: 'only this namespace' }],
  async run(context, _args, options) {
    const client = await context.client()
    const namespace = options['namespace'] as string | undefined
    const machines = await client.resource(VirtualMachine).list({ namespace })
    const instances = await client.resource(VirtualMachineInstance).list({ namespace })
    const byName = new Map(instances.items.map((one) => [`${one.metadata.namespace}/${one.metadata.name}`, one]))
    const rows = machines.items.map((machine) => {
      const instance = byName.get(`${machine.metadata.namespace}/${machine.metadata.name}`)
      const age = (Date.now() - Date.parse(machine.metadata.creationTimestamp ?? '')) / 1000
      return [
        machine.metadata.namespace ?? '',
        machine.metadata.name ?? '',
        machine.status?.printableStatus ?? 'Unknown',
        (instance && addressOf(instance)) ?? '-',
        instance?.status?.nodeName ?? '-',
        duration(age),
      ]
    })
    console.log(
      rows.length === 0
        ? 'No virtual machines. Make one with: thresher vm create NAME --image IMAGE'
        : columns(['NAMESPACE', 'NAME', 'STATUS', 'ADDRESS', 'NODE', 'AGE'], rows),
    )
  },
}

async function imageFor(client: Client, reference: string, namespace: string) {
  const [first, second] = reference.split('/')
  const place = second === undefined ? { namespace, name: first! } : { namespace: first!, name: second }
  const image = await client.resource(VirtualMachineImage).get(place.name, place.namespace)
  const storageClass = image.status?.storageClassName
  if (!storageClass)
    throw new UserError(`image ${place.namespace}/${place.name} is not ready yet; see: thresher image list`)
  return { name: `${place.namespace}/${place.name}`, storageClass }
}

async function keysFor(client: Client, names: string | undefined, namespace: string) {
  const wanted = (names ?? '').split(',').filter((name) => name !== '')
  return Promise.all(
    wanted.map(async (name) => ({
      name,
      publicKey: (await client.resource(KeyPair).get(name, namespace)).spec.publicKey,
    })),
  )
}

/** `thresher vm create`. */
export const vmCreate: Command = {
  path: ['vm', 'create'],
  summary: 'Create a virtual machine',
  arguments: [nameArgument],
  options: [
    namespaceOption,
    { flags: '--image <image>', description: 'the image to start from, as NAME or NAMESPACE/NAME' },
    { flags: '--cpus <count>', description: 'virtual CPUs', default: '1' },
    { flags: '--memory <size>', description: 'memory, such as 512Mi', default: '1Gi' },
    { flags: '--disk <size>', description: 'size of the root disk', default: '10Gi' },
    { flags: '--ssh-key <names>', description: 'KeyPairs whose keys may log in, separated by commas' },
    { flags: '--user-data <file>', description: 'cloud-init user data' },
    { flags: '--network-data <file>', description: 'cloud-init network data' },
    {
      flags: '--run-strategy <strategy>',
      description: 'when it runs',
      default: 'RerunOnFailure',
      choices: ['Always', 'RerunOnFailure', 'Manual', 'Halted'],
    },
    { flags: '--efi', description: 'boot by UEFI instead of BIOS' },
    { flags: '--wait', description: 'return once it runs' },
  ],
  examples: ['thresher vm create web --image debian --memory 2Gi --ssh-key me --wait'],
  async run(context, [name], options) {
    const client = await context.client()
    const namespace = text(options, 'namespace')
    const file = (option: string) =>
      options[option] === undefined ? {} : { [option]: readFileSync(text(options, option), 'utf8') }
    const manifest = machineManifest({
      name: name!,
      namespace,
      cpus: Number(options['cpus']),
      memory: text(options, 'memory'),
      ...(options['image'] === undefined ? {} : { image: await imageFor(client, text(options, 'image'), namespace) }),
      disk: text(options, 'disk'),
      keys: await keysFor(client, options['sshKey'] as string | undefined, namespace),
      ...file('userData'),
      ...file('networkData'),
      runStrategy: text(options, 'runStrategy'),
      efi: options['efi'] === true,
    })
    await client.resource(VirtualMachine).create(manifest as never)
    console.log(`virtual machine ${namespace}/${name} created`)
    if (options['wait'] === true) await waitRunning(context, client, namespace, name!)
  },
}

async function waitRunning(context: Context, client: Client, namespace: string, name: string): Promise<void> {
  const instance = await waitUntil(
    client,
    VirtualMachineInstance,
    { namespace, name },
    (one) => one?.status?.phase === 'Running',
    {
      timeoutMs: 300_000,
      what: `virtual machine ${namespace}/${name} running`,
      signal: context.signal,
    },
  )
  console.log(
    `virtual machine ${namespace}/${name} runs, address ${(instance && addressOf(instance)) ?? 'not known yet'}`,
  )
}

/** start and stop differ in a word. */
function request(operation: 'start' | 'stop' | 'restart', summary: string): Command {
  return {
    path: ['vm', operation],
    summary,
    arguments: [nameArgument],
    options: [
      namespaceOption,
      { flags: '--wait', description: 'return once it is done' },
      ...(operation === 'stop' ? [{ flags: '--force', description: 'do not wait for the guest to shut down' }] : []),
    ],
    async run(context, [name], options) {
      const client = await context.client()
      const namespace = text(options, 'namespace')
      await client.transport.request({
        method: 'PUT',
        path: `/apis/subresources.kubevirt.io/v1/namespaces/${encodeURIComponent(namespace)}/virtualmachines/${encodeURIComponent(name!)}/${operation}`,
        body: options['force'] === true ? { gracePeriod: 0 } : {},
      })
      console.log(`virtual machine ${namespace}/${name}: ${operation} requested`)
      if (options['wait'] !== true) return
      if (operation !== 'stop') return waitRunning(context, client, namespace, name!)
      await waitUntil(client, VirtualMachineInstance, { namespace, name: name! }, (one) => one === undefined, {
        timeoutMs: 300_000,
        what: `the end of virtual machine ${namespace}/${name}`,
        signal: context.signal,
      })
      console.log(`virtual machine ${namespace}/${name} is stopped`)
    },
  }
}
export const vmStart = request('start', 'Start a virtual machine')
export const vmStop = request('stop', 'Shut a virtual machine down')
export const vmRestart = request('restart', 'Restart a virtual machine')

/** `thresher vm delete`. */
export const vmDelete: Command = {
  path: ['vm', 'delete'],
  summary: 'Delete a virtual machine and its volumes',
  arguments: [nameArgument],
  options: [
    namespaceOption,
    { flags: '--keep-volumes', description: 'keep the volumes' },
    { flags: '--wait', description: 'return once it is gone' },
  ],
  async run(context, [name], options) {
    const client = await context.client()
    const namespace = text(options, 'namespace')
    const machines = client.resource(VirtualMachine)
    const machine = await machines.get(name!, namespace)
    if (options['keepVolumes'] !== true) {
      const claims =
        machine.spec.template?.spec?.volumes?.flatMap((volume) => volume.persistentVolumeClaim?.claimName ?? []) ?? []
      const annotations = { [removedClaimsAnnotation]: claims.join(',') }
      await machines.patch(name!, namespace, { metadata: { annotations } }, 'merge')
    }
    await machines.delete(name!, namespace, { propagationPolicy: 'Foreground' })
    console.log(`virtual machine ${namespace}/${name}: deletion requested`)
    if (options['wait'] === true) {
      await waitUntil(client, VirtualMachine, { namespace, name: name! }, (one) => one === undefined, {
        timeoutMs: 300_000,
        what: `the end of virtual machine ${namespace}/${name}`,
        signal: context.signal,
      })
    }
  },
}

/** `thresher vm console`. */
export const vmConsole: Command = {
  path: ['vm', 'console'],
  summary: 'Attach to the serial console (leave with Ctrl-])',
  arguments: [nameArgument],
  options: [namespaceOption],
  async run(context, [name], options) {
    const namespace = text(options, 'namespace')
    await runningInstance(await context.client(), namespace, name!)
    await attachConsole(context.connection(), namespace, name!, context.signal)
  },
}

/** Whether a guest's node is this host: only its own host reaches a guest's address. */
function isOnThisHost({ paths }: Context, node: string | undefined): boolean {
  return runningProcesses(paths).agent !== undefined && readSettings(paths).nodeName === node
}

/** This command line again, as the way to a guest's SSH server through the API. */
function portCommand(context: Context, namespace: string, name: string): string {
  const { app, dataDir, runDir } = context.paths
  const own = [process.execPath, '--disable-warning=ExperimentalWarning', join(app, 'packages/cli/main.ts')]
  const where = ['--data-dir', dataDir, '--run-dir', runDir, '--kubeconfig', context.kubeconfig()]
  return proxyCommand([...own, ...where, 'vm', 'port', name, '22', '--namespace', namespace])
}

/** `thresher vm ssh`. */
export const vmSsh: Command = {
  path: ['vm', 'ssh'],
  summary: 'Log into a virtual machine, or run one command in it',
  arguments: [
    nameArgument,
    { name: 'command', description: 'what to run instead of a shell', optional: true, variadic: true },
  ],
  options: [
    namespaceOption,
    { flags: '-l, --login <user>', description: 'the user in the guest', default: 'root' },
    { flags: '-i, --identity <file>', description: 'the private key' },
  ],
  examples: ['thresher vm ssh demo', 'thresher vm ssh demo -- uname -a'],
  async run(context, [name, ...command], options) {
    const client = await context.client()
    const namespace = text(options, 'namespace')
    const instance = await runningInstance(client, namespace, name!)
    const address = addressOf(instance)
    if (address === undefined)
      throw new UserError(`virtual machine ${namespace}/${name} has no address yet; try again in a moment.`)
    const isHere = isOnThisHost(context, instance.status?.nodeName)
    const identityFile = (options['identity'] as string | undefined) ?? demoIdentity(context, name!)
    process.exitCode = await interactive(
      {
        address,
        user: text(options, 'login'),
        ...(identityFile === undefined ? {} : { identityFile }),
        ...(isHere ? {} : { through: portCommand(context, namespace, name!) }),
        knownHosts: knownHostsFile(join(context.paths.dataDir, 'cli'), instance.metadata.uid ?? name!),
      },
      command,
    )
  },
}

/** The key that `thresher demo` made, for the machine that it made. */
function demoIdentity(context: Context, name: string): string | undefined {
  const file = join(context.paths.dataDir, 'cli', 'demo_ed25519')
  if (name !== 'demo') return undefined
  try {
    readFileSync(file)
    return file
  } catch {
    return undefined
  }
}

/** Whether an object exists. */
export async function exists(read: Promise<unknown>): Promise<boolean> {
  try {
    await read
    return true
  } catch (error) {
    if (isReason(error, 'NotFound')) return false
    throw error
  }
}
