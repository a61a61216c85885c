import { lstatSync } from 'node:fs'

/** What lies where a QEMU's socket should be is not that QEMU's socket. */
export class UntrustedSocketError extends Error {
  override readonly name = 'UntrustedSocketError'
}

/**
 * The path of a QEMU's socket, which may be connected to: it is a socket, no link to one, and was made by that QEMU's user.
 *
 * That it stays so is the run folder's doing, which is closed before a guest runs; see run-folder.ts.
 *
 * @param user the user that this QEMU runs as
 * @throws {UntrustedSocketError}
 */
export function trustedSocket(path: string, user: number): string {
  const found = lstatSync(path, { throwIfNoEntry: false })
  if (!found) throw new UntrustedSocketError(`${path} is gone`)
  if (!found.isSocket() || found.uid !== user)
    throw new UntrustedSocketError(`${path} is not the socket of this run's QEMU (user ${user}); it was exchanged`)
  return path
}
