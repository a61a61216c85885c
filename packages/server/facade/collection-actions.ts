import { generateKeyPairSync } from 'node:crypto'
import { textInput } from '@thresher/api/action-call'
import { KeyPair } from '@thresher/api/harvester/key-pair'
import type { KubeObject } from '@thresher/api/meta'
import type { FacadeCall } from './context.ts'
import { kubernetesPath } from './schema-names.ts'

type CollectionAction = (call: FacadeCall, input: Record<string, unknown>) => Promise<Record<string, unknown>>

/** Actions on collections, by schema id and name. */
export const collectionActions: Record<string, CollectionAction> = {
  'harvesterhci.io.keypair keygen': generateKeyPair,
}

/** Make a KeyPair of a new key. The private half is in this answer and nowhere else. */
async function generateKeyPair(call: FacadeCall, input: Record<string, unknown>): Promise<Record<string, unknown>> {
  const namespace = textInput(input, 'namespace')
  const name = textInput(input, 'name')
  const { publicKey, privateKey } = generateKeyPairSync('rsa', { modulusLength: 3072 })
  const { n = '', e = '' } = publicKey.export({ format: 'jwk' })
  const blob = Buffer.concat([
    field(Buffer.from('ssh-rsa')),
    field(unsigned(Buffer.from(e, 'base64url'))),
    field(unsigned(Buffer.from(n, 'base64url'))),
  ])
  const object: KubeObject & { spec: { publicKey: string } } = {
    apiVersion: KeyPair.apiVersion,
    kind: KeyPair.kind,
    metadata: { name, namespace },
    spec: { publicKey: `ssh-rsa ${blob.toString('base64')} ${name}` },
  }
  await call.api.request({ method: 'POST', path: kubernetesPath(KeyPair, namespace), body: object })
  return { publicKey: object.spec.publicKey, privateKey: privateKey.export({ type: 'pkcs1', format: 'pem' }) }
}

/** A part of an SSH key: its length in four bytes, then itself. @see RFC 4251 §5 */
function field(bytes: Buffer): Buffer {
  const length = Buffer.alloc(4)
  length.writeUInt32BE(bytes.length)
  return Buffer.concat([length, bytes])
}

/** A number whose first bit would read as a sign gets a zero byte in front. */
function unsigned(bytes: Buffer): Buffer {
  return (bytes[0] ?? 0) & 0x80 ? Buffer.concat([Buffer.alloc(1), bytes]) : bytes
}
