import { createHash } from 'node:crypto'
import { DecryptionError, identityPrefix } from './encryption/value-cipher.ts'
import type { Pki } from './pki/ensure.ts'
import { StoreError, type Store } from './store/store.ts'

/** Under which key the store says whose it is; encrypted, so that it also tells whether the encryption key fits. */
const key = `${identityPrefix}cluster`

interface Identity {
  /** SHA-256 of the authority's certificate, and of the public keys of service-account tokens. */
  authority: string
  tokenKeys: string[]
}

/**
 * Make sure that this server has the authority, token key and encryption key of the cluster whose store this is; the first server
 * of a store writes down its own.
 *
 * A second server with keys of its own would issue certificates and tokens that the first one refuses, and secrets that it cannot read.
 *
 * @throws {Error} with one sentence that says what differs
 */
export async function requireSameCluster(store: Store, pki: Pick<Pki, 'ca' | 'serviceAccount'>): Promise<void> {
  const own: Identity = { authority: digest(pki.ca.cert), tokenKeys: pki.serviceAccount.verifying.map(digest) }
  const known = await readOrWrite(store, own)
  if (known.authority !== own.authority) throw differs('certificate authority (pki/ca)')
  if (!known.tokenKeys.some((one) => own.tokenKeys.includes(one))) throw differs('key of service-account tokens (pki/)')
}

async function readOrWrite(store: Store, own: Identity): Promise<Identity> {
  try {
    const found = await store.get(key)
    if (found) return JSON.parse(Buffer.from(found.value).toString()) as Identity
    await store.create(key, Buffer.from(JSON.stringify(own)))
    return own
  } catch (error) {
    // Another server was first.
    if (error instanceof StoreError && error.reason === 'Exists') return readOrWrite(store, own)
    if (error instanceof DecryptionError || (error as Error).cause instanceof DecryptionError)
      throw differs('encryption key (encryption.key)', error)
    throw error
  }
}

function differs(what: string, cause?: unknown): Error {
  return new Error(
    `this server has another ${what} than the cluster whose store this is: copy pki/ and encryption.key from a server of the cluster, or use a store of its own`,
    { cause },
  )
}

const digest = (pem: string): string => createHash('sha256').update(pem.trim()).digest('hex')
