import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { VirtualMachineInstance } from '@thresher/api/kubevirt/virtual-machine-instance'
import { matches } from '@thresher/api/matches'
import { Type } from '@thresher/api/type'

/** The virtual machine that something lasting on this host belongs to. */
export interface LastingOwner {
  namespace: string
  name: string
  uid: string
}

const Owner = Type.Object({ namespace: Type.String(), name: Type.String() })
const uidForm = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/

/** What becomes a file's name. @throws {RangeError} */
export function checkedUid(uid: string): string {
  if (!uidForm.test(uid)) throw new RangeError(`${JSON.stringify(uid)} is not a UID`)
  return uid
}

/**
 * The machine of an instance, for what outlasts its runs: under the UID that nobody but the API server gives. A firmware UUID
 * would not do: its user chooses it, and could choose another's. Undefined without a machine, as then there is no next run.
 */
export function lastingOwner({ metadata }: VirtualMachineInstance): LastingOwner | undefined {
  const owner = metadata.ownerReferences?.find(({ controller, kind }) => controller && kind === 'VirtualMachine')
  if (!owner || !uidForm.test(owner.uid)) return undefined
  return { namespace: metadata.namespace ?? 'default', name: owner.name, uid: owner.uid }
}

/** Who the lasting things in a folder belong to: a file beside each, so that they can be removed with their machines. */
export class OwnerFiles {
  readonly #folder: string

  /** @param folder root's own */
  constructor(folder: string) {
    this.#folder = folder
  }

  write({ uid, namespace, name }: LastingOwner): void {
    mkdirSync(this.#folder, { recursive: true, mode: 0o700 })
    writeFileSync(this.#file(uid), JSON.stringify({ namespace, name }), { mode: 0o600 })
  }

  list(): LastingOwner[] {
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
  }

  #file(uid: string): string {
    return join(this.#folder, `${checkedUid(uid)}.json`)
  }
}
