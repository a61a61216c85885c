import { randomBytes } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { BackupJob } from '@thresher/api/backup/backup-job'
import { isReady, Node } from '@thresher/api/core/node'
import { Secret } from '@thresher/api/core/secret'
import { isReason } from '@thresher/api/error'
import { Setting } from '@thresher/api/harvester/setting'
import { manifestOf, VirtualMachineBackup } from '@thresher/api/harvester/virtual-machine-backup'
import { backupKeyField, backupKeySecret, nodeLabel, systemNamespace } from '@thresher/api/names'
import type { Client } from '@thresher/client/client'
import type { Command } from '../command.ts'
import { bytes, columns, duration } from '../output/columns.ts'
import { Progress } from '../output/progress.ts'
import { UserError } from '../user-error.ts'
import { namespaceOption, textOf } from '../vm/operation.ts'
import { waitUntil } from '../vm/wait.ts'
import { snapshotDelete, snapshotRestore } from './snapshot.ts'

const nameArgument = { name: 'name', description: 'the backup' }
const targetSetting = 'backup-target'
/** A day: what is this slow goes on without anybody waiting. */
const limitMs = 86_400_000

/** `thresher backups target`. */
export const backupsTarget: Command = {
  path: ['backups', 'target'],
  summary: 'Show where backups of machines go, or set it',
  options: [
    { flags: '--s3 <endpoint>', description: 'a server of S3, such as https://s3.example.com' },
    { flags: '--bucket <name>', description: 'the bucket' },
    { flags: '--region <name>', description: 'its region' },
    { flags: '--access-key <id>', description: 'the access key; its secret is read from the standard input' },
    { flags: '--ca <file>', description: 'certificates to trust, in PEM' },
    { flags: '--virtual-hosted', description: 'the bucket is part of the host’s name' },
    { flags: '--nfs <export>', description: 'an export, such as nfs://10.0.0.1:/backups' },
    { flags: '--none', description: 'no more' },
  ],
  examples: [
    'thresher backups target --s3 https://s3.example.com --bucket machines --region eu-1 --access-key ID < secret',
    'thresher backups target --nfs nfs://10.0.0.1:/backups',
  ],
  async run(context, _args, options) {
    const client = await context.client()
    const settings = client.resource<Setting>(Setting)
    const given = (name: string): string | undefined => options[name] as string | undefined
    let value: Record<string, unknown> | undefined
    if (given('s3') !== undefined) {
      const secretAccessKey = (await readInput()).trim()
      if (!secretAccessKey) throw new UserError('give the secret of the access key on the standard input.')
      value = {
        type: 's3',
        endpoint: given('s3'),
        bucketName: given('bucket') ?? '',
        bucketRegion: given('region') ?? '',
        accessKeyId: given('accessKey') ?? '',
        secretAccessKey,
        ...(given('ca') === undefined ? {} : { cert: readFileSync(given('ca')!, 'utf8') }),
        virtualHostedStyle: options['virtualHosted'] === true,
      }
    } else if (given('nfs') !== undefined) value = { type: 'nfs', endpoint: given('nfs') }
    else if (options['none'] === true) value = {}
    if (value) await settings.patch(targetSetting, undefined, { value: JSON.stringify(value) }, 'merge')
    const now = JSON.parse((await settings.get(targetSetting)).value || '{}') as Record<string, string | undefined>
    if (now['type'] === 's3') console.log(`backups go to the bucket ${now['bucketName']} at ${now['endpoint']}`)
    else if (now['type'] === 'nfs') console.log(`backups go to the export ${now['endpoint']}`)
    else console.log('No backup target is set. Set one with --s3 or --nfs.')
  },
}

async function readInput(): Promise<string> {
  let text = ''
  for await (const chunk of process.stdin.setEncoding('utf8')) text += chunk
  return text
}

/** `thresher backups key`. */
export const backupsKey: Command = {
  path: ['backups', 'key'],
  summary: 'Print the recovery key, without which nobody reads the backups: keep it on paper, away from the cluster',
  async run(context) {
    const client = await context.client()
    try {
      const { data } = await client.resource<Secret>(Secret).get(backupKeySecret, systemNamespace)
      console.log(Buffer.from(data?.[backupKeyField] ?? '', 'base64').toString())
    } catch (error) {
      if (!isReason(error, 'NotFound')) throw error
      throw new UserError('there is no key yet; it is made with the first backup.')
    }
  },
}

