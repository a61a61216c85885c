import { VirtualMachineBackup } from '@thresher/api/harvester/virtual-machine-backup'
import { VirtualMachineRestore } from '@thresher/api/harvester/virtual-machine-restore'
import { parseBytes } from '@thresher/api/quantity'
import { VolumeSnapshot } from '@thresher/api/snapshot/volume-snapshot'
import { isReason } from '@thresher/api/error'
import type { Client } from '@thresher/client/client'
import type { Command, Context, OptionValues } from '../command.ts'
import { bytes, columns, duration } from '../output/columns.ts'
import { UserError } from '../user-error.ts'
import { namespaceOption, textOf } from '../vm/operation.ts'
import { waitUntil } from '../vm/wait.ts'

const nameArgument = { name: 'name', description: 'the snapshot' }
const noWait = { flags: '--no-wait', description: 'return at once' }
const limitMs = 60_000
/** From a backup target it may take hours. */
const restoreLimitMs = 86_400_000

/** `thresher snapshot list`. */
export const snapshotList: Command = {
  path: ['snapshot', 'list'],
  summary: 'List snapshots of machines and of volumes',
  options: [{ flags: '-n, --namespace <namespace>', description: 'only this namespace' }],
  async run(context, _args, options) {
    const client = await context.client()
    const namespace = options['namespace'] as string | undefined
    const [machines, volumes] = await Promise.all([
      client.resource(VirtualMachineBackup).list({ namespace }),
      client.resource(VolumeSnapshot).list({ namespace }),
    ])
    const rows = [
      ...machines.items
        .filter(({ spec }) => spec.type === 'snapshot')
        .map(({ metadata, spec, status }) => {
          const size = (status?.volumeBackups ?? []).reduce((sum, { volumeSize = 0 }) => sum + volumeSize, 0)
          return [
            metadata.namespace,
            metadata.name,
            `machine ${spec.source.name}`,
            bytes(size),
            ageOf(status),
            stateOf(status),
          ]
        }),
      ...volumes.items
        .filter(({ metadata }) => !metadata.ownerReferences?.some(({ kind }) => kind === 'VirtualMachineBackup'))
        .map(({ metadata, spec, status }) => [
          metadata.namespace,
          metadata.name,
          `volume ${spec.source.persistentVolumeClaimName ?? '-'}`,
          status?.restoreSize ? bytes(parseBytes(status.restoreSize)) : '-',
          ageOf(status),
          stateOf(status),
        ]),
    ].map((row) => row.map((cell) => cell ?? ''))
    const header = ['NAMESPACE', 'NAME', 'OF', 'SIZE', 'TAKEN', 'STATE']
    console.log(
      rows.length === 0
        ? 'No snapshots. Take one with: thresher snapshot create NAME --vm MACHINE'
        : columns(header, rows),
    )
  },
}

interface Taken {
  readyToUse?: boolean
  creationTime?: string
  error?: { message?: string }
}

function ageOf(status: Taken | undefined): string {
  return status?.creationTime ? `${duration((Date.now() - Date.parse(status.creationTime)) / 1000)} ago` : '-'
}

function stateOf(status: Taken | undefined): string {
  return status?.readyToUse ? 'ready' : (status?.error?.message ?? 'is being taken')
}

/** `thresher snapshot create`. */
export const snapshotCreate: Command = {
  path: ['snapshot', 'create'],
  summary: 'Keep a machine with all its volumes, or one volume, as it is now; the machine runs on',
  arguments: [nameArgument],
  options: [
    namespaceOption,
    { flags: '--vm <name>', description: 'the virtual machine' },
    { flags: '--volume <name>', description: 'the volume: a PersistentVolumeClaim' },
    noWait,
  ],
  examples: ['thresher snapshot create before-upgrade --vm web', 'thresher snapshot create monday --volume data'],
  async run(context, [name], options) {
    const client = await context.client()
    const place = { namespace: textOf(options, 'namespace'), name: name! }
    const [machine, volume] = [options['vm'], options['volume']] as (string | undefined)[]
    if ((machine === undefined) === (volume === undefined))
      throw new UserError('say what to keep: either --vm NAME or --volume NAME.')
    if (machine !== undefined)
      await client.resource(VirtualMachineBackup).create({
        metadata: place,
        spec: { type: 'snapshot', source: { apiGroup: 'kubevirt.io', kind: 'VirtualMachine', name: machine } },
      })
    else
      await client.resource(VolumeSnapshot).create({
        metadata: place,
        spec: { source: { persistentVolumeClaimName: volume } },
      })
    const title = `snapshot ${place.namespace}/${place.name}`
    if (options['wait'] === false) return console.log(`${title} will be taken`)
    const wait = { timeoutMs: limitMs, what: title, signal: context.signal }
    const isOver = (one: { status?: Taken } | undefined): boolean =>
      one?.status?.readyToUse === true || one?.status?.error?.message !== undefined
    const taken =
      machine !== undefined
        ? await waitUntil(client, VirtualMachineBackup, place, isOver, wait)
        : await waitUntil(client, VolumeSnapshot, place, isOver, wait)
    if (!taken?.status?.readyToUse) throw new UserError(`${title} is not taken yet: ${taken?.status?.error?.message}.`)
    console.log(`${title} is ready`)
  },
}

