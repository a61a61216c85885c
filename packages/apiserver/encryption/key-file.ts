import { randomBytes } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { narrowToOwner, writePrivateFile } from '../pki/private-file.ts'

/** A key of 256 bits with the id that encrypted values name. */
export interface EncryptionKey {
  id: string
  secret: Buffer
  createdAt: string
}

/** The keys, the newest first: it encrypts, all decrypt. */
export type EncryptionKeys = [EncryptionKey, ...EncryptionKey[]]

interface KeyFile {
  version: 1
  keys: { id: string; secret: string; createdAt: string }[]
}

/** Read the key file, or make one with a new key. It is for its owner only and belongs outside of the database and its backups. @throws {Error} when it cannot be read as one */
export async function ensureKeyFile(path: string): Promise<EncryptionKeys> {
  for (;;) {
    try {
      const keys = parse(await readFile(path, 'utf8'), path)
      await narrowToOwner(path)
      return keys
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error
    }
    try {
      await writePrivateFile(path, format([newKey()]), { exclusive: true })
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
    }
  }
}

/** Put a new key in front. What is written from now on, after a restart or {@link ValueCipher.use}, is encrypted with it. */
export async function addKey(path: string): Promise<EncryptionKeys> {
  const keys: EncryptionKeys = [newKey(), ...(await ensureKeyFile(path))]
  await writePrivateFile(path, format(keys))
  return keys
}

/** Forget all keys but the newest. Only once nothing is encrypted with the others. */
export async function dropOldKeys(path: string): Promise<EncryptionKeys> {
  const [newest] = await ensureKeyFile(path)
  await writePrivateFile(path, format([newest]))
  return [newest]
}

function newKey(): EncryptionKey {
  return { id: randomBytes(4).toString('hex'), secret: randomBytes(32), createdAt: new Date().toISOString() }
}

function format(keys: EncryptionKeys): string {
  const file: KeyFile = {
    version: 1,
    keys: keys.map(({ id, secret, createdAt }) => ({ id, secret: secret.toString('base64'), createdAt })),
  }
  return `${JSON.stringify(file, undefined, 2)}\n`
}

function parse(text: string, path: string): EncryptionKeys {
  const broken = (cause?: unknown) =>
    new Error(
      `${path} is not a file of encryption keys: bring it back from a backup; without it the encrypted objects cannot be read`,
      { cause },
    )
  let file: Partial<KeyFile>
  try {
    file = JSON.parse(text) as Partial<KeyFile>
  } catch (cause) {
    throw broken(cause)
  }
  const keys = Array.isArray(file?.keys)
    ? file.keys.map(({ id, secret, createdAt }) => ({ id, createdAt, secret: Buffer.from(String(secret), 'base64') }))
    : []
  const [first, ...rest] = keys
  if (file?.version !== 1 || !first || keys.some((key) => !/^[0-9a-f]{8}$/.test(key.id) || key.secret.length !== 32))
    throw broken()
  return [first, ...rest]
}
