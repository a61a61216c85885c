import { guestOsInfo } from '../compute/instance-status.ts'
import type { Machine } from '../compute/machine.ts'

/** What an operation answers: JSON, a picture, or nothing. */
export type Answer = { json: unknown } | { png: Buffer } | { nothing: true }

/** One operation on a running guest, under `/vmi/<namespace>/<name>/<path>`. */
export interface GuestOperation {
  method: 'GET' | 'PUT'
  path: string
  run(machine: Machine): Promise<Answer>
}

const nothing: Answer = { nothing: true }

/** The operations that answer at once; consoles and ports are streams. */
export const guestOperations: readonly GuestOperation[] = [
  { method: 'PUT', path: 'pause', run: (machine) => machine.pause().then(() => nothing) },
  { method: 'PUT', path: 'unpause', run: (machine) => machine.unpause().then(() => nothing) },
  { method: 'PUT', path: 'reset', run: (machine) => machine.reset().then(() => nothing) },
  { method: 'PUT', path: 'softreboot', run: (machine) => machine.softReboot().then(() => nothing) },
  { method: 'PUT', path: 'freeze', run: (machine) => machine.freeze().then(() => nothing) },
  { method: 'PUT', path: 'unfreeze', run: (machine) => machine.thaw().then(() => nothing) },
  { method: 'GET', path: 'vnc/screenshot', run: async (machine) => ({ png: await machine.screenshot() }) },
  { method: 'GET', path: 'guestosinfo', run: async (machine) => ({ json: await osInfo(machine) }) },
  { method: 'GET', path: 'userlist', run: async (machine) => ({ json: { items: await users(machine) } }) },
  { method: 'GET', path: 'filesystemlist', run: async (machine) => ({ json: { items: await fileSystems(machine) } }) },
]

/** @see KubeVirt's VirtualMachineInstanceGuestAgentInfo */
async function osInfo(machine: Machine): Promise<unknown> {
  const { info, os, hostname, timezone, frozen } = await machine.askGuest(async (ask) => {
    const about = await ask('guest-info')
    const can = new Set(about.supported_commands.filter(({ enabled }) => enabled).map(({ name }) => name))
    return {
      info: about,
      os: can.has('guest-get-osinfo') ? await ask('guest-get-osinfo') : undefined,
      hostname: can.has('guest-get-host-name') ? (await ask('guest-get-host-name'))['host-name'] : undefined,
      timezone: can.has('guest-get-timezone') ? await ask('guest-get-timezone') : undefined,
      frozen: can.has('guest-fsfreeze-status') ? await ask('guest-fsfreeze-status') : undefined,
    }
  })
  return {
    guestAgentVersion: info.version,
    supportedCommands: info.supported_commands.map(({ name, enabled }) => ({ name, enabled })),
    hostname,
    os: os && guestOsInfo(os),
    ...(timezone ? { timezone: `${timezone.zone ?? ''}, ${timezone.offset}` } : {}),
    userList: await users(machine).catch(() => []),
    fsInfo: { disks: await fileSystems(machine).catch(() => []) },
    ...(frozen ? { fsFreezeStatus: frozen } : {}),
  }
}

async function users(machine: Machine): Promise<unknown[]> {
  const list = await machine.askGuest((ask) => ask('guest-get-users'))
  return list.map((one) => ({ userName: one.user, domain: one.domain, loginTime: one['login-time'] }))
}

async function fileSystems(machine: Machine): Promise<unknown[]> {
  const list = await machine.askGuest((ask) => ask('guest-get-fsinfo'))
  return list.map((one) => ({
    diskName: one.name,
    mountPoint: one.mountpoint,
    fileSystemType: one.type,
    usedBytes: one['used-bytes'] ?? 0,
    totalBytes: one['total-bytes'] ?? 0,
    disk: one.disk.map((disk) => ({ serial: disk.serial, busType: disk['bus-type'], dev: disk.dev })),
  }))
}