/** `thresher backups list`. */
export const backupsList: Command = {
  path: ['backups', 'list'],
  summary: 'List the backups of machines at the target',
  options: [{ flags: '-n, --namespace <namespace>', description: 'only this namespace' }],
  async run(context, _args, options) {
    const client = await context.client()
    const { items } = await client
      .resource(VirtualMachineBackup)
      .list({ namespace: options['namespace'] as string | undefined })
    const rows = items
      .filter(({ spec }) => spec.type !== 'snapshot')
      .map(({ metadata, spec, status }) => {
        const size = (status?.volumeBackups ?? []).reduce((sum, { volumeSize = 0 }) => sum + volumeSize, 0)
        const age = status?.creationTime ? (Date.now() - Date.parse(status.creationTime)) / 1000 : undefined
        return [
          metadata.namespace ?? '',
          metadata.name ?? '',
          spec.source.name,
          bytes(size),
          age === undefined ? '-' : `${duration(age)} ago`,
          status?.readyToUse ? 'ready' : (status?.error?.message ?? `${status?.progress ?? 0} %`),
        ]
      })
    const header = ['NAMESPACE', 'NAME', 'MACHINE', 'SIZE', 'TAKEN', 'STATE']
    console.log(
      rows.length === 0
        ? 'No backups. Make one with: thresher backups create NAME --vm MACHINE'
        : columns(header, rows),
    )
  },
}

/** `thresher backups create`. */
export const backupsCreate: Command = {
  path: ['backups', 'create'],
  summary: 'Bring a machine with all its volumes, as it is now, to the backup target; the machine runs on',
  arguments: [nameArgument],
  options: [
    namespaceOption,
    { flags: '--vm <name>', description: 'the virtual machine' },
    { flags: '--no-wait', description: 'return at once' },
  ],
  examples: ['thresher backups create monday --vm web'],
  async run(context, [name], options) {
    const client = await context.client()
    const place = { namespace: textOf(options, 'namespace'), name: name! }
    const machine = options['vm'] as string | undefined
    if (machine === undefined) throw new UserError('say which machine: --vm NAME.')
    await client.resource(VirtualMachineBackup).create({
      metadata: place,
      spec: { type: 'backup', source: { apiGroup: 'kubevirt.io', kind: 'VirtualMachine', name: machine } },
    })
    if (options['wait'] === false) return console.log(`backup ${place.namespace}/${place.name} is being made`)
    await new Progress().step(`backup ${place.namespace}/${place.name}`, async (step) => {
      const isOver = (one: VirtualMachineBackup | undefined): boolean => {
        step.update(one?.status?.error?.message ?? `${one?.status?.progress ?? 0} %`)
        return one === undefined || one.status?.readyToUse === true
      }
      const wait = { timeoutMs: limitMs, what: `backup ${place.name}`, signal: context.signal }
      const made = await waitUntil(client, VirtualMachineBackup, place, isOver, wait)
      if (!made) throw new UserError(`the backup ${place.name} was deleted.`)
    })
  },
}

/** `thresher backups verify`. */
export const backupsVerify: Command = {
  path: ['backups', 'verify'],
  summary: 'Read a backup back from the target, and compare every block with what was written',
  arguments: [nameArgument],
  options: [namespaceOption],
  async run(context, [name], options) {
    const client = await context.client()
    const manifest = manifestOf(await client.resource(VirtualMachineBackup).get(name!, textOf(options, 'namespace')))
    if (!manifest) throw new UserError(`${name} is not at the backup target; wait until it is ready.`)
    const jobs = client.resource<BackupJob>(BackupJob)
    const node = await anyNode(client)
    const { metadata } = await jobs.create({
      apiVersion: 'backup.thresher.io/v1',
      kind: 'BackupJob',
      metadata: { name: `verify-${randomBytes(5).toString('hex')}`, labels: { [nodeLabel]: node } },
      spec: { node, action: 'verify', manifest },
    })
    const place = { name: metadata.name ?? '', namespace: '' }
    try {
      const wait = { timeoutMs: limitMs, what: `the verification of ${name}`, signal: context.signal }
      const done = await waitUntil(client, BackupJob, place, (one) => one?.status?.done === true, wait)
      const damages = done?.status?.damages ?? []
      if (damages.length > 0) throw new UserError(`${name} is damaged:\n  ${damages.join('\n  ')}`)
      console.log(`${name} is whole: every block was read back`)
    } finally {
      await jobs.delete(place.name)
    }
  },
}

async function anyNode(client: Client): Promise<string> {
  const { items } = await client.resource<Node>(Node).list()
  const ready = items.find(isReady)
  if (!ready?.metadata.name) throw new UserError('no host is ready to read the backup; start one with: thresher up')
  return ready.metadata.name
}

/** `thresher backups restore`. */
export const backupsRestore: Command = {
  ...snapshotRestore,
  path: ['backups', 'restore'],
  summary: 'Take a machine that is off back to a backup, or make a new one of it',
  arguments: [nameArgument],
  examples: ['thresher backups restore monday', 'thresher backups restore monday --to web-then --halt'],
}

/** `thresher backups delete`. */
export const backupsDelete: Command = {
  ...snapshotDelete,
  path: ['backups', 'delete'],
  summary: 'Delete a backup, also at the target; the others stay whole',
  arguments: [nameArgument],
}
