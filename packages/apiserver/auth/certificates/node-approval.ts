import type { CertificateSigningRequest } from '@thresher/api/certificates/certificate-signing-request'
import { isReason } from '@thresher/api/error'
import { readRequest } from '../../pki/request-content.ts'
import type { Objects } from '../objects.ts'

const requests = { group: 'certificates.k8s.io', plural: 'certificatesigningrequests' }
const nodes = { group: '', plural: 'nodes' }
const clientSigner = 'kubernetes.io/kube-apiserver-client-kubelet'
const servingSigner = 'kubernetes.io/kubelet-serving'
const prefix = 'system:node:'
/** A DNS label or several: what a Node may be called. */
const nodeName = /^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?(\.[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?)*$/

/** What is known when a node's certificate is decided on. */
export interface ApprovalFacts {
  /** Whether the cluster has a Node of this name. */
  exists(node: string): boolean
  /** Names that no node may have, since the API server goes by them. */
  reserved: ReadonlySet<string>
}

/** What becomes of a request: left to a person, or decided. */
export type ApprovalStep = { do: 'nothing' } | { do: 'approve' } | { do: 'deny'; message: string }

/**
 * Whether a node gets the certificate that it asks for. Two askers are answered: a host that joins, known by its token, for the client
 * certificate of a node that does not exist yet; and a node for certificates of its own.
 *
 * A token must not make somebody a node that is there, whose secrets and guests he would get; and a serving certificate is for the
 * node's own name alone, since whoever serves under another's name is taken for him. No I/O, no clock.
 */
export function planApproval({ spec, status }: CertificateSigningRequest, facts: ApprovalFacts): ApprovalStep {
  const { signerName, username = '', groups = [] } = spec
  if (status?.certificate || (status?.conditions ?? []).length > 0) return { do: 'nothing' }
  if (signerName !== clientSigner && signerName !== servingSigner) return { do: 'nothing' }
  const joins = groups.includes('system:bootstrappers')
  const isNode = groups.includes('system:nodes') && username.startsWith(prefix)
  if (!joins && !isNode) return { do: 'nothing' }
  const deny = (message: string): ApprovalStep => ({ do: 'deny', message })
  let content
  try {
    content = readRequest(Buffer.from(spec.request, 'base64').toString())
  } catch (error) {
    return deny((error as Error).message)
  }
  const { commonName, names } = content
  const name = commonName.startsWith(prefix) ? commonName.slice(prefix.length) : ''
  if (!nodeName.test(name) || name.length > 253) return deny(`the subject ${commonName} is not that of a node`)
  if (facts.reserved.has(name) && !(isNode && signerName === clientSigner))
    return deny(`the API server goes by the name ${name}; choose another with --node-name`)
  if (isNode) {
    if (username !== commonName) return deny(`${username} may ask for its own certificates alone`)
    const other = names.find((one) => one !== name)
    return signerName === servingSigner && other !== undefined
      ? deny(`a node serves under its own name alone, not ${other}`)
      : { do: 'approve' }
  }
  if (signerName !== clientSigner) return deny('a token gives a client certificate alone')
  if (facts.exists(name))
    return deny(
      `the cluster has a node ${name} already; choose another name with --node-name, or delete the node first if its host is gone`,
    )
  return { do: 'approve' }
}

/** Decide on the requests of nodes as they come. @returns a function that stops it */
export function followNodeRequests(
  objects: Objects,
  reserved: ReadonlySet<string>,
  onError: (error: unknown) => void,
): () => void {
  const facts = { exists: (node: string) => objects.get(nodes, '', node) !== undefined, reserved }
  const reconcile = async (name: string): Promise<void> => {
    const request = objects.get<CertificateSigningRequest>(requests, '', name)
    if (!request || request.metadata.deletionTimestamp) return
    const step = planApproval(request, facts)
    if (step.do === 'nothing') return
    const condition =
      step.do === 'approve'
        ? { type: 'Approved', status: 'True', reason: 'AutoApproved', message: 'a node asks for its own certificate' }
        : { type: 'Denied', status: 'True', reason: 'NotItsOwn', message: step.message }
    const status = { ...request.status, conditions: [condition] }
    await objects.update<CertificateSigningRequest>(requests, { ...request, status }, 'approval')
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
