import { accessSync, constants, existsSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { HostPackage } from '@thresher/lab/guest/packages'
import { UserError } from '../user-error.ts'
import { run } from './run.ts'

/** What server and agent need on a host. */
export const hostPackages: HostPackage[] = [
  { name: 'qemu-system-x86', why: 'runs the virtual machines' },
  { name: 'qemu-utils', why: 'makes and converts disk images' },
  { name: 'xz-utils', why: 'unpacks disk images' },
  { name: 'zstd', why: 'unpacks disk images' },
  { name: 'bzip2', why: 'unpacks disk images' },
  { name: 'ovmf', why: 'UEFI firmware for virtual machines' },
  { name: 'swtpm', why: 'emulates TPMs for virtual machines' },
  { name: 'genisoimage', why: 'writes cloud-init seeds' },
  { name: 'openvswitch-switch', why: 'switches the guests’ packets' },
  { name: 'ovn-central', why: 'computes the logical networks' },
  { name: 'ovn-host', why: 'applies the logical networks on this host' },
  { name: 'nftables', why: 'gives guests a way out (NAT)' },
  { name: 'iproute2', why: 'makes taps and addresses' },
  { name: 'openssh-client', why: 'thresher vm ssh' },
]

/** What the tests need beyond that. */
export const testPackages: HostPackage[] = [
  { name: 'kubernetes-client', why: 'kubectl, driven by the tests', unlessProgram: 'kubectl' },
  { name: 'etcd-server', why: 'the store of a cluster' },
  { name: 'etcd-client', why: 'looks into that store' },
  { name: 'openssl', why: 'makes and checks certificates that are not ours', unlessProgram: 'openssl' },
  { name: 'chromium', why: 'the browser that drives the dashboard in tests' },
]

/** Whether a program is on the PATH. */
function onPath(program: string): boolean {
  return (process.env['PATH'] ?? '').split(':').some((folder) => {
    try {
      accessSync(join(folder, program), constants.X_OK)
      return true
    } catch {
      return false
    }
  })
}

/** Those of `wanted` that are not installed. */
export async function missingPackages(wanted: HostPackage[]): Promise<HostPackage[]> {
  if (!onPath('dpkg-query')) {
    throw new UserError('this is not a Debian host (dpkg-query is missing); Thresher runs on Debian 12.')
  }
  const { stdout } = await run('dpkg-query', ['--show', '--showformat=${Package} ${db:Status-Status}\n'])
  const installed = new Set(
    stdout
      .split('\n')
      .filter((line) => line.endsWith(' installed'))
      .map((line) => line.split(' ')[0]),
  )
  return wanted.filter(
    ({ name, unlessProgram }) => !installed.has(name) && !(unlessProgram !== undefined && onPath(unlessProgram)),
  )
}

/**
 * Install Debian packages without starting the services they bring: Thresher runs the engines itself.
 *
 * @throws {UserError} when not root or when apt-get fails, with apt's last words
 */
export async function installPackages(packages: HostPackage[], signal: AbortSignal): Promise<void> {
  if (packages.length === 0) return
  if (process.getuid?.() !== 0) {
    const names = packages.map((one) => one.name).join(' ')
    throw new UserError(`Debian packages are missing: ${names}. Run this as root, or: apt-get install ${names}`)
  }
  await using guard = denyServiceStarts()
  void guard
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' }
  const lists = await run('apt-get', ['update'], { env, signal })
  if (lists.code !== 0) throw new UserError(`apt-get update failed: ${lastLine(lists.stderr)}`)
  const names = packages.map((one) => one.name)
  const done = await run('apt-get', ['install', '--yes', '--no-install-recommends', ...names], { env, signal })
  if (done.code !== 0) {
    throw new UserError(`apt-get could not install ${names.join(' ')}: ${lastLine(done.stderr)}`)
  }
  if (existsSync('/run/systemd/system')) {
    for (const unit of ['openvswitch-switch', 'ovn-central', 'ovn-host']) {
      if (names.includes(unit)) await run('systemctl', ['disable', `${unit}.service`])
    }
  }
}

const lastLine = (text: string) => text.trim().split('\n').at(-1) ?? 'no message'

/** Debian asks this program before it starts a service; 101 means no. Left alone where an administrator has one. */
function denyServiceStarts(): AsyncDisposable {
  const policy = '/usr/sbin/policy-rc.d'
  const ours = !existsSync(policy)
  if (ours) writeFileSync(policy, '#!/bin/sh\nexit 101\n', { mode: 0o755 })
  return {
    [Symbol.asyncDispose]: async () => {
      if (ours) rmSync(policy, { force: true })
    },
  }
}
