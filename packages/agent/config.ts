import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { defaultGuestUids, parseGuestUids, type GuestUids } from './guest-uids.ts'

/** What the agent is told on its command line. */
export interface AgentConfig {
  /** How to reach the API server, with this node's client certificate. */
  kubeconfig: string
  /** Outlives a restart of the host: images, volumes, the network's databases, certificates. */
  dataDir: string
  /** Sockets and states of what runs. */
  runDir: string
  nodeName: string
  /** Where the API server reaches the agent. */
  port: number
  /** CIDR of the guests' management network. */
  guestSubnet: string
  /** Whether the cluster's network databases are on this host, beside the server, or elsewhere. */
  role: NodeRole
  /** The NIC for tunnels to other hosts, where it is not the one with the default route. */
  tunnelDevice?: string
  /** Tells instances on one machine apart in interface names: 1 to 8 of a-z and 0-9. */
  instance: string
  /** The numbers of users and groups that belong to guests alone. */
  guestUids: GuestUids
  /** TCP ports of this host that guests may reach, beside that of the API. */
  openToGuests: number[]
  /** Stop all guests and the network instead of running. */
  down: boolean
}

/** What a host does for the cluster beside running guests. */
export type NodeRole = 'management' | 'worker'

/** The command line is wrong. */
export class UsageError extends Error {
  override readonly name = 'UsageError'
}

/** The longest socket below the run folder: `/vms/<36>/serial.sock`; unix(7) allows 107 characters. */
const longestRunDir = 107 - '/vms/'.length - 36 - '/serial.sock'.length

/** @throws {UsageError} */
export function parseConfig(args: string[]): AgentConfig {
  const { values } = readArgs(args)
  const dataDir = values['data-dir'] ?? '/var/lib/thresher/agent'
  const runDir = values['run-dir'] ?? '/run/thresher'
  for (const [option, path] of [
    ['--data-dir', dataDir],
    ['--run-dir', runDir],
  ] as const)
    if (!path.startsWith('/') || /[,\n]/.test(path))
      throw new UsageError(`${option} ${path} must be an absolute path without commas`)
  if (runDir.length > longestRunDir)
    throw new UsageError(
      `--run-dir ${runDir} is too long for sockets below it; use at most ${longestRunDir} characters`,
    )
  const port = Number(values.port ?? '10250')
  if (!Number.isInteger(port) || port < 0 || port > 65_535) throw new UsageError('--port must be from 1 to 65535')
  const role = values.role ?? 'management'
  if (role !== 'management' && role !== 'worker') throw new UsageError('--role must be management or worker')
  return {
    guestUids: readGuestUids(values['guest-uids']),
    openToGuests: readPorts(values['open-to-guests']),
    kubeconfig: values.kubeconfig ?? join(dataDir, 'agent.kubeconfig'),
    dataDir,
    runDir,
    nodeName: values['node-name'] ?? '',
    port,
    guestSubnet: values['guest-subnet'] ?? '10.52.0.0/16',
    role,
    ...(values['tunnel-device'] ? { tunnelDevice: values['tunnel-device'] } : {}),
    instance: values.instance ?? 'thr0',
    down: values.down ?? false,
  }
}

function readGuestUids(text = defaultGuestUids): GuestUids {
  try {
    return parseGuestUids(text)
  } catch (cause) {
    throw new UsageError(`--guest-uids ${(cause as Error).message}`, { cause })
  }
}

/** @param text such as `80,443`; empty for none */
function readPorts(text = ''): number[] {
  const ports = text === '' ? [] : text.split(',').map(Number)
  if (ports.every((port) => Number.isInteger(port) && port >= 1 && port <= 65_535)) return ports
  throw new UsageError('--open-to-guests must be ports from 1 to 65535, such as 80,443')
}

function readArgs(args: string[]) {
  try {
    return parseArgs({
      args,
      options: {
        kubeconfig: { type: 'string' },
        'data-dir': { type: 'string' },
        'run-dir': { type: 'string' },
        'node-name': { type: 'string' },
        port: { type: 'string' },
        'guest-subnet': { type: 'string' },
        role: { type: 'string' },
        'tunnel-device': { type: 'string' },
        instance: { type: 'string' },
        'guest-uids': { type: 'string' },
        'open-to-guests': { type: 'string' },
        down: { type: 'boolean' },
      },
    })
  } catch (cause) {
    throw new UsageError((cause as Error).message, { cause })
  }
}
