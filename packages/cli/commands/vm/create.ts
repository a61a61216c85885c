import { readFileSync } from 'node:fs'
import { KeyPair } from '@thresher/api/harvester/key-pair'
import { machineOfTemplate, numberedNames } from '@thresher/api/harvester/template-machine'
import { VirtualMachineImage } from '@thresher/api/harvester/virtual-machine-image'
import { machineManifest } from '@thresher/api/kubevirt/machine-manifest'
import { VirtualMachine } from '@thresher/api/kubevirt/virtual-machine'
import { hostnameLabel } from '@thresher/api/names'
import type { Client } from '@thresher/client/client'
import type { Command, OptionValues } from '../../command.ts'
import { written } from '../../output/objects.ts'
import { UserError } from '../../user-error.ts'
import { nameArgument, namespaceOption, textOf } from '../../vm/operation.ts'
import { waitRunning } from '../../vm/running.ts'
import { findVersion } from '../template.ts'

type Made = Pick<VirtualMachine, 'metadata' | 'spec'>

/** How many machines one call makes at most, as the form of Harvester has it. */
const mostAtOnce = 10
/** Options that a template answers itself. */
const notWithTemplate = ['disk', 'sshKey', 'userData', 'networkData', 'efi', 'secureBoot', 'tpm']

/** `thresher vm create`. */
export const vmCreate: Command = {
  path: ['vm', 'create'],
  summary: 'Create a virtual machine',
  arguments: [nameArgument],
  options: [
    namespaceOption,
    { flags: '--image <image>', description: 'the image to start from, as NAME or NAMESPACE/NAME' },
    { flags: '--template <template>', description: 'the template to make it of, as NAME or NAMESPACE/NAME' },
    { flags: '--template-version <version>', description: 'another version of it than its default' },
    { flags: '--cpus <count>', description: 'virtual CPUs (default: 1)' },
    { flags: '--cpu-model <model>', description: 'the processor that it sees, such as host-model or Skylake-Server' },
    { flags: '--memory <size>', description: 'memory, such as 512Mi (default: 1Gi)' },
    { flags: '--disk <size>', description: 'size of the root disk (default: 10Gi)' },
    { flags: '--ssh-key <names>', description: 'KeyPairs whose keys may log in, separated by commas' },
    { flags: '--user-data <file>', description: 'cloud-init user data' },
    { flags: '--network-data <file>', description: 'cloud-init network data' },
    {
      flags: '--run-strategy <strategy>',
      description: 'when it runs (default: RerunOnFailure)',
      choices: ['Always', 'RerunOnFailure', 'Manual', 'Halted'],
    },
    { flags: '--efi', description: 'boot by UEFI instead of BIOS' },
    { flags: '--secure-boot', description: 'boot by UEFI, and only what is signed' },
    { flags: '--tpm', description: 'give it a TPM 2.0 whose contents last' },
    { flags: '--node <node>', description: 'run it on this node alone' },
    { flags: '--count <count>', description: `make so many, NAME-01 and on; at most ${mostAtOnce}`, default: '1' },
    { flags: '--dry-run', description: 'show what would be created' },
    {
      flags: '-o, --output <format>',
      description: 'how --dry-run shows it',
      default: 'yaml',
      choices: ['json', 'yaml'],
    },
    { flags: '--wait', description: 'return once it runs' },
  ],
  examples: [
    'thresher vm create web --image debian --memory 2Gi --ssh-key me --wait',
    'thresher vm create win --template windows-iso-image-base --image windows --cpus 4 --memory 8Gi',
    'thresher vm create worker --template web --count 3',
  ],
  async run(context, [name = ''], options) {
    const client = await context.client()
    const names = numberedNames(name, countOf(options))
    const machines = await Promise.all(names.map((each) => machineOf(client, each, options)))
    const format = textOf(options, 'output') as 'json' | 'yaml'
    if (options['dryRun'] === true) {
      const whole = machines.map((each) => ({ apiVersion: 'kubevirt.io/v1', kind: 'VirtualMachine', ...each }))
      return console.log(
        written(whole.length === 1 ? whole[0] : { apiVersion: 'v1', kind: 'List', items: whole }, format),
      )
    }
    for (const machine of machines) {
      const { metadata } = await client.resource(VirtualMachine).create(machine)
      console.log(`virtual machine ${metadata.namespace}/${metadata.name} created`)
    }
    if (options['wait'] !== true) return
    for (const each of names) await waitRunning(context, client, textOf(options, 'namespace'), each)
  },
}

