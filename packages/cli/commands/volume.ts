import { PersistentVolumeClaim } from '@thresher/api/core/persistent-volume-claim'
import { PersistentVolume } from '@thresher/api/core/persistent-volume'
import { VirtualMachineImage } from '@thresher/api/harvester/virtual-machine-image'
import { VirtualMachine } from '@thresher/api/kubevirt/virtual-machine'
import { allocatedBytesAnnotation, hostnameLabel, imageIdAnnotation, spaceAnnotations } from '@thresher/api/names'
import { parseBytes } from '@thresher/api/quantity'
import { VolumeSnapshot } from '@thresher/api/snapshot/volume-snapshot'
import { CSIStorageCapacity } from '@thresher/api/storage/csi-storage-capacity'
import type { Client } from '@thresher/client/client'
import type { Command, Context, OptionValues } from '../command.ts'
import { waitImported } from '../image/import.ts'
import { bytes, columns } from '../output/columns.ts'
import { Progress } from '../output/progress.ts'
import { UserError } from '../user-error.ts'
import { waitUntil } from '../vm/wait.ts'
import { namespaceOption, textOf } from '../vm/operation.ts'

const nameArgument = { name: 'name', description: 'the volume: a PersistentVolumeClaim' }
const noWait = { flags: '--no-wait', description: 'return at once' }
const classOption = { flags: '--class <name>', description: 'the storage class; the default one unless said' }

/** `thresher volume list`. */
export const volumeList: Command = {
  path: ['volume', 'list'],
  summary: 'List volumes: their size, what they take on the disk, and the machine that has them',
  options: [{ flags: '-n, --namespace <namespace>', description: 'only this namespace' }],
  async run(context, _args, options) {
    const client = await context.client()
    const namespace = options['namespace'] as string | undefined
    const [claims, volumes, machines] = await Promise.all([
      client.resource(PersistentVolumeClaim).list({ namespace }),
      client.resource(PersistentVolume).list({}),
      client.resource(VirtualMachine).list({ namespace }),
    ])
    const allocated = new Map(
      volumes.items.map(({ metadata }) => [metadata.name, metadata.annotations?.[allocatedBytesAnnotation]]),
    )
    const rows = claims.items.map((claim) => {
      const taken = allocated.get(claim.spec.volumeName)
      const size = claim.status?.capacity?.['storage'] ?? claim.spec.resources?.requests?.['storage']
      return [
        claim.metadata.namespace ?? '',
        claim.metadata.name ?? '',
        size === undefined ? '-' : bytes(parseBytes(size)),
        taken === undefined ? '-' : bytes(Number(taken)),
        claim.spec.storageClassName ?? '-',
        userOf(claim, machines.items) ?? '-',
        stateOf(claim),
      ]
    })
    const header = ['NAMESPACE', 'NAME', 'SIZE', 'ON DISK', 'CLASS', 'MACHINE', 'STATE']
    console.log(
      rows.length === 0 ? 'No volumes. Make one with: thresher volume create NAME --size 10Gi' : columns(header, rows),
    )
  },
}

/** The machine that has a claim among its volumes. */
function userOf({ metadata }: PersistentVolumeClaim, machines: readonly VirtualMachine[]): string | undefined {
  return machines.find(
    (machine) =>
      machine.metadata.namespace === metadata.namespace &&
      machine.spec.template.spec.volumes?.some(
        ({ persistentVolumeClaim, dataVolume }) =>
          (persistentVolumeClaim?.claimName ?? dataVolume?.name) === metadata.name,
      ),
  )?.metadata.name
}

function stateOf({ metadata, status }: PersistentVolumeClaim): string {
  if (metadata.deletionTimestamp) return 'is being deleted'
  const problem = status?.conditions?.find(
    ({ type, status: is }) =>
      (type === 'Provisioned' && is === 'False') || (type === 'ControllerResizeError' && is === 'True'),
  )
  return problem?.message ?? (status?.phase === 'Bound' ? 'ready' : 'waits for its first machine')
}

