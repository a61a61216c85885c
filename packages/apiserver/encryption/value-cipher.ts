import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto'
import type { ValueTransform } from '../store/store.ts'
import type { EncryptionKey, EncryptionKeys } from './key-file.ts'

/** How an encrypted value begins: no JSON does, so plain and encrypted values can be told apart. */
const magic = Buffer.from('enc:v1:', 'latin1')
const idBytes = 8
const nonceBytes = 12
const tagBytes = 16
const headBytes = magic.length + idBytes + nonceBytes

/** Where the store says which cluster's it is. */
export const identityPrefix = '/thresher.io/identity/'

/** The prefixes of keys in the store whose values hold secrets. */
export const secretPrefixes: readonly string[] = [
  '/core/secrets/',
  '/auth.thresher.io/users/',
  '/auth.thresher.io/tokens/',
  identityPrefix,
]

/** A value cannot be decrypted: its key is missing, or it has been changed or moved in the store. */
export class DecryptionError extends Error {
  constructor(storeKey: string, why: string, cause?: unknown) {
    super(`the value of ${storeKey} cannot be decrypted: ${why}`, { cause })
    this.name = 'DecryptionError'
  }
}

/**
 * Encrypts the values of chosen kinds on their way into the store: AES-256-GCM with a fresh nonce for each write.
 *
 * A value is bound to its key in the store, so nobody who can write to the database can put one Secret's value in the
 * place of another's. Values from before encryption are read as they are, and encrypted when they are next written.
 */
export class ValueCipher implements ValueTransform {
  readonly #prefixes: readonly string[]
  #newest: EncryptionKey
  readonly #onOldKey = new Set<(storeKey: string) => void>()
  #byId: Map<string, EncryptionKey>

  constructor(keys: EncryptionKeys, prefixes: readonly string[] = secretPrefixes) {
    this.#prefixes = prefixes
    this.#newest = keys[0]
    this.#byId = new Map(keys.map((key) => [key.id, key]))
  }

  /** Encrypt with the first of these from now on, and know the others. */
  use(keys: EncryptionKeys): void {
    this.#newest = keys[0]
    this.#byId = new Map(keys.map((key) => [key.id, key]))
  }

  /** Call back for every secret value that is read and is not encrypted with the newest key. @returns ends it */
  onOldKey(listener: (storeKey: string) => void): () => void {
    this.#onOldKey.add(listener)
    return () => this.#onOldKey.delete(listener)
  }

  toStore(storeKey: string, value: Uint8Array): Uint8Array {
    if (!this.#isSecret(storeKey)) return value
    const { id, secret } = this.#newest
    const nonce = randomBytes(nonceBytes)
    const cipher = createCipheriv('aes-256-gcm', secret, nonce)
    cipher.setAAD(Buffer.from(storeKey))
    return Buffer.concat([
      magic,
      Buffer.from(id, 'latin1'),
      nonce,
      cipher.update(value),
      cipher.final(),
      cipher.getAuthTag(),
    ])
  }

  /** @throws {DecryptionError} */
  fromStore(storeKey: string, value: Uint8Array): Uint8Array {
    if (keyIdOf(value) !== this.#newest.id && this.#isSecret(storeKey))
      for (const listener of this.#onOldKey) listener(storeKey)
    if (!isEncrypted(value)) return value
    const bytes = Buffer.from(value.buffer, value.byteOffset, value.byteLength)
    if (bytes.length < headBytes + tagBytes) throw new DecryptionError(storeKey, 'it is cut off')
    const id = bytes.toString('latin1', magic.length, magic.length + idBytes)
    const key = this.#byId.get(id)
    if (!key) throw new DecryptionError(storeKey, `the key ${id} is not in the key file`)
    const decipher = createDecipheriv('aes-256-gcm', key.secret, bytes.subarray(headBytes - nonceBytes, headBytes), {
      authTagLength: tagBytes,
    })
    decipher.setAAD(Buffer.from(storeKey))
    decipher.setAuthTag(bytes.subarray(bytes.length - tagBytes))
    try {
      return Buffer.concat([decipher.update(bytes.subarray(headBytes, bytes.length - tagBytes)), decipher.final()])
    } catch (cause) {
      throw new DecryptionError(storeKey, 'it has been changed, or stood under another key', cause)
    }
  }

  #isSecret(storeKey: string): boolean {
    return this.#prefixes.some((prefix) => storeKey.startsWith(prefix))
  }
}

/** Whether a stored value is encrypted, by whatever key. */
export function isEncrypted(value: Uint8Array): boolean {
  return magic.equals(value.subarray(0, magic.length))
}

/** The id of the key that encrypted a stored value; undefined for a plain one. */
export function keyIdOf(value: Uint8Array): string | undefined {
  if (!isEncrypted(value)) return undefined
  return Buffer.from(value.subarray(magic.length, magic.length + idBytes)).toString('latin1')
}
