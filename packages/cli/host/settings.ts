import { existsSync, renameSync, writeFileSync } from 'node:fs'
import { hostname } from 'node:os'
import type { Static } from 'typebox'
import { defaultGuestUids } from '@thresher/agent/guest-uids'
import { mismatches } from '@thresher/api/matches'
import { Type } from '@thresher/api/type'
import { readTrusted } from '@thresher/client/node/trusted-file'
import { filesOf, type Paths } from '../paths.ts'
import { UserError } from '../user-error.ts'

const version = 1

/** What the user chose at the first `up`; kept, so that later ones need no options. */
const Settings = Type.Object({
  /** `address:port` of the API. */
  listen: Type.String({ pattern: String.raw`^\S+:\d{1,5}$` }),
  nodeName: Type.String({ pattern: '^[a-z0-9]([-a-z0-9.]{0,61}[a-z0-9])?$' }),
  agentPort: Type.Integer({ minimum: 1, maximum: 65_535 }),
  /** The guests' management network, as a CIDR. */
  guestSubnet: Type.String({ pattern: String.raw`^\d+\.\d+\.\d+\.\d+/\d+$` }),
  /** The numbers of users and groups that belong to guests alone. */
  guestUids: Type.String({ pattern: String.raw`^\d{1,10}-\d{1,10}$` }),
  /** TCP ports of the host that guests may reach beside the API's, such as `80,443`. */
  openToGuests: Type.String({ pattern: String.raw`^(\d{1,5}(,\d{1,5})*)?$` }),
  /** Who starts the programs again: the host's systemd, or a process of ours. */
  services: Type.Enum(['systemd', 'supervisor']),
  /** Whether a server runs here, or only an agent of a cluster whose servers are elsewhere. */
  role: Type.Enum(['management', 'worker']),
  /** Where a worker's servers are: `https://host:port`. */
  server: Type.Optional(Type.String({ pattern: String.raw`^https://\S+$` })),
  /** The NIC for tunnels to other hosts, where it is not the one with the default route. */
  tunnelDevice: Type.Optional(Type.String({ pattern: '^[A-Za-z0-9._-]{1,15}$' })),
  /** The cluster whose objects this installation holds, once it has been up: the UID of its namespace kube-system. */
  cluster: Type.Optional(Type.String({ minLength: 1 })),
})
export type Settings = Static<typeof Settings>

/** How each setting is given on the command line, and what it must look like. */
const remedies: Record<string, string> = {
  listen: '--listen must be address:port, such as 0.0.0.0:6443.',
  nodeName: '--node-name must be lower-case letters, digits, "-" and ".", at most 63.',
  agentPort: '--agent-port must be a number from 1 to 65535.',
  guestSubnet: '--guest-subnet must be a network, such as 10.52.0.0/16.',
  guestUids: `--guest-uids must be two numbers, such as ${defaultGuestUids}.`,
  openToGuests: '--open-to-guests must be ports, such as 80,443.',
  services: '--services must be systemd or supervisor.',
  tunnelDevice: '--tunnel-device must be the name of a network interface, such as eth1.',
}

const defaultSettings = (): Settings => ({
  listen: '0.0.0.0:6443',
  nodeName: hostname().split('.')[0]!.toLowerCase(),
  agentPort: 10250,
  guestSubnet: '10.52.0.0/16',
  guestUids: defaultGuestUids,
  openToGuests: '',
  role: 'management',
  services: existsSync('/run/systemd/system') ? 'systemd' : 'supervisor',
})

/**
 * The settings of this installation: what was kept, then what is given now.
 *
 * @throws {UserError} naming the option when something given is not acceptable, and the file when something kept is not
 */
export function readSettings(paths: Paths, given: Partial<Settings> = {}): Settings {
  const merged = { ...defaultSettings(), ...keptSettings(filesOf(paths).settings), ...given }
  const wrong = mismatches(Settings, merged)[0]
  if (wrong) throw new UserError(remedies[wrong.path.slice(1)] ?? `setting ${wrong.path.slice(1)} ${wrong.message}.`)
  return merged
}

/** Keep the settings, whole or not at all. */
export function keepSettings(paths: Paths, settings: Settings): void {
  const file = filesOf(paths).settings
  writeFileSync(`${file}.new`, `${JSON.stringify({ version, ...settings }, null, 2)}\n`, { mode: 0o644 })
  renameSync(`${file}.new`, file)
}

/** Files without a version are those of before there was one; they differ in nothing else. */
function keptSettings(file: string): Partial<Settings> {
  if (!existsSync(file)) return {}
  const { version: found = version, ...kept } = parseFile(file)
  if (found !== version)
    throw new UserError(
      `${file} is of version ${JSON.stringify(found)}, and this Thresher knows version ${version}; run the Thresher that wrote it.`,
    )
  const wrong = mismatches(Settings, { ...defaultSettings(), ...kept })[0]
  if (wrong)
    throw new UserError(
      `${file}: ${wrong.path.slice(1)} ${wrong.message}; mend it, or remove the file and give the options of up again.`,
    )
  return kept as Partial<Settings>
}

function parseFile(file: string): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(readTrusted(file))
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Record<string, unknown>
  } catch (cause) {
    if (!(cause instanceof SyntaxError)) throw new UserError((cause as Error).message, { cause })
  }
  throw new UserError(`${file} is damaged; remove it and give the options of up again.`)
}
