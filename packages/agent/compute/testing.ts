import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { placeDevices, readPlaces } from '@thresher/api/kubevirt/device-places'
import type { VirtualMachineInstance } from '@thresher/api/kubevirt/virtual-machine-instance'
import type { NetworkDriver } from '../network/network-driver.ts'
import type { GuestUids } from '../guest-uids.ts'
import { probeHierarchy } from './cgroup.ts'
import type { ComputeHost } from './host.ts'
import { GuestView } from './guest-view.ts'
import { FirmwareStore } from './firmware-store.ts'
import type { RunPlan } from './plan.ts'
import { signalProcess } from './process-identity.ts'
import type { Run } from './run.ts'
import { StartGate } from './start-gate.ts'
import { TpmStore } from './tpm/tpm-store.ts'

/**
 * A whole guest in a boot sector, there 0.3 s after its start. On the serial console it says `ready` and echoes what is
 * typed; `s` shuts it down, `r` restarts it, `p` makes it panic (pvpanic, port 0x505). It obeys the power button.
 *
 * ```
 * enable the button (0x602) · print "ready" · loop: button pressed (0x600)? key (0x3f8)? else sti, hlt
 * off: 0x2000 → 0x604 · restart: 6 → 0xcf9 · panic: 1 → 0x505
 * ```
 */
const program =
  'fa31c08ed88ed0bc007cba0206b80001efbaf803be607cac84c07403eeebf8ba0006edf6c401751fbafd03eca8017413baf803ec3c73740f3c7274143c707418eeebdcfbf4ebd8ba0406b80020efebf3baf90cb006eeebebba0505b001eeebe372656164790d0a00'

/** Write the guest as a raw disk image that anyone may read and write. */
export function writeTestGuest(path: string): void {
  const sector = Buffer.alloc(1024 * 1024)
  sector.write(program, 'hex')
  sector.writeUInt16LE(0xaa55, 510)
  writeFileSync(path, sector, { mode: 0o666 })
}

/** Uid and gid that own nothing on any host. */
const nobody = 64_055

/** Other numbers than those of an installation on this machine. */
export const testUids: GuestUids = { first: 1_950_000_000, count: 65_536 }

/** A host whose volumes are raw files named by their path, without a network. */
export function testHost(folder: string, logs: string[] = []): ComputeHost {
  mkdirSync(`${folder}/secret`, { recursive: true, mode: 0o711 })
  const storage: ComputeHost['storage'] = {
    publish: (path, options) => {
      const nodeName = options?.nodeName ?? 'vol'
      return Promise.resolve({
        nodeName,
        bytes: 1024 * 1024,
        files: [{ path, access: 'write' as const }],
        blockdevs: [
          { driver: 'file', 'node-name': `${nodeName}-file`, filename: path },
          { driver: 'raw', 'node-name': nodeName, file: `${nodeName}-file` },
        ],
      })
    },
    unpublish: () => Promise.resolve(),
    room: () => Promise.resolve({ totalBytes: 2 ** 40, freeBytes: 2 ** 39 }),
  }
  const network: Pick<NetworkDriver, 'plug' | 'unplug'> = {
    plug: () => Promise.reject(new Error('the test host has no network')),
    unplug: () => Promise.resolve(),
  }
  return {
    storage,
    network,
    facts: Promise.resolve({
      accelerator: 'tcg',
      qemu: { major: 7, minor: 2, micro: 0 },
      ovmf: '/usr/share/OVMF',
      swtpm: true,
    }),
    user: { uid: nobody, gid: nobody, groups: [] },
    guestUids: testUids,
    view: GuestView.prepare(`${folder}/view`).catch(() => undefined),
    volumeFolders: { writable: [folder], readOnly: [] },
    hierarchy: probeHierarchy(),
    starts: new StartGate(4),
    program: 'qemu-system-x86_64',
    runRoot: `${folder}/run`,
    secretRoot: `${folder}/secret`,
    dataRoot: `${folder}/data`,
    firmware: new FirmwareStore(`${folder}/data/nvram`),
    tpms: new TpmStore(`${folder}/data/tpm`),
    log: (_level, message) => void logs.push(message),
  }
}

/** A VMI with one disk and no network. */
export function testInstance(
  uid: string,
  domain: Partial<VirtualMachineInstance['spec']['domain']> = {},
): VirtualMachineInstance {
  return {
    apiVersion: 'kubevirt.io/v1',
    kind: 'VirtualMachineInstance',
    metadata: { namespace: 'default', name: 'guest', uid },
    spec: {
      domain: {
        cpu: { cores: 1, sockets: 1, threads: 1 },
        memory: { guest: '64Mi' },
        devices: { disks: [{ name: 'root', disk: { bus: 'virtio' } }] },
        ...domain,
      },
      volumes: [{ name: 'root', persistentVolumeClaim: { claimName: 'root' } }],
    },
  }
}

/** How a VMI of {@link testInstance} runs from the guest `root.img` in a folder. */
export function testPlan(folder: string, vmi: VirtualMachineInstance): RunPlan {
  return {
    vmi,
    places: placeDevices(readPlaces(), vmi.spec),
    pod: { name: 'virt-launcher-guest-abcde', uid: 'p1' },
    volumes: [{ name: 'root', id: join(folder, 'root.img'), readOnly: false, shared: false }],
    seeds: [],
    scratch: [],
    nics: [],
  }
}

/** Leave runs to nobody, and end their guests. */
export async function endRuns(runs: readonly Pick<Run, 'release' | 'view' | 'settled'>[]): Promise<void> {
  for (const run of runs) {
    run.release()
    const { process } = run.view()
    if (process) signalProcess(process, 'SIGKILL')
    await run.settled()
  }
}
