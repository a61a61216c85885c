import { tpmChardev } from './qemu/devices.ts'
import type { QemuProcess } from './qemu-processes.ts'
import { currentVersion } from './run-state-upgrades.ts'
import type { Holding, RunningConfig, RunState } from './run-state.ts'

/**
 * The state of a run whose file is gone, from the process that lives. What only the API knows (the pod, the volumes' ids)
 * is left open. Pure.
 */
export function rebuildState({ uid, user, identity, args }: QemuProcess, startedAt: string): RunState {
  const valuesOf = (option: string): string[] => args.flatMap((arg, at) => (arg === option ? [args[at + 1] ?? ''] : []))
  const [namespace = 'default', name = uid] = (optionsOf(valuesOf('-name')[0])['guest'] ?? '').split('/')
  const devices = valuesOf('-device').map(parseDevice)
  const config = configOf(valuesOf, devices)
  const holdings: Holding[] = [
    { kind: 'cgroup' },
    { kind: 'own-disks' },
    ...config.nics.map((nic): Holding => ({ kind: 'nic', name: nic.name })),
    ...(valuesOf('-chardev').some((value) => optionsOf(value)['id'] === tpmChardev) ? [{ kind: 'tpm' } as const] : []),
  ]
  const pod = { name: '', uid: '' }
  return {
    version: currentVersion,
    namespace,
    name,
    uid,
    user,
    pod,
    step: 'running',
    holdings,
    process: identity,
    config,
    startedAt,
  }
}

type Device = Record<string, unknown>

function configOf(valuesOf: (option: string) => string[], devices: Device[]): RunningConfig {
  const ifnames = new Map(valuesOf('-netdev').map((value) => [optionsOf(value)['id'], optionsOf(value)['ifname']]))
  const named = (prefix: string): { name: string; id: string; device: Device }[] =>
    devices.flatMap((device) => {
      const id = textOf(device['id'])
      return id.startsWith(prefix) ? [{ name: id.slice(prefix.length), id, device }] : []
    })
  const machine = valuesOf('-machine').map(optionsOf)
  const chardevs = valuesOf('-chardev').map((value) => optionsOf(value)['id'])
  return {
    machineType: machine.find(({ type }) => type)?.['type'] ?? 'q35',
    cpus: Number.parseInt(/(?:^|,)(?:cpus=)?(\d+)/.exec(valuesOf('-smp')[0] ?? '')?.[1] ?? '1', 10),
    guestBytes: Number.parseInt(optionsOf(valuesOf('-m')[0])['size'] ?? '0', 10) * 1024 * 1024,
    overheadBytes: 0,
    accelerator: valuesOf('-accel')[0]?.startsWith('kvm') ? 'kvm' : 'tcg',
    fingerprint: 'unknown',
    disks: named('disk-').map(({ name, id, device }) => ({
      name,
      device: id,
      ...(typeof device['drive'] === 'string' ? { nodeName: device['drive'] } : {}),
      target: '',
    })),
    nics: named('net-').map(({ name, id, device }) => ({
      name,
      device: id,
      mac: textOf(device['mac']),
      ifname: ifnames.get(textOf(device['netdev'])) ?? '',
    })),
    features: {
      serial: chardevs.includes('serial0'),
      graphics: valuesOf('-vnc').length > 0,
      balloon: named('balloon0').length > 0,
      secureBoot: machine.some(({ smm }) => smm === 'on'),
    },
  }
}

/** `key=value,…`; a comma within a value is doubled. @see QEMU's `opts_parse` */
function optionsOf(value = ''): Record<string, string> {
  const parts = value.replaceAll(',,', '\0').split(',')
  return Object.fromEntries(
    parts.map((part) => {
      const [key = '', ...rest] = part.replaceAll('\0', ',').split('=')
      return [key, rest.join('=')]
    }),
  )
}

function textOf(value: unknown): string {
  return typeof value === 'string' ? value : ''
}

function parseDevice(value: string): Device {
  try {
    const parsed: unknown = JSON.parse(value)
    return typeof parsed === 'object' && parsed !== null ? (parsed as Device) : {}
  } catch {
    return {}
  }
}
