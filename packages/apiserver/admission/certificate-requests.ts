import { failureWords } from '@thresher/api/failure-words'
import type { CertificateSigningRequest } from '@thresher/api/certificates/certificate-signing-request'
import type { FieldError } from '@thresher/api/error'
import type { AdmissionRequest, AdmissionStep } from '../admission.ts'
import { readRequest } from '../pki/request-content.ts'
import type { Attributes, Authorizer } from '../user.ts'
import { isKind, refuse } from './refuse.ts'

const group = 'certificates.k8s.io'
const clientSigner = 'kubernetes.io/kube-apiserver-client'
/** What somebody decided about a request, and cannot take back. */
const decisions = ['Approved', 'Denied', 'Failed']

/**
 * Who may approve a request and who may sign it: whoever has the verb on the request's signer, as Kubernetes' plugins
 * CertificateApproval, CertificateSigning and CertificateSubjectRestriction have it.
 */
export function certificateRequests(authorizer: Authorizer): AdmissionStep {
  return {
    name: 'CertificateRequests',
    mutate(request) {
      if (!isKind(request, group, 'certificatesigningrequests') || request.subresource === '') return
      const now = `${new Date().toISOString().slice(0, 19)}Z`
      for (const condition of (request.object as CertificateSigningRequest | undefined)?.status?.conditions ?? []) {
        condition.lastUpdateTime ??= now
        condition.lastTransitionTime ??= now
      }
    },
    async validate(request) {
      if (!isKind(request, group, 'certificatesigningrequests')) return
      const object = request.object as CertificateSigningRequest | undefined
      const previous = request.oldObject as CertificateSigningRequest | undefined
      if (!object) return
      if (request.operation === 'CREATE') return checkSubject(request, object)
      if (!previous || request.operation !== 'UPDATE') return
      if (request.subresource === 'approval') await requireVerb(authorizer, request, 'approve', object)
      else if (request.subresource !== 'status') return
      else if (object.status?.certificate !== previous.status?.certificate)
        await requireVerb(authorizer, request, 'sign', object)
      return checkDecisions(request.subresource, object, previous)
    },
  }
}

/** As Kubernetes has it: a certificate that is over before it arrives is of no use. */
const LEAST_SECONDS = 600

function checkSubject(request: AdmissionRequest, { spec }: CertificateSigningRequest): FieldError[] | void {
  const { expirationSeconds: asked } = spec
  if (asked !== undefined && asked < LEAST_SECONDS) {
    const message = `Invalid value: ${asked}: may not specify a duration less than ${LEAST_SECONDS} seconds`
    return [{ field: 'spec.expirationSeconds', message }]
  }
  try {
    const { organizations } = readRequest(Buffer.from(spec.request, 'base64').toString())
    if (spec.signerName !== clientSigner || !organizations.includes('system:masters')) return
  } catch (error) {
    return [{ field: 'spec.request', message: `Invalid value: ${failureWords(error)}` }]
  }
  throw refuse(request, `use of ${clientSigner} signer with system:masters group is not allowed`)
}

/** Decisions are made under /approval alone, once, and one way. */
function checkDecisions(
  subresource: string,
  object: CertificateSigningRequest,
  previous: CertificateSigningRequest,
): FieldError[] {
  const field = 'status.conditions'
  const types = (of: CertificateSigningRequest) => new Set((of.status?.conditions ?? []).map(({ type }) => type))
  const [now, before] = [types(object), types(previous)]
  const gone = decisions.filter((type) => before.has(type) && !now.has(type))
  const made =
    subresource === 'approval' ? [] : ['Approved', 'Denied'].filter((type) => now.has(type) && !before.has(type))
  return [
    ...gone.map((type) => ({ field, message: `Forbidden: updates may not remove a condition of type "${type}"` })),
    ...made.map((type) => ({ field, message: `Forbidden: updates may not add a condition of type "${type}"` })),
    ...(now.has('Approved') && now.has('Denied')
      ? [{ field, message: 'Invalid value: Approved and Denied conditions are mutually exclusive' }]
      : []),
  ]
}

async function requireVerb(
  authorizer: Authorizer,
  request: AdmissionRequest,
  verb: 'approve' | 'sign',
  { spec }: CertificateSigningRequest,
): Promise<void> {
  const attributes: Attributes = {
    user: request.user,
    verb,
    resourceRequest: true,
    path: '',
    group,
    version: '*',
    resource: 'signers',
    subresource: '',
    namespace: '',
    name: spec.signerName,
    fieldSelector: '',
  }
  if ((await authorizer.authorize(attributes)).verdict === 'allow') return
  // A role may name all signers of a domain: `example.com/*`.
  const all = { ...attributes, name: `${spec.signerName.split('/')[0]}/*` }
  if ((await authorizer.authorize(all)).verdict === 'allow') return
  throw refuse(request, `user not permitted to ${verb} requests with signerName ${JSON.stringify(spec.signerName)}`)
}
