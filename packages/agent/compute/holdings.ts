import { hasTpm } from '@thresher/api/kubevirt/tpm'
import { Cgroup } from './cgroup.ts'
import type { FileOwner } from '../storage/storage-folders.ts'
import type { ComputeHost } from './host.ts'
import type { RunPlan } from './plan.ts'
import { removeOwnDisks, volumeNode, type RunFolders } from './prepare.ts'
import { mayBeQemu } from './qemu-user.ts'
import type { Holding } from './run-state.ts'
import { endTpm, findTpm } from './tpm/tpm-process.ts'
import { lastingTpm } from './tpm/tpm-store.ts'

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

/** What a run will hold, in the order in which it is taken. */
export function plannedHoldings(plan: RunPlan): Holding[] {
  return [
    { kind: 'cgroup' },
    { kind: 'own-disks' },
    ...plan.volumes.map(({ name, id }): Holding => ({ kind: 'volume', name: id, node: volumeNode(plan, name) })),
    ...plan.nics.map((nic): Holding => ({ kind: 'nic', name: nic.name })),
    ...tpmHolding(plan),
  ]
}

/** Of an instance with a TPM: its process, and the machine's lasting state when it has one. */
function tpmHolding({ vmi }: RunPlan): Holding[] {
  const lasting = lastingTpm(vmi)
  return hasTpm(vmi.spec.domain) ? [{ kind: 'tpm', ...(lasting ? { name: lasting.uid } : {}) }] : []
}

/** QEMU's name for the node of a volume that is held. */
export function nodeOf(holdings: readonly Holding[], volume: string): string | undefined {
  return holdings.find(({ kind, name }) => kind === 'volume' && name === volume)?.node
}
