import { statSync } from 'node:fs'
import { join } from 'node:path'
import { freeUid, isGuestUid } from '../guest-uids.ts'
import type { FileOwner } from '../storage/storage-folders.ts'
import type { ComputeHost } from './host.ts'
import { usersOfProcesses } from './process-user.ts'
import { listRuns } from './run-folder.ts'

/**
 * A user for a new run that neither a process nor another run of this host has. The number is taken when the run's folder has it as
 * its group.
 */
export function chooseRunUser({ guestUids, runRoot }: Pick<ComputeHost, 'guestUids' | 'runRoot'>): number {
  const taken = usersOfProcesses()
  for (const uid of listRuns(runRoot)) {
    const found = statSync(join(runRoot, uid), { throwIfNoEntry: false })
    if (found) taken.add(found.gid)
  }
  return freeUid(guestUids, (id) => taken.has(id))
}

/** The user of a run's QEMU with its group. @param uid undefined of a run that an earlier version began: those shared one user */
export function ownerOf(host: Pick<ComputeHost, 'guestUids' | 'user'>, uid = host.user.uid): FileOwner {
  return { uid, gid: groupOf(host, uid) }
}

/** The group of QEMU's user: a run's own has the same number. */
export function groupOf({ guestUids, user }: Pick<ComputeHost, 'guestUids' | 'user'>, uid: number): number {
  return isGuestUid(guestUids, uid) ? uid : user.gid
}
