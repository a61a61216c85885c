import { existsSync, statSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { closeRunFolder, makeRunFolder, removeRunFolder } from './run-folder.ts'
import type { QmpClient } from './qmp.ts'
import type { SerialConsole } from './serial-console.ts'
import { trustedSocket } from './trusted-socket.ts'

/**
 * Connect a console to QEMU's serial socket. A socket that somebody removed is made anew, under another name.
 *
 * @param serial the socket, and the user that QEMU runs as
 * @throws {Error} when it cannot be connected to
 */
export async function connectSerial(
  console: SerialConsole,
  { path, user }: { path: string; user: number },
  qmp: QmpClient,
): Promise<void> {
  if (existsSync(path)) return console.connect(trustedSocket(path, user))
  // The run's folder is closed to QEMU, so it makes the new one in a folder of its own, which is then closed too.
  const folder = join(dirname(path), 'again')
  const again = join(folder, 'serial')
  removeRunFolder(folder)
  makeRunFolder(folder, statSync(dirname(path)).gid)
  try {
    const address = { type: 'unix', data: { path: again } }
    const backend = { type: 'socket', data: { addr: address, server: true, wait: false } }
    // A socket that QEMU gives up takes the file of its name away, which must not be that of the new one.
    await qmp.execute('chardev-change', { id: 'serial0', backend: { type: 'null', data: {} } })
    await qmp.execute('chardev-change', { id: 'serial0', backend })
  } finally {
    closeRunFolder(folder)
  }
  await console.connect(trustedSocket(again, user))
}
