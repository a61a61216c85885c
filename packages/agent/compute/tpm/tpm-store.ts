import {
  chmodSync,
  closeSync,
  constants,
  fchmodSync,
  fchownSync,
  fstatSync,
  mkdirSync,
  openSync,
  readdirSync,
  rmSync,
} from 'node:fs'
import { join } from 'node:path'
import { hasTpm } from '@thresher/api/kubevirt/tpm'
import type { VirtualMachineInstance } from '@thresher/api/kubevirt/virtual-machine-instance'
import { checkedUid, lastingOwner, OwnerFiles, type LastingOwner } from '../owner-files.ts'

/** Numbers of a user on this host. */
interface Owner {
  uid: number
  gid: number
}

const root: Owner = { uid: 0, gid: 0 }

/**
 * What TPMs remember beyond a run, each in a folder under the UID of its virtual machine. It is written in place, not copied
 * back at the run's end: what a guest has sealed must survive the host's crash too. During a run the folder is its TPM's, in
 * between root's.
 */
export class TpmStore {
  readonly #folder: string
  readonly #owners: OwnerFiles

  /** @param folder root's own */
  constructor(folder: string) {
    this.#folder = folder
    this.#owners = new OwnerFiles(folder)
  }

  /** The folder of a machine's TPM, given to the user that the TPM runs as. */
  open(owner: LastingOwner, user: Owner): string {
    mkdirSync(this.#folder, { recursive: true, mode: 0o711 })
    // Passed through by name, but never listed.
    chmodSync(this.#folder, 0o711)
    this.#owners.write(owner)
    const folder = this.#of(owner.uid)
    mkdirSync(folder, { recursive: true, mode: 0o700 })
    hand(folder, user)
    return folder
  }

  /** Take a machine's folder back from the run that used it. */
  close(uid: string): void {
    hand(this.#of(uid), root)
  }

  /** Whose TPMs are kept here. */
  owners(): LastingOwner[] {
    return this.#owners.list()
  }

  remove(uid: string): void {
    rmSync(this.#of(uid), { recursive: true, force: true })
    this.#owners.remove(uid)
  }

  #of(uid: string): string {
    return join(this.#folder, checkedUid(uid))
  }
}

/**
 * Give a folder and the files in it to a user. Its last owner may have put anything there: what is not a plain file of one
 * name is removed, and nothing is followed.
 */
function hand(folder: string, to: Owner): void {
  const flags = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK
  let opened: number
  try {
    opened = openSync(folder, flags | constants.O_DIRECTORY)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return
    throw error
  }
  try {
    // Root's while it is looked through, so that nobody changes it meanwhile.
    fchownSync(opened, 0, 0)
    fchmodSync(opened, 0o700)
    for (const entry of readdirSync(folder)) if (!handFile(join(folder, entry), flags, to)) drop(join(folder, entry))
    fchownSync(opened, to.uid, to.gid)
  } finally {
    closeSync(opened)
  }
}

function handFile(path: string, flags: number, to: Owner): boolean {
  let file: number
  try {
    file = openSync(path, flags)
  } catch {
    return false
  }
  try {
    const stat = fstatSync(file)
    if (!stat.isFile() || stat.nlink !== 1) return false
    fchmodSync(file, 0o600)
    fchownSync(file, to.uid, to.gid)
    return true
  } finally {
    closeSync(file)
  }
}

function drop(path: string): void {
  rmSync(path, { recursive: true, force: true })
}

/** The machine of an instance whose TPM is to last; undefined when it is not. */
export function lastingTpm(vmi: VirtualMachineInstance): LastingOwner | undefined {
  return hasTpm(vmi.spec.domain) && vmi.spec.domain.devices.tpm?.persistent ? lastingOwner(vmi) : undefined
}
