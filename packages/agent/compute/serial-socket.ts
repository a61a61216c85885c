import { existsSync } from 'node:fs'
import type { QmpClient } from './qmp.ts'
import type { SerialConsole } from './serial-console.ts'

/**
 * Connect a console to QEMU's serial socket. A socket that somebody removed is made anew: QEMU listens again under its name.
 *
 * @throws {Error} when it cannot be connected to
 */
export async function connectSerial(console: SerialConsole, path: string, qmp: QmpClient): Promise<void> {
  if (!existsSync(path)) {
    const address = { type: 'unix', data: { path } }
    const backend = { type: 'socket', data: { addr: address, server: true, wait: false } }
    // A socket that QEMU gives up takes the file of its name away, which must not be that of the new one.
    await qmp.execute('chardev-change', { id: 'serial0', backend: { type: 'null', data: {} } })
    await qmp.execute('chardev-change', { id: 'serial0', backend })
  }
  await console.connect(path)
}
