import { failureWords } from '@thresher/api/failure-words'
import type { CertificateSigningRequest } from '@thresher/api/certificates/certificate-signing-request'
import { isReason } from '@thresher/api/error'
import type { KeyPairPem } from '../../pki/certificate.ts'
import { signRequest } from '../../pki/signing-request.ts'
import type { Objects } from '../objects.ts'
import { planSigning } from './signers.ts'

const requests = { group: 'certificates.k8s.io', plural: 'certificatesigningrequests' }

/** Sign what was approved and is within its signer's rules; say on the object why something is not. @returns a function that stops it */
export function followSigningRequests(
  objects: Objects,
  authority: KeyPairPem,
  onError: (error: unknown) => void,
): () => void {
  const reconcile = async (name: string): Promise<void> => {
    const request = objects.get<CertificateSigningRequest>(requests, '', name)
    if (!request || request.metadata.deletionTimestamp) return
    const status = nextStatus(request, authority)
    if (status) await objects.update<CertificateSigningRequest>(requests, { ...request, status }, 'status')
  }
  return objects.follow(requests, ({ name }) =>
    setImmediate(() => {
      reconcile(name).catch((error: unknown) => {
        // Whoever was quicker brings the next change, and with it the next try.
        if (!isReason(error, 'Conflict', 'NotFound')) onError(error)
      })
    }),
  )
}

function nextStatus(
  request: CertificateSigningRequest,
  authority: KeyPairPem,
): CertificateSigningRequest['status'] | undefined {
  const step = planSigning(request)
  if (step.do === 'nothing') return undefined
  if (step.do === 'fail') return failed(request, step.message)
  try {
    const certificate = signRequest(authority, step.request, step.options)
    return { ...request.status, certificate: Buffer.from(certificate).toString('base64') }
  } catch (error) {
    return failed(request, failureWords(error))
  }
}

function failed({ status }: CertificateSigningRequest, message: string): CertificateSigningRequest['status'] {
  const now = `${new Date().toISOString().slice(0, 19)}Z`
  const times = { lastUpdateTime: now, lastTransitionTime: now }
  const condition = { type: 'Failed', status: 'True', reason: 'SignerValidationFailure', message, ...times }
  return { ...status, conditions: [...(status?.conditions ?? []), condition] }
}