/** `thresher volume space`. */
export const volumeSpace: Command = {
  path: ['volume', 'space'],
  summary: 'Show how much room the hosts have for volumes, and how much is promised',
  async run(context) {
    const client = await context.client()
    const { items } = await client.resource(CSIStorageCapacity).list({})
    const rows = items.flatMap(({ metadata, nodeTopology, capacity, storageClassName }) => {
      const of = (name: string): string => {
        const value = metadata.annotations?.[name]
        return value === undefined ? '-' : bytes(Number(value))
      }
      return [
        [
          nodeTopology?.matchLabels?.[hostnameLabel] ?? '-',
          storageClassName,
          of(spaceAnnotations.total),
          of(spaceAnnotations.free),
          of(spaceAnnotations.promised),
          capacity === undefined ? '-' : bytes(parseBytes(capacity)),
        ],
      ]
    })
    console.log(columns(['NODE', 'CLASS', 'DISK', 'FREE', 'PROMISED', 'LARGEST NEW VOLUME'], rows))
  },
}

/** `thresher volume create`. */
export const volumeCreate: Command = {
  path: ['volume', 'create'],
  summary: 'Make a volume: empty, of an image, or a copy of a volume or a snapshot',
  arguments: [nameArgument],
  options: [
    namespaceOption,
    { flags: '--size <size>', description: 'such as 10Gi; that of what it is a copy of unless said' },
    classOption,
    { flags: '--image <image>', description: 'an image, as NAME or NAMESPACE/NAME' },
    { flags: '--snapshot <name>', description: 'a snapshot of a volume' },
    { flags: '--volume <name>', description: 'another volume, as it is now' },
    { flags: '--shared', description: 'several machines may have it' },
    noWait,
  ],
  examples: ['thresher volume create data --size 20Gi', 'thresher volume create data-then --snapshot before-upgrade'],
  async run(context, [name], options) {
    const client = await context.client()
    const source = await sourceOf(client, options)
    const size = (options['size'] as string | undefined) ?? source.size
    if (size === undefined) throw new UserError('say how large it is to be, with --size.')
    const storageClassName = (options['class'] as string | undefined) ?? source.storageClassName
    await client.resource(PersistentVolumeClaim).create({
      metadata: { name: name!, namespace: textOf(options, 'namespace'), annotations: source.annotations },
      spec: {
        accessModes: [options['shared'] === true ? 'ReadWriteMany' : 'ReadWriteOnce'],
        volumeMode: 'Block',
        ...(storageClassName ? { storageClassName } : {}),
        ...(source.dataSource ? { dataSource: source.dataSource } : {}),
        resources: { requests: { storage: size } },
      },
    })
    await reportMade(context, options, name!, source.dataSource !== undefined)
  },
}

/** What a new volume is made from. */
interface Source {
  size?: string
  storageClassName?: string
  annotations?: Record<string, string>
  dataSource?: { apiGroup?: string; kind: string; name: string }
}

async function sourceOf(client: Client, options: OptionValues): Promise<Source> {
  const namespace = textOf(options, 'namespace')
  const given = ['image', 'snapshot', 'volume'].filter((option) => options[option] !== undefined)
  if (given.length > 1) throw new UserError(`give only one of --${given.join(' and --')}.`)
  if (options['image'] !== undefined) {
    const [first = '', second] = textOf(options, 'image').split('/')
    const place = second === undefined ? { namespace, name: first } : { namespace: first, name: second }
    const { status } = await client.resource(VirtualMachineImage).get(place.name, place.namespace)
    return {
      size: status?.virtualSize === undefined ? undefined : String(status.virtualSize),
      storageClassName: status?.storageClassName,
      annotations: { [imageIdAnnotation]: `${place.namespace}/${place.name}` },
    }
  }
  if (options['snapshot'] !== undefined) return snapshotSource(client, namespace, textOf(options, 'snapshot'))
  if (options['volume'] !== undefined) {
    const name = textOf(options, 'volume')
    const claim = await client.resource(PersistentVolumeClaim).get(name, namespace)
    return { ...shapeOf(claim), dataSource: { kind: 'PersistentVolumeClaim', name } }
  }
  return {}
}

async function snapshotSource(client: Client, namespace: string, name: string): Promise<Source> {
  const { spec, status } = await client.resource(VolumeSnapshot).get(name, namespace)
  const claims = await client.resource(PersistentVolumeClaim).list({
    namespace,
    fieldSelector: `metadata.name=${spec.source.persistentVolumeClaimName ?? ''}`,
  })
  return {
    storageClassName: claims.items[0]?.spec.storageClassName,
    size: status?.restoreSize,
    dataSource: { apiGroup: 'snapshot.storage.k8s.io', kind: 'VolumeSnapshot', name },
  }
}

