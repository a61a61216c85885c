import {
  closeSync,
  constants,
  fchmodSync,
  fchownSync,
  mkdirSync,
  openSync,
  readFileSync,
  rmSync,
  writeFileSync,
  writeSync,
} from 'node:fs'
import { join } from 'node:path'
import type { VirtualMachineInstance } from '@thresher/api/kubevirt/virtual-machine-instance'
import { checkedUid, lastingOwner, OwnerFiles, type LastingOwner } from './owner-files.ts'
import { readQemuFile } from './qemu-file.ts'

/** The UEFI variables that outlast a run, each under the UID of its virtual machine. */
export class FirmwareStore {
  readonly #folder: string
  readonly #owners: OwnerFiles

  /** @param folder root's own */
  constructor(folder: string) {
    this.#folder = folder
    this.#owners = new OwnerFiles(folder)
  }

  /** Write a run's variables: those that were kept, else a copy of the template. Nothing that is there already is followed. */
  provide(uid: string | undefined, template: string, target: string, user: { uid: number; gid: number }): void {
    const content = (uid === undefined ? undefined : this.#read(uid)) ?? readFileSync(template)
    rmSync(target, { force: true })
    const file = openSync(
      target,
      constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW,
      0o600,
    )
    try {
      writeSync(file, content)
      fchmodSync(file, 0o600)
      fchownSync(file, user.uid, user.gid)
    } finally {
      closeSync(file)
    }
  }

  /** Keep what a run left, for the machine's next. */
  keep(owner: LastingOwner, source: string): void {
    const content = readQemuFile(source)
    mkdirSync(this.#folder, { recursive: true, mode: 0o700 })
    this.#owners.write(owner)
    writeFileSync(this.#file(owner.uid), content, { mode: 0o600 })
  }

  /** Whose variables are kept here. */
  owners(): LastingOwner[] {
    return this.#owners.list()
  }

  remove(uid: string): void {
    rmSync(this.#file(uid), { force: true })
    this.#owners.remove(uid)
  }

  #read(uid: string): Buffer | undefined {
    try {
      return readFileSync(this.#file(uid))
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
      throw error
    }
  }

  #file(uid: string): string {
    return join(this.#folder, `${checkedUid(uid)}.fd`)
  }
}

/** The UID of the virtual machine of an instance whose UEFI variables are to last; undefined when they are not. */
export function lastingFirmware(vmi: VirtualMachineInstance): string | undefined {
  return vmi.spec.domain.firmware?.bootloader?.efi?.persistent ? lastingOwner(vmi)?.uid : undefined
}
