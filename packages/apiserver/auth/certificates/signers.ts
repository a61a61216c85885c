import { failureWords } from '@thresher/api/failure-words'
import type { CertificateSigningRequest } from '@thresher/api/certificates/certificate-signing-request'
import type { CertificateOptions } from '../../pki/certificate.ts'
import { readRequest, type RequestContent } from '../../pki/request-content.ts'

/** Whom a signer signs for, and as what. */
interface Signer {
  usage: 'client' | 'server'
  /** The usage that a request has to name; beside it only those of {@link common}. */
  required: string
  /** Why the request is not signed; undefined when it is. */
  refusal(content: RequestContent): string | undefined
  /** The names that are taken over from the request. */
  names(content: RequestContent): string[]
}

const common = ['digital signature', 'key encipherment']
const YEAR_DAYS = 365
const DAY_SECONDS = 86_400

/** The signers that this server is, by the names and rules of Kubernetes. A request of another signer waits for that one. */
const signers: { [name: string]: Signer | undefined } = {
  'kubernetes.io/kube-apiserver-client': {
    usage: 'client',
    required: 'client auth',
    refusal: ({ commonName, organizations }) =>
      organizations.includes('system:masters')
        ? 'the group system:masters is not given by a certificate that is asked for'
        : commonName === ''
          ? 'the subject has no CN, which is the name of the user'
          : undefined,
    names: () => [],
  },
  'kubernetes.io/kube-apiserver-client-kubelet': {
    usage: 'client',
    required: 'client auth',
    refusal: notOfNode,
    names: () => [],
  },
  'kubernetes.io/kubelet-serving': {
    usage: 'server',
    required: 'server auth',
    refusal: (content) =>
      notOfNode(content) ??
      (content.names.length === 0 ? 'a serving certificate needs a DNS name or an IP address' : undefined),
    names: ({ names }) => names,
  },
}

function notOfNode({ commonName, organizations }: RequestContent): string | undefined {
  if (organizations.length !== 1 || organizations[0] !== 'system:nodes') return 'the organization is not system:nodes'
  return commonName.startsWith('system:node:') ? undefined : 'the CN does not begin with system:node:'
}

/** The next step for a request. */
export type SigningStep =
  | { do: 'nothing' }
  | { do: 'fail'; message: string }
  | { do: 'sign'; request: string; options: CertificateOptions }

/** Whether and how a request is signed: approved, not denied, not yet signed, and within its signer's rules. No I/O, no clock. */
export function planSigning({ spec, status }: CertificateSigningRequest): SigningStep {
  const signer = Object.hasOwn(signers, spec.signerName) ? signers[spec.signerName] : undefined
  const holds = (type: string) =>
    status?.conditions?.some((condition) => condition.type === type && condition.status === 'True') === true
  if (!signer || status?.certificate || !holds('Approved') || holds('Denied') || holds('Failed'))
    return { do: 'nothing' }
  const usages = spec.usages ?? []
  const other = usages.find((usage) => usage !== signer.required && !common.includes(usage))
  if (other !== undefined) return { do: 'fail', message: `the usage "${other}" is none of this signer's` }
  if (!usages.includes(signer.required)) return { do: 'fail', message: `the usage "${signer.required}" is missing` }
  const pem = Buffer.from(spec.request, 'base64').toString()
  try {
    const content = readRequest(pem)
    const refusal = signer.refusal(content)
    if (refusal) return { do: 'fail', message: refusal }
    const { commonName, organizations } = content
    const days = Math.min(YEAR_DAYS, (spec.expirationSeconds ?? YEAR_DAYS * DAY_SECONDS) / DAY_SECONDS)
    const options = {
      subject: { commonName, organizations },
      usages: [signer.usage],
      names: signer.names(content),
      days,
    }
    return { do: 'sign', request: pem, options }
  } catch (error) {
    return { do: 'fail', message: failureWords(error) }
  }
}
