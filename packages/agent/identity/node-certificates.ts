import { setTimeout as delay } from 'node:timers/promises'
import { CertificateSigningRequest } from '@thresher/api/certificates/certificate-signing-request'
import { newPrivateKey, type KeyPairPem } from '@thresher/apiserver/pki/certificate'
import { newCertificateRequest } from '@thresher/apiserver/pki/certificate-request'
import type { Client } from '@thresher/client/client'

/** What a node's certificate is for: to be known by the API server, or to serve under the node's name. */
export type NodeCertificate = 'client' | 'serving'

const signers: Record<NodeCertificate, { name: string; usage: string }> = {
  client: { name: 'kubernetes.io/kube-apiserver-client-kubelet', usage: 'client auth' },
  serving: { name: 'kubernetes.io/kubelet-serving', usage: 'server auth' },
}
const askEveryMs = 100
const patienceMs = 30_000

/** The API server does not give a node the certificate that it asks for. */
export class CertificateRefusedError extends Error {
  override readonly name = 'CertificateRefusedError'
}

/**
 * Ask the API server for a certificate of this node, with a new key that never leaves the host.
 *
 * @throws {CertificateRefusedError} with the API server's sentence
 */
export async function requestCertificate(
  client: Client,
  node: string,
  purpose: NodeCertificate,
  signal: AbortSignal,
): Promise<KeyPairPem> {
  const key = newPrivateKey()
  const subject = { commonName: `system:node:${node}`, organizations: ['system:nodes'] }
  const request = newCertificateRequest(key, subject, purpose === 'serving' ? [node] : [])
  const { name: signerName, usage } = signers[purpose]
  const requests = client.resource<CertificateSigningRequest>(CertificateSigningRequest)
  const made = await requests.create({
    metadata: { generateName: `node-csr-` },
    spec: {
      request: Buffer.from(request).toString('base64'),
      signerName,
      usages: ['digital signature', usage],
    },
  } as CertificateSigningRequest)
  const name = made.metadata.name ?? ''
  const limit = AbortSignal.any([signal, AbortSignal.timeout(patienceMs)])
  for (;;) {
    const { status } = await requests.get(name, undefined, limit)
    if (status?.certificate) return { key, cert: Buffer.from(status.certificate, 'base64').toString() }
    const refused = status?.conditions?.find(({ type }) => type === 'Denied' || type === 'Failed')
    if (refused) throw new CertificateRefusedError(refused.message ?? `the request ${name} was refused`)
    await delay(askEveryMs, undefined, { signal: limit })
  }
}
