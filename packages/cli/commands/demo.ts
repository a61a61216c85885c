import { existsSync, mkdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { KeyPair } from '@thresher/api/harvester/key-pair'
import { VirtualMachineImage } from '@thresher/api/harvester/virtual-machine-image'
import { VirtualMachine } from '@thresher/api/kubevirt/virtual-machine'
import { VirtualMachineInstance } from '@thresher/api/kubevirt/virtual-machine-instance'
import { loadKubeconfig } from '@thresher/client/node/kubeconfig'
import type { Client } from '@thresher/client/client'
import { buildGuestImage } from '@thresher/lab/guest/build'
import { guestBuildPackages } from '@thresher/lab/guest/packages'
import type { Command, Context } from '../command.ts'
import { hostPackages, installPackages, missingPackages } from '../host/packages.ts'
import { run } from '../host/run.ts'
import { waitImported } from '../image/import.ts'
import { uploadFile } from '../image/upload.ts'
import { Progress, type Step } from '../output/progress.ts'
import { filesOf } from '../paths.ts'
import { UserError } from '../user-error.ts'
import { machineManifest } from '@thresher/api/kubevirt/machine-manifest'
import { knownHostsFile, runInGuest } from '../vm/ssh.ts'
import { addressOf, waitUntil } from '../vm/wait.ts'
import { bringUp, upOptions } from './up.ts'
import { exists } from '../vm/exists.ts'

const namespace = 'default'
const name = 'demo'
const imageName = 'thresher-guest'
const place = { namespace, name }

/** `thresher demo`: from nothing to a shell in a guest. */
export const demo: Command = {
  path: ['demo'],
  summary: 'Set this host up, make a small guest image, start a virtual machine and log into it',
  options: upOptions,
  async run(context, _args, options) {
    const progress = new Progress()
    const started = performance.now()
    await installGuestTools(context, progress)
    const settings = await bringUp(context, options, progress)
    const client = await context.client()
    const identity = join(filesOf(context.paths).cli, 'demo_ed25519')
    let publicKey = ''
    let address = ''
    let answer = ''
    await progress.step('Create a key pair', async () => {
      publicKey = await ensureKey(identity, context.signal)
      if (await exists(client.resource(KeyPair).get(name, namespace))) return 'kept'
      await client.resource(KeyPair).create({ metadata: place, spec: { publicKey } } as never)
      return `KeyPair ${namespace}/${name}`
    })
    await ensureImage(context, client, progress)
    await progress.step('Create the virtual machine', () => ensureMachine(client, publicKey))
    await progress.step('Wait for phase Running', async (step) => {
      address = await waitForAddress(context, client, step)
      return `address ${address}`
    })
    await progress.step('Log in over SSH', async (step) => {
      answer = await firstLogin(context, client, { address, identity }, step)
      return answer
    })
    const files = filesOf(context.paths)
    const total = ((performance.now() - started) / 1000).toFixed(1)
    console.log(`
${namespace}/${name} runs at ${address} (everything took ${total} s).

  API          https://${settings.listen.replace(/^0\.0\.0\.0/, '127.0.0.1')}
  kubeconfig   ${files.adminKubeconfig}

Try next:
  ${invoked()} vm ssh ${name}
  ${invoked()} vm console ${name}
  ${invoked()} vm list
  kubectl --kubeconfig ${files.adminKubeconfig} get vm,vmi,pod,pvc,node -A
  ${invoked()} down`)
  },
}

/** How the user called this program. */
const invoked = () => (existsSync('./thresher') ? './thresher' : 'thresher')

async function installGuestTools(context: Context, progress: Progress): Promise<void> {
  const known = new Set(hostPackages.map((one) => one.name))
  const missing = await missingPackages(guestBuildPackages.filter((one) => !known.has(one.name)))
  if (missing.length === 0) return
  console.error('Debian packages to install:')
  for (const { name: packageName, why } of missing) console.error(`    ${packageName.padEnd(22)} ${why}`)
  await progress.step('Install image building tools', async () => {
    await installPackages(missing, context.signal)
    return `${missing.length} packages`
  })
}

async function ensureKey(file: string, signal: AbortSignal): Promise<string> {
  mkdirSync(join(file, '..'), { recursive: true, mode: 0o700 })
  if (!existsSync(file)) {
    const made = await run('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-C', 'thresher-demo', '-f', file], {
      signal,
    })
    if (made.code !== 0) throw new UserError(`ssh-keygen failed: ${made.stderr.trim()}`)
  }
  return readFileSync(`${file}.pub`, 'utf8').trim()
}

