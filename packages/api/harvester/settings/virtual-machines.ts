import type { SettingDeclaration } from './declaration.ts'
import { flagField, jsonObject, numberField, wholeNumber } from './checks.ts'

/** Settings about how virtual machines run. */
export const virtualMachineSettings: SettingDeclaration[] = [
  {
    name: 'overcommit-config',
    default: '{"cpu":1600,"memory":150,"storage":200}',
    about: 'How much more CPU, memory and storage may be promised than there is, in per cent.',
    check: jsonObject((config) =>
      ['cpu', 'memory', 'storage'].flatMap((name) => {
        const percent = config[name]
        if (percent === undefined) return []
        if (typeof percent !== 'number' || !Number.isInteger(percent))
          return [`${name} must be a whole number of per cent`]
        return percent >= 100
          ? []
          : [`Cannot undercommit. Should be greater than or equal to 100 but got ${percent} for ${name}`]
      }),
    ),
  },
  {
    name: 'default-vm-termination-grace-period-seconds',
    default: '120',
    about: 'Seconds between the request to shut down and the end, for machines that do not say.',
    check: wholeNumber(0, 86_400 * 365, { low: "can't be negative: give 0 or more seconds" }),
  },
  {
    name: 'additional-guest-memory-overhead-ratio',
    default: '1.5',
    about: 'Factor on the memory that a machine needs beside its guest; 0 takes a fixed part of the guest instead.',
    check(value) {
      const ratio = Number(value)
      const fits = ratio === 0 || (ratio >= 1 && ratio <= 10)
      return /^\d+(\.\d+)?$/.test(value) && fits
        ? []
        : [`${JSON.stringify(value)} must be empty, 0 or from 1.0 to 10.0`]
    },
  },
  {
    name: 'max-hotplug-ratio',
    default: '4',
    about: 'How many times its CPUs and memory at start a running machine can grow to.',
    check: wholeNumber(1, 20),
  },
  {
    name: 'vm-force-reset-policy',
    default: '{"enable":true,"period":15,"vmMigrationTimeout":180}',
    about: 'Whether and after how many seconds machines of a lost host are started elsewhere.',
    check: jsonObject((policy) => [
      ...flagField(policy, 'enable'),
      ...numberField(policy, 'period', 1, 86_400),
      ...numberField(policy, 'vmMigrationTimeout', 1, 86_400),
    ]),
  },
  {
    name: 'kubevirt-migration',
    default:
      '{"parallelOutboundMigrationsPerNode":2,"parallelMigrationsPerCluster":5,"bandwidthPerMigration":"0","completionTimeoutPerGiB":150,"progressTimeout":150,"allowAutoConverge":false,"allowPostCopy":false,"allowWorkloadDisruption":false,"unsafeMigrationOverride":false,"disableTLS":false,"matchSELinuxLevelOnMigration":false}',
    about: 'Limits of live migrations; times in seconds, bandwidth in bytes per second.',
    check: jsonObject((config) => [
      ...['nodeDrainTaintKey', 'network'].filter((name) => name in config).map((name) => `${name} can't be set here`),
      ...['parallelOutboundMigrationsPerNode', 'parallelMigrationsPerCluster'].flatMap((name) =>
        numberField(config, name, 1, 1000),
      ),
      ...['completionTimeoutPerGiB', 'progressTimeout'].flatMap((name) => numberField(config, name, 1, 1_000_000)),
      ...flagField(
        config,
        'allowAutoConverge',
        'allowPostCopy',
        'allowWorkloadDisruption',
        'unsafeMigrationOverride',
        'disableTLS',
        'matchSELinuxLevelOnMigration',
      ),
    ]),
  },
]
