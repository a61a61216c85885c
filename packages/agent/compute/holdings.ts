import { Cgroup } from './cgroup.ts'
import type { FileOwner } from '../storage/storage-folders.ts'
import type { ComputeHost } from './host.ts'
import { removeOwnDisks, type RunFolders } from './prepare.ts'
import { mayBeQemu } from './qemu-user.ts'
import type { Holding } from './run-state.ts'
import { endTpm, findTpm } from './tpm/tpm-process.ts'

/**
 * Give back what a run holds, the last first; what is of one kind at once. May be repeated.
 *
 * @returns what could not be given back, to be tried again, and why
 */
export async function giveBack(
  host: ComputeHost,
  run: { uid: string; user: FileOwner; folders: RunFolders; holdings: readonly Holding[] },
): Promise<{ left: Holding[]; errors: Error[] }> {
  const left: Holding[] = []
  const errors: Error[] = []
  for (const group of byKind(run.holdings.toReversed())) {
    const results = await Promise.allSettled(group.map((holding) => giveBackOne(host, run, holding)))
    for (const [index, result] of results.entries()) {
      if (result.status === 'fulfilled') continue
      left.unshift(group[index]!)
      errors.push(result.reason as Error)
    }
  }
  return { left, errors }
}

async function giveBackOne(
  host: ComputeHost,
  { uid, user, folders }: { uid: string; user: FileOwner; folders: RunFolders },
  { kind, name = '' }: Holding,
): Promise<void> {
  switch (kind) {
    case 'volume':
      return host.storage.unpublish(name, user)
    case 'nic':
      return host.network.unplug({ vmi: uid, nic: name })
    case 'own-disks':
      return removeOwnDisks(folders)
    case 'tpm': {
      const process = findTpm(folders.paths.tpm, (owner) => mayBeQemu(host, owner))
      if (process) await endTpm(process)
      if (name) host.tpms.close(name)
      return
    }
    case 'cgroup':
      if (!new Cgroup(host.hierarchy, uid).tryRemove()) throw new Error('the control group still has a process')
  }
}

/** Neighbours of one kind together. */
function byKind(holdings: readonly Holding[]): Holding[][] {
  const groups: Holding[][] = []
  for (const holding of holdings) {
    const last = groups.at(-1)
    if (last?.[0]?.kind === holding.kind) last.push(holding)
    else groups.push([holding])
  }
  return groups
}
