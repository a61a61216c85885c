import { busOf } from '@thresher/api/kubevirt/device-places'
import type { Disk } from '@thresher/api/kubevirt/disk'
import { guestCpus } from '@thresher/api/kubevirt/guest-memory'
import type { Draft } from './draft.ts'
import type { QemuInput } from './input.ts'

/** Threads for one guest's disks beyond which more do not help. */
const mostThreads = 64

/** The id of a pool's first thread, which every pool has. */
export const firstIoThread = 'iothread0'

/**
 * Declare the threads that disks on virtio share, and deal them out in turns. A disk that asks for a thread of its own has no part
 * in that.
 *
 * @returns the thread's id by the disk's name; none where QEMU's main thread serves them
 * @see KubeVirt `v1.IOThreadsPolicy`
 */
export function addIoThreads(draft: Draft, { vmi }: QemuInput): ReadonlyMap<string, string> {
  const { domain } = vmi.spec
  const disks = (domain.devices.disks ?? []).filter((disk) => busOf(disk) === 'virtio')
  const others = disks.filter(({ dedicatedIOThread }) => !dedicatedIOThread)
  const pool = poolOf(draft, domain, disks.length - others.length, others)
  for (const id of pool) draft.object('iothread', { id })
  return new Map(pool.length === 0 ? [] : others.map(({ name }, index) => [name, pool[index % pool.length]!]))
}

function poolOf(draft: Draft, domain: QemuInput['vmi']['spec']['domain'], dedicated: number, others: Disk[]): string[] {
  const pool = (size: number): string[] => Array.from({ length: size }, (_, index) => `iothread${index}`)
  switch (domain.ioThreadsPolicy ?? '') {
    case '':
      return []
    case 'shared':
      return pool(1)
    case 'auto':
      // Twice as many threads as processors in all, and none that would be idle.
      return pool(Math.max(1, Math.min(others.length, 2 * guestCpus(domain) - dedicated, mostThreads)))
    case 'supplementalPool': {
      const count = domain.ioThreads?.supplementalPoolThreadCount ?? 0
      if (count >= 1 && count <= mostThreads) return pool(count)
      draft.refuse('spec.domain.ioThreads.supplementalPoolThreadCount', `give a number from 1 to ${mostThreads}`)
      return []
    }
    default:
      draft.refuse(
        'spec.domain.ioThreadsPolicy',
        `${JSON.stringify(domain.ioThreadsPolicy)} is not a policy; use shared, auto or supplementalPool`,
      )
      return []
  }
}
