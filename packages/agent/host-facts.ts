import { execFile } from 'node:child_process'
import { existsSync, readFileSync, statfsSync } from 'node:fs'
import { availableParallelism, networkInterfaces, release, totalmem } from 'node:os'
import { promisify } from 'node:util'

const run = promisify(execFile)

/** What does not change while the host runs. Memory and storage in bytes. */
export interface HostInventory {
  cpus: number
  memoryBytes: number
  storageBytes: number
  storageFreeBytes: number
  osImage: string
  kernel: string
  machineId: string
  systemUuid: string
  bootId: string
  architecture: string
}

/** Look the host over. @param dataDir whose file system holds the guests' disks */
export function takeInventory(dataDir: string): HostInventory {
  const { bsize, blocks, bavail } = statfsSync(dataDir)
  return {
    cpus: availableParallelism(),
    memoryBytes: totalmem(),
    storageBytes: bsize * blocks,
    storageFreeBytes: bsize * bavail,
    osImage: /^PRETTY_NAME="?([^"\n]+)"?$/m.exec(readText('/etc/os-release'))?.[1] ?? 'Linux',
    kernel: release(),
    machineId: readText('/etc/machine-id'),
    systemUuid: readText('/sys/class/dmi/id/product_uuid') || readText('/etc/machine-id'),
    bootId: readText('/proc/sys/kernel/random/boot_id'),
    architecture: process.arch === 'x64' ? 'amd64' : process.arch,
  }
}

function readText(path: string): string {
  try {
    return readFileSync(path, 'utf8').trim()
  } catch {
    return ''
  }
}

/** The address by which other hosts reach this one: that of the interface with the default route, else the first. */
export function primaryAddress(): string {
  const interfaces = networkInterfaces()
  const withDefault = readText('/proc/net/route')
    .split('\n')
    .slice(1)
    .map((line) => line.split('\t'))
    .find(([, destination]) => destination === '00000000')?.[0]
  const order = [...(withDefault ? [withDefault] : []), ...Object.keys(interfaces)]
  for (const name of order)
    for (const { family, internal, address } of interfaces[name] ?? [])
      if (family === 'IPv4' && !internal) return address
  return '127.0.0.1'
}

/** The IPv4 address of one interface. @throws {Error} when it has none */
export function addressOfDevice(device: string): string {
  const found = (networkInterfaces()[device] ?? []).find(({ family }) => family === 'IPv4')
  if (!found) throw new Error(`the interface ${device} for tunnels has no IPv4 address; give it one, or choose another`)
  return found.address
}

/** QEMU is not installed, or is not QEMU. */
export class MissingQemuError extends Error {
  override readonly name = 'MissingQemuError'
}

/** Which QEMU this is. @throws {MissingQemuError} */
export async function qemuVersion(program: string): Promise<{ major: number; minor: number; micro: number }> {
  let output: string
  try {
    output = (await run(program, ['--version'], { timeout: 10_000 })).stdout
  } catch (cause) {
    throw new MissingQemuError(`${program} cannot be run; install the package qemu-system-x86`, { cause })
  }
  const [, major, minor, micro] = /version (\d+)\.(\d+)\.(\d+)/.exec(output) ?? []
  if (!major || !minor || !micro) throw new MissingQemuError(`${program} does not tell its version`)
  return { major: Number(major), minor: Number(minor), micro: Number(micro) }
}

/** Where UEFI's images are, if they are. */
export function findOvmf(): string | undefined {
  return ['/usr/share/OVMF', '/usr/share/edk2/ovmf'].find((folder) => existsSync(`${folder}/OVMF_CODE_4M.fd`))
}

/** Whether a program is where the system's programs are. */
export function hasProgram(name: string): boolean {
  return ['/usr/bin', '/usr/sbin', '/bin', '/usr/local/bin'].some((folder) => existsSync(`${folder}/${name}`))
}

/** The system user that QEMU runs as. */
export const qemuUserName = 'thresher-qemu'

/** A system user was not created. */
export class MissingUserError extends Error {
  override readonly name = 'MissingUserError'
}

/** A system user's numbers, from the host's user database. @throws {MissingUserError} */
export async function findUser(name: string): Promise<{ uid: number; gid: number }> {
  try {
    const fields = (await run('getent', ['passwd', name])).stdout.trim().split(':')
    return { uid: Number(fields[2]), gid: Number(fields[3]) }
  } catch (cause) {
    throw new MissingUserError(
      `there is no user ${name}; "thresher up" creates it, or: useradd --system --user-group --no-create-home ${name}`,
      { cause },
    )
  }
}