async function ensureImage(context: Context, client: Client, progress: Progress): Promise<void> {
  const images = client.resource(VirtualMachineImage)
  const imagePlace = { namespace, name: imageName }
  const existing = (await exists(images.get(imageName, namespace))) && (await images.get(imageName, namespace))
  if (existing && existing.status?.progress === 100) return progress.step('Import the guest image', async () => 'kept')
  let path = ''
  await progress.step('Build a guest image', async (step) => {
    const built = await buildGuestImage({
      cacheDir: join(context.paths.dataDir, 'guest'),
      log: (line: string) => step.update(line),
    })
    path = built.path
    return `${Math.round(built.sizeBytes / 1e6)} MB`
  })
  await progress.step('Import the guest image', async (step) => {
    if (!existing)
      await images.create({
        metadata: { name: imageName, namespace },
        spec: { displayName: 'Thresher guest', sourceType: 'upload' },
      } as never)
    const server = loadKubeconfig(context.kubeconfig())
    await uploadFile(server, imagePlace, path, (percent) => step.update(`${percent} %`), context.signal)
    await waitImported(client, imagePlace, (percent) => step.update(`${percent} %`), context.signal)
    return `VirtualMachineImage ${namespace}/${imageName}`
  })
}

async function ensureMachine(client: Client, publicKey: string): Promise<string> {
  const machines = client.resource(VirtualMachine)
  if (await exists(machines.get(name, namespace))) {
    const machine = await machines.get(name, namespace)
    if (machine.status?.printableStatus === 'Running') return 'kept'
    if (machine.status?.printableStatus === 'Stopped') {
      await client.transport.request({
        method: 'PUT',
        path: `/apis/subresources.kubevirt.io/v1/namespaces/${namespace}/virtualmachines/${name}/start`,
        body: {},
      })
      return 'started again'
    }
    return 'kept'
  }
  const image = await client.resource(VirtualMachineImage).get(imageName, namespace)
  const manifest = machineManifest({
    name,
    namespace,
    cpus: 1,
    memory: '256Mi',
    image: { name: `${namespace}/${imageName}`, storageClass: image.status!.storageClassName! },
    disk: '2Gi',
    keys: [{ name, publicKey }],
    runStrategy: 'RerunOnFailure',
    efi: false,
  })
  await machines.create(manifest as never)
  return `VirtualMachine ${namespace}/${name}`
}

async function waitForAddress(context: Context, client: Client, step: Step): Promise<string> {
  const instance = await waitUntil(
    client,
    VirtualMachineInstance,
    place,
    (one) => {
      step.update(one?.status?.phase ?? 'waiting')
      return one?.status?.phase === 'Running' && addressOf(one) !== undefined
    },
    { timeoutMs: 180_000, what: `virtual machine ${namespace}/${name}`, signal: context.signal },
  )
  return addressOf(instance!)!
}

async function firstLogin(
  context: Context,
  client: Client,
  login: { address: string; identity: string },
  step: Step,
): Promise<string> {
  const instance = await client.resource(VirtualMachineInstance).get(name, namespace)
  const target = {
    address: login.address,
    user: 'root',
    identityFile: login.identity,
    knownHosts: knownHostsFile(filesOf(context.paths).cli, instance.metadata.uid ?? name),
  }
  const deadline = performance.now() + 180_000
  let last = 'no answer'
  while (performance.now() < deadline) {
    const finished = await runInGuest(target, ['uname', '-srm'], context.signal)
    if (finished.code === 0) return `uname: ${finished.stdout.trim()}`
    last = finished.stderr.trim().split('\n').at(-1) ?? last
    step.update(last)
    await sleep(100)
  }
  throw new UserError(
    `the guest at ${login.address} let nobody in within three minutes (${last}). Look at its console: thresher vm console ${name}`,
  )
}