/** `thresher snapshot restore`. */
export const snapshotRestore: Command = {
  path: ['snapshot', 'restore'],
  summary: 'Take a machine that is off back to a snapshot, or make a new one of it',
  arguments: [nameArgument],
  options: [
    namespaceOption,
    { flags: '--to <name>', description: 'make a new machine of this name, and leave the other as it is' },
    { flags: '--keep-mac', description: "a new machine gets the old one's addresses" },
    { flags: '--halt', description: 'do not start it' },
    noWait,
  ],
  examples: [
    'thresher snapshot restore before-upgrade',
    'thresher snapshot restore before-upgrade --to web-then --halt',
  ],
  async run(context, [name], options) {
    const client = await context.client()
    const namespace = textOf(options, 'namespace')
    const backup = await machineSnapshot(client, namespace, name!)
    const target = (options['to'] as string | undefined) ?? backup.spec.source.name
    const made = await client.resource(VirtualMachineRestore).create({
      metadata: { generateName: `${name}-`, namespace },
      spec: {
        target: { apiGroup: 'kubevirt.io', kind: 'VirtualMachine', name: target },
        virtualMachineBackupName: name!,
        virtualMachineBackupNamespace: namespace,
        newVM: options['to'] !== undefined,
        deletionPolicy: 'retain',
        keepMacAddress: options['keepMac'] === true,
        haltAfterRestore: options['halt'] === true,
      },
    })
    if (options['wait'] === false) return console.log(`virtual machine ${namespace}/${target} will be restored`)
    await restored(context, client, { namespace, name: made.metadata.name ?? '' }, target)
  },
}

async function machineSnapshot(client: Client, namespace: string, name: string): Promise<VirtualMachineBackup> {
  try {
    return await client.resource(VirtualMachineBackup).get(name, namespace)
  } catch (error) {
    if (!isReason(error, 'NotFound')) throw error
    throw new UserError(
      `there is no snapshot ${namespace}/${name} of a machine; make a volume of a volume's snapshot with: thresher volume create NAME --snapshot ${name}`,
    )
  }
}

async function restored(
  context: Context,
  client: Client,
  place: { namespace: string; name: string },
  target: string,
): Promise<void> {
  await waitUntil(client, VirtualMachineRestore, place, (one) => one?.status?.complete === true, {
    timeoutMs: restoreLimitMs,
    what: `the restored machine ${place.namespace}/${target}`,
    signal: context.signal,
  })
  console.log(`virtual machine ${place.namespace}/${target} is restored`)
}

/** `thresher snapshot delete`. */
export const snapshotDelete: Command = {
  path: ['snapshot', 'delete'],
  summary: 'Delete a snapshot, while its machine runs or not; what was made of it stays',
  arguments: [nameArgument],
  options: [namespaceOption],
  async run(context, [name], options) {
    const client = await context.client()
    const namespace = textOf(options, 'namespace')
    await deleteEither(client, namespace, name!)
    console.log(`snapshot ${namespace}/${name} is deleted`)
  },
}

/** A snapshot of a machine of the name, else one of a volume. */
async function deleteEither(client: Client, namespace: string, name: string): Promise<void> {
  try {
    await client.resource(VirtualMachineBackup).delete(name, namespace)
  } catch (error) {
    if (!isReason(error, 'NotFound')) throw error
    await client.resource(VolumeSnapshot).delete(name, namespace)
  }
}

/** `thresher vm clone`. */
export const vmClone: Command = {
  path: ['vm', 'clone'],
  summary: 'Make a machine like another, with copies of its volumes as they are now',
  arguments: [
    { name: 'name', description: 'the virtual machine' },
    { name: 'copy', description: 'the name of the new one' },
  ],
  options: [namespaceOption, { flags: '--halt', description: 'do not start it' }],
  examples: ['thresher vm clone web web-test'],
  async run(context, [name, copy], options: OptionValues) {
    const client = await context.client()
    const namespace = textOf(options, 'namespace')
    await client.transport.request({
      method: 'POST',
      path: `/v1/harvester/kubevirt.io.virtualmachines/${encodeURIComponent(namespace)}/${encodeURIComponent(name!)}`,
      query: { action: 'clone' },
      body: { targetVm: copy, ...(options['halt'] === true ? { runStrategy: 'Halted' } : {}) },
    })
    console.log(`virtual machine ${namespace}/${copy} is made`)
  },
}
