import type { SettingDeclaration } from './declaration.ts'
import { flagField, isWebAddress, jsonObject, numberField, trueOrFalse, wholeNumber } from './checks.ts'

function checkBackupTarget(target: Record<string, unknown>): string[] {
  const has = (...names: string[]) => names.every((name) => typeof target[name] === 'string' && target[name] !== '')
  const hasAny = (...names: string[]) => names.some((name) => target[name] !== undefined && target[name] !== '')
  const shared = [
    ...numberField(target, 'refreshIntervalInSeconds', 0, 86_400 * 365),
    ...flagField(target, 'virtualHostedStyle'),
  ]
  if (target.type === '' || target.type === undefined)
    return hasAny('endpoint', 'bucketName') ? ['Invalid backup target type: use s3 or nfs'] : shared
  if (target.type === 's3') {
    if (!has('accessKeyId', 'secretAccessKey')) shared.push('S3 backup target should have access key and access key id')
    if (!has('bucketName', 'bucketRegion')) shared.push('S3 backup target should have bucket name and region')
    if (has('endpoint') && !isWebAddress(String(target.endpoint)))
      shared.push('endpoint must be a URL that begins with http:// or https://')
    return shared
  }
  if (target.type !== 'nfs') return ['Invalid backup target type: use s3 or nfs']
  if (!has('endpoint')) shared.push('NFS backup target should have endpoint')
  if (hasAny('accessKeyId', 'secretAccessKey'))
    shared.push('NFS backup target should not have access key or access key id')
  if (hasAny('bucketName', 'bucketRegion')) shared.push('NFS backup target should not have bucket name or region')
  return shared
}

function checkSnapshotClasses(drivers: Record<string, unknown>): string[] {
  return Object.entries(drivers).flatMap(([driver, classes]) => {
    const given = typeof classes === 'object' && classes !== null ? (classes as Record<string, unknown>) : {}
    return typeof given.volumeSnapshotClassName === 'string' && given.volumeSnapshotClassName !== ''
      ? []
      : [`${driver}'s volumeSnapshotClassName is not configured`]
  })
}

/** Settings about volumes, snapshots and backups. */
export const storageSettings: SettingDeclaration[] = [
  {
    name: 'backup-target',
    default: '',
    about: 'Where backups are kept: an S3 bucket or an NFS export.',
    check: jsonObject(checkBackupTarget),
  },
  {
    name: 'csi-driver-config',
    default:
      '{"local.thresher.io":{"volumeSnapshotClassName":"local","backupVolumeSnapshotClassName":"local"},"driver.longhorn.io":{"volumeSnapshotClassName":"longhorn-snapshot","backupVolumeSnapshotClassName":"longhorn"}}',
    about: 'The snapshot classes that each storage driver uses.',
    check: jsonObject(checkSnapshotClasses),
  },
  {
    name: 'csi-online-expand-validation',
    default: '{"local.thresher.io":true,"driver.longhorn.io":true}',
    about: 'Which storage drivers can make a volume larger while a machine uses it.',
    check: jsonObject((drivers) => flagField(drivers, ...Object.keys(drivers))),
  },
  { name: 'default-storage-class', default: 'local', about: 'The class of volumes that name none.' },
  { name: 'volume-snapshot-class', default: 'local', about: 'The snapshot class when restoring to another namespace.' },
  {
    name: 'auto-disk-provision-paths',
    default: '',
    about: 'Disks, by path patterns, that are formatted and taken on all hosts; what is on them is lost.',
  },
  {
    name: 'instance-manager-resources',
    default: '{"cpu":{}}',
    about: 'Per cent of CPU kept for each engine of the distributed storage.',
    check: jsonObject(({ cpu }) =>
      typeof cpu === 'object' && cpu !== null
        ? Object.entries(cpu).flatMap(([engine, percent]) =>
            wholeNumber(0, 40)(String(percent)).map((error) => `cpu.${engine}: ${error}`),
          )
        : ['cpu must be an object of per cent by engine'],
    ),
  },
  {
    name: 'longhorn-v2-data-engine-enabled',
    default: 'false',
    about: 'Whether the second storage engine runs.',
    check: trueOrFalse,
  },
  {
    name: 'longhorn-v2-data-engine-hugepage-enabled',
    default: 'true',
    about: 'Whether the second storage engine uses huge pages.',
    check: trueOrFalse,
  },
  {
    name: 'longhorn-v2-data-engine-memory-size',
    default: '2048',
    about: 'MiB of memory of the second storage engine on each host.',
    check: (value) => {
      const errors = wholeNumber(1, 1_048_576)(value)
      return errors.length === 0 && Number(value) % 2 !== 0 ? ['must be an even number of MiB'] : errors
    },
  },
]