function countOf(options: OptionValues): number {
  const count = Number(options['count'])
  if (Number.isInteger(count) && count >= 1 && count <= mostAtOnce) return count
  throw new UserError(`--count must be a number from 1 to ${mostAtOnce}`)
}

async function machineOf(client: Client, name: string, options: OptionValues): Promise<Made> {
  const made =
    options['template'] === undefined ? await plain(client, name, options) : await ofTemplate(client, name, options)
  const { spec } = made.spec.template
  const node = options['node'] as string | undefined
  if (node) spec.nodeSelector = { ...spec.nodeSelector, [hostnameLabel]: node }
  const model = options['cpuModel'] as string | undefined
  if (model) spec.domain.cpu = { ...spec.domain.cpu, model }
  return made
}

async function plain(client: Client, name: string, options: OptionValues): Promise<Made> {
  const namespace = textOf(options, 'namespace')
  const file = (option: string) =>
    options[option] === undefined ? {} : { [option]: readFileSync(textOf(options, option), 'utf8') }
  const or = (option: string, value: string): string => (options[option] as string | undefined) ?? value
  return machineManifest({
    name,
    namespace,
    cpus: Number(or('cpus', '1')),
    memory: or('memory', '1Gi'),
    ...(options['image'] === undefined ? {} : { image: await imageFor(client, textOf(options, 'image'), namespace) }),
    disk: or('disk', '10Gi'),
    keys: await keysFor(client, options['sshKey'] as string | undefined, namespace),
    ...file('userData'),
    ...file('networkData'),
    runStrategy: or('runStrategy', 'RerunOnFailure'),
    efi: options['efi'] === true,
    secureBoot: options['secureBoot'] === true,
    tpm: options['tpm'] === true,
  }) as unknown as Made
}

async function ofTemplate(client: Client, name: string, options: OptionValues): Promise<Made> {
  const taken = notWithTemplate.find((option) => options[option] !== undefined)
  if (taken) {
    const flag = taken.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)
    throw new UserError(`--${flag} cannot be given with --template, which says that itself`)
  }
  const namespace = textOf(options, 'namespace')
  const place = placeOf(textOf(options, 'template'), namespace)
  const which = options['templateVersion'] as string | undefined
  const version = await findVersion(client, place.namespace, place.name, which)
  const image = options['image'] as string | undefined
  const made = machineOfTemplate(version, {
    name,
    namespace,
    ...(image === undefined ? {} : { image: await imageFor(client, image, namespace) }),
    ...(options['runStrategy'] === undefined ? {} : { runStrategy: textOf(options, 'runStrategy') }),
  })
  const { domain } = made.spec.template.spec
  const limits = { ...domain.resources?.limits }
  if (options['cpus'] !== undefined) {
    limits['cpu'] = textOf(options, 'cpus')
    domain.cpu = { ...domain.cpu, cores: Number(options['cpus']), sockets: 1, threads: 1 }
  }
  if (options['memory'] !== undefined) {
    limits['memory'] = textOf(options, 'memory')
    delete domain.memory?.guest
  }
  domain.resources = { ...domain.resources, limits }
  return made
}

function placeOf(reference: string, namespace: string): { namespace: string; name: string } {
  const [first = '', second] = reference.split('/')
  return second === undefined ? { namespace, name: first } : { namespace: first, name: second }
}

async function imageFor(
  client: Client,
  reference: string,
  namespace: string,
): Promise<{ name: string; storageClass: string }> {
  const place = placeOf(reference, namespace)
  const image = await client.resource(VirtualMachineImage).get(place.name, place.namespace)
  const storageClass = image.status?.storageClassName
  if (!storageClass)
    throw new UserError(`image ${place.namespace}/${place.name} is not ready yet; see: thresher image list`)
  return { name: `${place.namespace}/${place.name}`, storageClass }
}

async function keysFor(
  client: Client,
  names: string | undefined,
  namespace: string,
): Promise<{ name: string; publicKey: string }[]> {
  const wanted = (names ?? '').split(',').filter((name) => name !== '')
  return Promise.all(
    wanted.map(async (name) => ({
      name,
      publicKey: (await client.resource(KeyPair).get(name, namespace)).spec.publicKey,
    })),
  )
}
