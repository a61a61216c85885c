import { readdir, readFile, readlink } from 'node:fs/promises'
import type { Commands } from './commands.ts'
import { NetworkError } from './network-driver.ts'

/** A process of Open vSwitch's switch daemon. */
export interface SwitchProcess {
  pid: number
  /** Its network namespace: the same text for the same namespace. */
  netns: string
}

/** The switch daemons of this machine that can be seen from here. */
export async function switchProcesses(): Promise<SwitchProcess[]> {
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name))
  const found = await Promise.all(
    pids.map(async (pid) => {
      const name = await readFile(`/proc/${pid}/comm`, 'utf8').catch(() => '')
      if (name.trim() !== 'ovs-vswitchd') return []
      return [{ pid: Number(pid), netns: await readlink(`/proc/${pid}/ns/net`).catch(() => '') }]
    }),
  )
  return found.flat()
}

/** Whether the kernel can forward for Open vSwitch: its module is there, or can be loaded. */
export async function kernelHasDatapath(commands: Commands): Promise<boolean> {
  // A host without one of these programs has no module for us either.
  const succeeds = async (program: string, ...args: string[]) =>
    (await commands.run(program, args, { mayFail: true }).catch(() => undefined))?.code === 0
  const answers = () => succeeds('genl', 'ctrl', 'get', 'name', 'ovs_datapath')
  return (await answers()) || ((await succeeds('modprobe', '--quiet', 'openvswitch')) && (await answers()))
}

/**
 * Whose packets the kernel forwards: one datapath of each type exists in a network namespace, so a switch daemon that is
 * already there keeps its type, and ours takes the other.
 *
 * @param others interfaces in the namespace: `ovs-system` marks a kernel datapath, `ovs-netdev` a userspace one
 * @throws {NetworkError} `NotPermitted` when both are taken
 */
export function chooseDatapath(
  kernel: boolean,
  others: { pids: number[]; interfaces: readonly string[] },
): 'kernel' | 'userspace' {
  const taken = (name: string) => others.pids.length > 0 && others.interfaces.includes(name)
  if (kernel && !taken('ovs-system')) return 'kernel'
  if (!taken('ovs-netdev')) return 'userspace'
  throw new NetworkError(
    'NotPermitted',
    `another Open vSwitch (process ${others.pids.join(', ')}) has the userspace datapath of this network namespace; ` +
      'stop it, or load the kernel module openvswitch',
  )
}
