import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto'
import { promisify } from 'node:util'
import { constants, zstdCompress, zstdDecompress } from 'node:zlib'
import { DamagedError } from './damaged-error.ts'

/*
 * A sealed object: version (1 byte, 1), compression (1 byte: 0 none, 1 zstd), nonce (12 bytes), AES-256-GCM of the content, tag (16
 * bytes). The two first bytes and the object's name are authenticated with it: no object can stand in for another.
 */
const version = 1
const plain = 0
const zstd = 1
const headBytes = 2
const nonceBytes = 12
const tagBytes = 16

/** What comes out at once: by the default of 16 KiB a block would cost a hundred turns of the event loop. */
const chunkSize = 1024 * 1024
const compress = promisify(zstdCompress)
const decompress = promisify(zstdDecompress)

/** Compress, where that gains a sixteenth at least, and encrypt. @param name what the object is for, such as its content's name */
export async function seal(key: Buffer, name: Uint8Array, content: Uint8Array): Promise<Buffer> {
  const packed = await compress(content, { chunkSize, params: { [constants.ZSTD_c_compressionLevel]: 1 } })
  const small = packed.length < content.length - (content.length >>> 4)
  const head = Buffer.from([version, small ? zstd : plain])
  const nonce = randomBytes(nonceBytes)
  const cipher = createCipheriv('aes-256-gcm', key, nonce).setAAD(Buffer.concat([head, name]))
  return Buffer.concat([head, nonce, cipher.update(small ? packed : content), cipher.final(), cipher.getAuthTag()])
}

/** @param most bytes that the content may have @throws {DamagedError} */
export async function unseal(key: Buffer, name: Uint8Array, sealed: Buffer, most: number): Promise<Buffer> {
  if (sealed.length < headBytes + nonceBytes + tagBytes) throw new DamagedError('it is cut off')
  const [form, compression] = sealed
  if (form !== version || (compression !== plain && compression !== zstd))
    throw new DamagedError('it is of a form that this version of Thresher does not know, or damaged')
  const nonce = sealed.subarray(headBytes, headBytes + nonceBytes)
  const decipher = createDecipheriv('aes-256-gcm', key, nonce, { authTagLength: tagBytes })
    .setAAD(Buffer.concat([sealed.subarray(0, headBytes), name]))
    .setAuthTag(sealed.subarray(-tagBytes))
  let content: Buffer
  try {
    content = Buffer.concat([decipher.update(sealed.subarray(headBytes + nonceBytes, -tagBytes)), decipher.final()])
  } catch (error) {
    throw new DamagedError('its seal is broken: it was changed, or belongs to another key', { cause: error })
  }
  try {
    return compression === zstd ? await decompress(content, { chunkSize, maxOutputLength: most }) : content
  } catch (error) {
    throw new DamagedError('it cannot be unpacked', { cause: error })
  }
}
