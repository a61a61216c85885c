import { open } from 'node:fs/promises'

/** What the first bytes of a qcow2 file say. Nothing in it is trusted before it is compared with what is expected. */
export interface Qcow2Header {
  /** The size the guest sees, in bytes. */
  bytes: number
  /** The path of a backing file as written in the header; QEMU would open it unless told otherwise. */
  backingFile?: string
  encrypted: boolean
  /** The file marks itself as damaged. */
  corrupt: boolean
  /** The guest's data lie in another file. */
  externalData: boolean
}

const magic = 0x514649fb
const corruptBit = 1n << 1n
const externalDataBit = 1n << 2n
const longestHeader = 112
const longestBackingName = 1023

/**
 * Read a qcow2 header.
 *
 * @returns undefined when the file is not qcow2 of version 2 or 3, or ends too early
 * @see https://www.qemu.org/docs/master/interop/qcow2.html
 */
export async function readQcow2Header(path: string): Promise<Qcow2Header | undefined> {
  const file = await open(path, 'r')
  try {
    const head = Buffer.alloc(longestHeader)
    const { bytesRead } = await file.read(head, 0, head.length, 0)
    if (bytesRead < 72 || head.readUInt32BE(0) !== magic) return undefined
    const version = head.readUInt32BE(4)
    if (version !== 2 && version !== 3) return undefined
    const features = version === 3 && bytesRead >= 80 ? head.readBigUInt64BE(72) : 0n
    const nameAt = Number(head.readBigUInt64BE(8))
    const nameLength = head.readUInt32BE(16)
    const header: Qcow2Header = {
      bytes: Number(head.readBigUInt64BE(24)),
      encrypted: head.readUInt32BE(32) !== 0,
      corrupt: (features & corruptBit) !== 0n,
      externalData: (features & externalDataBit) !== 0n,
    }
    if (nameAt === 0) return header
    const name = Buffer.alloc(Math.min(nameLength, longestBackingName))
    const read = Number.isSafeInteger(nameAt) ? (await file.read(name, 0, name.length, nameAt)).bytesRead : 0
    return { ...header, backingFile: name.toString('utf8', 0, read) }
  } finally {
    await file.close()
  }
}