function shapeOf({ spec, status }: PersistentVolumeClaim): Source {
  return {
    storageClassName: spec.storageClassName,
    size: status?.capacity?.['storage'] ?? spec.resources?.requests?.['storage'],
  }
}

/** Say what was asked for, and where it is made at once, when it is there. */
async function reportMade(context: Context, options: OptionValues, name: string, atOnce: boolean): Promise<void> {
  const namespace = textOf(options, 'namespace')
  if (!atOnce) return console.log(`volume ${namespace}/${name} is made when a machine has it`)
  if (options['wait'] === false) return console.log(`volume ${namespace}/${name} will be made`)
  const claim = await waitUntil(
    await context.client(),
    PersistentVolumeClaim,
    { namespace, name },
    (one) =>
      one?.status?.phase === 'Bound' || one?.status?.conditions?.some(({ status }) => status === 'False') === true,
    { timeoutMs: 60_000, what: `the volume ${namespace}/${name}`, signal: context.signal },
  )
  if (claim && claim.status?.phase !== 'Bound') throw new UserError(`${stateOf(claim)}.`)
  console.log(`volume ${namespace}/${name} is ready`)
}

/** `thresher volume resize`. */
export const volumeResize: Command = {
  path: ['volume', 'resize'],
  summary: 'Let a volume grow; a machine that has it sees it at once',
  arguments: [nameArgument, { name: 'size', description: 'the new size, such as 40Gi' }],
  options: [namespaceOption, noWait],
  async run(context, [name, size], options) {
    const client = await context.client()
    const namespace = textOf(options, 'namespace')
    const patch = { spec: { resources: { requests: { storage: size } } } }
    await client.resource(PersistentVolumeClaim).patch(name!, namespace, patch)
    if (options['wait'] === false) return console.log(`volume ${namespace}/${name} will grow to ${size}`)
    const wanted = parseBytes(size!)
    const failed = (one: PersistentVolumeClaim | undefined) =>
      one?.status?.conditions?.find(({ type, status }) => type === 'ControllerResizeError' && status === 'True')
    const claim = await waitUntil(
      client,
      PersistentVolumeClaim,
      { namespace, name: name! },
      (one) => Boolean(failed(one)) || parseBytes(one?.status?.capacity?.['storage'] ?? '0') >= wanted,
      { timeoutMs: 60_000, what: `the new size of ${namespace}/${name}`, signal: context.signal },
    )
    const problem = failed(claim)
    if (problem) throw new UserError(`${problem.message}.`)
    console.log(`volume ${namespace}/${name} has ${size}`)
  },
}

/** `thresher volume export`. */
export const volumeExport: Command = {
  path: ['volume', 'export'],
  summary: 'Make an image of a volume as it is now; a machine that has it runs on',
  arguments: [nameArgument, { name: 'image', description: 'the name of the image' }],
  options: [namespaceOption, { flags: '--display-name <text>', description: 'the name that people see' }, noWait],
  examples: ['thresher volume export web-disk-0 golden'],
  async run(context, [name, image], options) {
    const client = await context.client()
    const namespace = textOf(options, 'namespace')
    await client.resource(VirtualMachineImage).create({
      metadata: { name: image!, namespace },
      spec: {
        displayName: (options['displayName'] as string | undefined) ?? image!,
        sourceType: 'export-from-volume',
        pvcName: name!,
        pvcNamespace: namespace,
      },
    } as never)
    if (options['wait'] === false) return console.log(`image ${namespace}/${image} is being made`)
    await new Progress().step(`Export ${namespace}/${name}`, (step) =>
      waitImported(client, { namespace, name: image! }, (percent) => step.update(`${percent} %`), context.signal),
    )
  },
}

/** `thresher volume delete`. */
export const volumeDelete: Command = {
  path: ['volume', 'delete'],
  summary: 'Delete a volume that no machine has; its snapshots stay',
  arguments: [nameArgument],
  options: [namespaceOption],
  async run(context, [name], options) {
    const client = await context.client()
    const namespace = textOf(options, 'namespace')
    await client.resource(PersistentVolumeClaim).delete(name!, namespace)
    console.log(`volume ${namespace}/${name} is deleted`)
  },
}
