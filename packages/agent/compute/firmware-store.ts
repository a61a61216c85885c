import {
  closeSync,
  constants,
  fchmodSync,
  fchownSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
  writeSync,
} from 'node:fs'
import { join } from 'node:path'
import type { VirtualMachineInstance } from '@thresher/api/kubevirt/virtual-machine-instance'
import { matches } from '@thresher/api/matches'
import { Type } from '@thresher/api/type'
import { readQemuFile } from './qemu-file.ts'

/** The virtual machine that lasting UEFI variables belong to. */
export interface FirmwareOwner {
  namespace: string
  name: string
  uid: string
}

const Owner = Type.Object({ namespace: Type.String(), name: Type.String() })
const uidForm = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/

/**
 * The UEFI variables that outlast a run, each under the UID of its virtual machine, which nobody but the API server gives. A
 * firmware UUID would not do: its user chooses it, and could choose another's.
 */
export class FirmwareStore {
  readonly #folder: string

  /** @param folder root's own */
  constructor(folder: string) {
    this.#folder = folder
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
  keep({ uid, namespace, name }: FirmwareOwner, source: string): void {
    const content = readQemuFile(source)
    mkdirSync(this.#folder, { recursive: true, mode: 0o700 })
    writeFileSync(this.#ownerFile(uid), JSON.stringify({ namespace, name }), { mode: 0o600 })
    writeFileSync(this.#file(uid), content, { mode: 0o600 })
  }

  /** Whose variables are kept here. */
  owners(): FirmwareOwner[] {
    let names: string[]
    try {
      names = readdirSync(this.#folder)
    } catch {
      return []
    }
    return names.flatMap((file) => {
      const uid = file.replace(/\.json$/, '')
      if (uid === file || !uidForm.test(uid)) return []
      try {
        const owner: unknown = JSON.parse(readFileSync(join(this.#folder, file), 'utf8'))
        return matches(Owner, owner) ? [{ ...owner, uid }] : []
      } catch {
        return []
      }
    })
  }

  remove(uid: string): void {
    rmSync(this.#file(uid), { force: true })
    rmSync(this.#ownerFile(uid), { force: true })
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
    return join(this.#folder, `${checked(uid)}.fd`)
  }

  #ownerFile(uid: string): string {
    return join(this.#folder, `${checked(uid)}.json`)
  }
}

/** The UID of the virtual machine of an instance whose UEFI variables are to last; undefined when they are not. */
export function lastingFirmware({ metadata, spec }: VirtualMachineInstance): string | undefined {
  if (!spec.domain.firmware?.bootloader?.efi?.persistent) return undefined
  const owner = metadata.ownerReferences?.find(({ controller, kind }) => controller && kind === 'VirtualMachine')
  // An instance without a machine has no next run that they could be for.
  return owner && uidForm.test(owner.uid) ? owner.uid : undefined
}

/** What becomes a file's name. @throws {RangeError} */
function checked(uid: string): string {
  if (!uidForm.test(uid)) throw new RangeError(`${JSON.stringify(uid)} is not a UID`)
  return uid
}
